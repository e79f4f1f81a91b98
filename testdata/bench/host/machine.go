// Package host describes the machine that is measured, and finds the peers on it.
package host

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Machine says what the numbers depend on, and nothing that names the machine.
func Machine(tools []string) []string {
	var uname unix.Utsname
	system := "Linux"
	if err := unix.Uname(&uname); err == nil {
		system = fmt.Sprintf("Linux %s, %s", field(uname.Release[:]), field(uname.Machine[:]))
	}
	lines := append([]string{fmt.Sprintf("%s, %d cores", system, runtime.NumCPU())}, tools...)
	if shell, err := filepath.EvalSymlinks("/bin/sh"); err == nil {
		lines = append(lines, "sh is "+filepath.Base(shell))
	}
	return lines
}

// Busy warns of other programs that want the processors: wall times depend on them, and more so those of what uses all.
func Busy() string {
	text, err := os.ReadFile("/proc/loadavg") // proc_loadavg(5)
	if err != nil {
		return ""
	}
	var minute float64
	if _, err := fmt.Sscan(string(text), &minute); err != nil || minute < float64(runtime.NumCPU())/2 {
		return ""
	}
	return fmt.Sprintf("this machine is busy (load %g), wall times will differ from run to run", minute)
}

func field(bytes []byte) string { return unix.ByteSliceToString(bytes) }
