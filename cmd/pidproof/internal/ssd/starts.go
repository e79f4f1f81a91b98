package ssd

import "path/filepath"

// Starts is the program that --start is about: that of --exec, by which a daemon is known,
// or else that of --startas.
func Starts(o Options) string {
	if o.Exec != "" {
		return o.place(o.Exec)
	}
	return o.place(o.Startas)
}

// StartsWith are the arguments of what Starts names: also a script that it runs.
func StartsWith(o Options) []string {
	if o.Exec == "" || o.Startas == "" || o.place(o.Startas) == o.place(o.Exec) {
		return o.Args
	}
	return append([]string{o.place(o.Startas)}, o.Args...)
}

// mayRunLimit is how many of the arguments are looked at.
const mayRunLimit = 8

// MayRun are the programs that --startas may become: itself, and the absolute paths among its
// arguments, as of a wrapper. Not all of them need be programs. None with another command,
// or with --exec, which says it.
func MayRun(o Options) (programs []string) {
	if o.Action != Start || o.Exec != "" || o.Startas == "" {
		return nil
	}
	programs = append(programs, o.place(o.Startas))
	for _, word := range o.Args {
		if filepath.IsAbs(word) && len(programs) <= mayRunLimit {
			programs = append(programs, o.place(word))
		}
	}
	return programs
}

// StartsAs are the users of the started program, as far as the line says.
func StartsAs(o Options) (uids []int) {
	for _, name := range []string{o.Chuid, o.User} {
		if name == "" {
			continue
		}
		uid, err := parseUnsigned(name, 10)
		if err != nil {
			uid, err = lookUp(users, name)
		}
		if err == nil { // else it was refused, or the real program refuses it
			uids = append(uids, uid)
		}
	}
	return uids
}
