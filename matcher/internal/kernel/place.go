package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pidproof/matcher/internal/fact"
)

// placeTree compares the mount tree the process sees with ours, and its root directory.
// procfs reads all namespaces, and has none of a process that called unshare(CLONE_NEWPID)
// and has no child: pid_for_children is absent then (kernel/pid_namespace.c).
func (h *System) placeTree(e *fact.Evidence, dir string) error {
	ns := ReadLink(filepath.Join(dir, "ns/mnt"))
	e.Torn = ns.State == fact.Absent && h.Self.mountNS.State != fact.Absent
	e.Tree = compare(ns, h.Self.mountNS)
	if e.Tree == fact.OtherPlace {
		user := ReadLink(filepath.Join(dir, "ns/user"))
		e.UserNS = compare(user, h.Self.userNS)
		if user.State == fact.Absent && h.Self.userNS.State == fact.Absent { // a kernel without any
			e.UserNS = fact.SamePlace
		}
		if err := fact.Unforeseen(user.Err); err != nil {
			return err
		}
	}
	link := filepath.Join(dir, "root")
	root := Identify(link)
	if e.Root = compare(root, h.Self.Root); e.Root == fact.OtherPlace {
		var err error
		if e.Outside, err = h.outside(link, root.Value); err != nil {
			return err
		}
	}
	if err := fact.Unforeseen(ns.Err); err != nil {
		return err
	}
	return fact.Unforeseen(root.Err)
}

func compare[T comparable](its, ours fact.Fact[T]) fact.Place {
	switch {
	case its.State != fact.Known || ours.State != fact.Known:
		return fact.PlaceUnknown
	case its.Value == ours.Value:
		return fact.SamePlace
	}
	return fact.OtherPlace
}

// outside reports that a process's root directory cannot be reached from ours:
// its path, as the kernel shows it to us, leads to something else.
func (h *System) outside(link string, root fact.FileID) (bool, error) {
	path, err := os.Readlink(link)
	if err != nil {
		return false, fact.Unforeseen(err)
	}
	now := h.LookFor(path, 0)
	if errors.Is(now.Err, fact.ErrMayHang) {
		return false, nil
	}
	if err := fact.Unforeseen(now.Err); err != nil {
		return false, err
	}
	return now.Value != root, nil
}

// FilesystemOf compares the file system of what a process runs with that of a directory,
// the daemon's, by the mounts that lead there: not by st_dev, which overlayfs and btrfs
// give a file as they like. Absent: the executable was reached through no mount of the
// process's own tree, but through a descriptor that was passed to it from another tree, or
// a mount that is gone. Then the path that the kernel shows is one of that tree, in which
// anybody may have mounted what he likes.
func (h *System) FilesystemOf(e fact.Evidence, directoryMount, directoryDev uint64) fact.Fact[fact.Place] {
	x := e.Exe.Value
	switch {
	case h.Still && !x.ID.Known() && e.Tree == fact.SamePlace:
		return fact.Of(fact.SamePlace)
	case x.IDErr != nil:
		return fact.Failed[fact.Place](x.IDErr)
	case x.Mount == 0:
		return fact.Fact[fact.Place]{State: fact.Unreadable, Err: fmt.Errorf("the mount of %s is not known", x.Link)}
	case x.Mount == directoryMount: // one mount is in one tree
		return fact.Of(fact.SamePlace)
	}
	ours, err := h.mounted()
	if err != nil {
		return fact.Failed[fact.Place](err)
	}
	mounts := ours
	if e.Tree != fact.SamePlace {
		h.Doing("reading %s/%d/mountinfo", h.Proc, e.PID)
		if mounts, err = h.mountsOf(e.PID); err != nil {
			return fact.Failed[fact.Place](err)
		}
	}
	dev, found := deviceOf(mounts, x.Mount)
	switch {
	case !found:
		return fact.Fact[fact.Place]{State: fact.Absent, Err: fmt.Errorf("%s was reached through no mount of its own", x.Link)}
	case e.Tree == fact.SamePlace:
		return fact.Of(fact.SamePlace)
	}
	daemons, found := deviceOf(ours, directoryMount)
	if !found { // in a chroot, whose own mount is not shown
		daemons = directoryDev
	}
	if dev == daemons {
		return fact.Of(fact.SamePlace)
	}
	return fact.Of(fact.OtherPlace)
}

func deviceOf(mounts []mount, id uint64) (dev uint64, found bool) {
	for _, m := range mounts {
		if m.id == id {
			return m.dev, true
		}
	}
	return 0, false
}

// RootOf identifies the root directory of a process, as its user if we may not. It is unknown
// of another user's, and a zombie has none.
func (h *System) RootOf(pid int) (root fact.Fact[fact.FileID]) {
	err := h.lookAgain(pid, func(dir string) (nothing bool) {
		root = Identify(dir + "/root")
		return root.State == fact.Absent
	})
	if err != nil {
		return fact.Failed[fact.FileID](err)
	}
	if root.State == fact.Unreadable && errors.Is(root.Err, os.ErrPermission) {
		status, err := h.ReadStatus(pid)
		if err != nil {
			return fact.Failed[fact.FileID](err)
		}
		AsItsUser(status, func() { root = Identify(h.PidPath(pid, "root")) })
	}
	return root
}
