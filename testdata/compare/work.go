package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// work is what the processes of a session have done so far: clock ticks of a core (proc_pid_stat(5)), and whether one of
// them waits for a core and nothing else.
type work struct {
	ticks int
	ready bool
}

// workOf reads what the processes of a session have done, those that have ended included where somebody awaited them.
func workOf(session int) (w work) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		at := bytes.LastIndex(stat, []byte(") "))
		if err != nil || at < 0 {
			continue // it has ended
		}
		const state, itsSession, user, childrens = 0, 3, 11, 14 // after the name
		fields := strings.Fields(string(stat[at+2:]))
		if len(fields) <= childrens || fields[itsSession] != strconv.Itoa(session) {
			continue
		}
		w.ready = w.ready || fields[state] == "R"
		for _, field := range fields[user : childrens+1] {
			n, _ := strconv.Atoi(field)
			w.ticks += n
		}
	}
	return w
}
