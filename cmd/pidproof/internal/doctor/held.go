package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"pidproof/cmd/pidproof/internal/ondemand"
	"pidproof/cmd/pidproof/internal/say"
	"pidproof/cmd/pidproof/internal/shellvars"
)

// heldOff names the services that were stopped, and that nothing may start before somebody does.
func heldOff(_ context.Context, f *Finding) {
	if noRoom(f) {
		return
	}
	held, err := ondemand.StillHeld()
	if err != nil {
		f.failed(err)
	}
	for _, service := range held {
		f.add(ToDo, "what could start "+service+" is held off since it was stopped", say.Command("invoke-rc.d", service, "start"))
	}
	if len(held) == 0 && err == nil {
		f.add(Well, "nothing")
	}
}

// noRoom says why root could not note there what he holds off.
func noRoom(f *Finding) bool {
	run, own := "/run", filepath.Dir(ondemand.Dir)
	st, err := os.Lstat(own)
	var space unix.Statfs_t
	switch {
	case err == nil && !st.IsDir():
		f.add(ToDo, own+" is no directory: nothing can be held off", say.Command("rm", own))
	case err == nil && shellvars.Trusted(own, st) != nil:
		f.add(ToDo, shellvars.Trusted(own, st).Error())
	case os.Geteuid() != 0:
	case errors.Is(unix.Access(run, unix.W_OK), unix.EROFS):
		f.add(ToDo, run+" cannot be written: nothing can be held off", say.Command("mount", "-o", "remount,rw", run))
	case unix.Statfs(run, &space) == nil && space.Blocks > 0 && space.Bavail == 0:
		f.add(ToDo, run+" is full: nothing can be held off", "make room there: du -xa "+run+" | sort -n | tail")
	}
	return f.State == ToDo
}
