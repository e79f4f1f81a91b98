package matcher

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// placeTree compares the mount tree the process sees with ours, and its root directory.
func (h *system) placeTree(e *Evidence, dir string) error {
	ns := readLink(filepath.Join(dir, "ns/mnt"))
	e.torn = ns.State == Absent && h.self.mountNS.State != Absent
	e.Tree = compare(ns, h.self.mountNS)
	if e.Tree == OtherPlace {
		user := readLink(filepath.Join(dir, "ns/user"))
		e.UserNS = compare(user, h.self.userNS)
		if user.State == Absent && h.self.userNS.State == Absent { // a kernel without any
			e.UserNS = SamePlace
		}
		if err := unforeseen(user.Err); err != nil {
			return err
		}
	}
	link := filepath.Join(dir, "root")
	root := identify(link)
	if e.Root = compare(root, h.self.root); e.Root == OtherPlace {
		var err error
		if e.Outside, err = h.outside(link, root.Value); err != nil {
			return err
		}
	}
	if err := unforeseen(ns.Err); err != nil {
		return err
	}
	return unforeseen(root.Err)
}

func compare[T comparable](its, ours Fact[T]) Place {
	switch {
	case its.State != Known || ours.State != Known:
		return PlaceUnknown
	case its.Value == ours.Value:
		return SamePlace
	}
	return OtherPlace
}

// outside reports that a process's root directory cannot be reached from ours:
// its path, as the kernel shows it to us, leads to something else.
func (h *system) outside(link string, root FileID) (bool, error) {
	path, err := os.Readlink(link)
	if err != nil {
		return false, unforeseen(err)
	}
	if _, mayHang := h.mayHang(path); mayHang {
		return false, nil
	}
	now := realPathOnly(path)
	if err := unforeseen(now.Err); err != nil {
		return false, err
	}
	return now.Value != root, nil
}

// filesystemOf compares the file system of what a process runs with that of a directory,
// the daemon's, by the mounts that lead there: not by st_dev, which overlayfs and btrfs
// give a file as they like. Absent: the executable was reached through no mount of the
// process's own tree, but through a descriptor that was passed to it from another tree, or
// a mount that is gone. Then the path that the kernel shows is one of that tree, in which
// anybody may have mounted what he likes.
func (h *system) filesystemOf(e Evidence, directoryMount, directoryDev uint64) Fact[Place] {
	x := e.Exe.Value
	switch {
	case h.still && !x.ID.Known() && e.Tree == SamePlace:
		return known(SamePlace)
	case x.IDErr != nil:
		return failed[Place](x.IDErr)
	case x.mount == 0:
		return Fact[Place]{State: Unreadable, Err: fmt.Errorf("the mount of %s is not known", x.Link)}
	case x.mount == directoryMount: // one mount is in one tree
		return known(SamePlace)
	}
	ours, err := h.mounted()
	if err != nil {
		return failed[Place](err)
	}
	mounts := ours
	if e.Tree != SamePlace {
		h.doing("reading %s/%d/mountinfo", h.proc, e.PID)
		if mounts, err = readMounts(h.proc, strconv.Itoa(e.PID)); err != nil {
			return failed[Place](err)
		}
	}
	dev, found := deviceOf(mounts, x.mount)
	switch {
	case !found:
		return Fact[Place]{State: Absent, Err: fmt.Errorf("%s was reached through no mount of its own", x.Link)}
	case e.Tree == SamePlace:
		return known(SamePlace)
	}
	daemons, found := deviceOf(ours, directoryMount)
	if !found { // in a chroot, whose own mount is not shown
		daemons = directoryDev
	}
	if dev == daemons {
		return known(SamePlace)
	}
	return known(OtherPlace)
}

func deviceOf(mounts []mount, id uint64) (dev uint64, found bool) {
	for _, m := range mounts {
		if m.id == id {
			return m.dev, true
		}
	}
	return 0, false
}
