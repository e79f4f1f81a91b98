// Package matcher decides whether the process a pidfile names is really the
// daemon, and sorts the others that run the same daemon.
//
// Check asks about one instance, Find for the processes of a program, Match for those
// that meet criteria, TakeInventory about every instance of the host. Who was asked for
// with Hold, or found by Match, stays who he was found to be: Process.Signal reaches him
// or nobody, AwaitEnd waits for his end, Release lets go of him. The verdict's zero value
// is Unknown; only Running is permission to act.
//
// Data flows one way, and so do imports. Each layer knows those below it; rules and kernel
// do not know each other:
//
//	matcher          asks the kernel, and the rules with what it said
//	internal/rules   what follows from facts (pure: no I/O, no clock of their own)
//	internal/kernel  what /proc, descriptors, mounts, locks and sockets say
//	internal/fact    the words of both: a fact and its states, a process's evidence
//
// Beside it, matcher/host tells what of a host this question does not need.
//
// The way of a question through this package:
//
//	asking.go                    the host that is asked
//	readpidfile.go               reading the pidfile, whatever lies at its path
//	finddaemon.go                the daemon's file on disk
//	interpreter.go, binfmt.go    what runs it, where the kernel does not itself
//	judge.go                     one process: pinned, read, decided about
//	several.go, wrapper.go       the processes of a pidfile that names more than one, or who
//	                             has started the daemon
//	walk.go, claims.go           other pidfiles, read when a rule asks
//	started.go                   the daemon of a wrapper that was asked about itself
//	unnamed.go                   the pidfile of who named none
//	witnesses.go                 what tells whether the clock was set
//	scan.go, wanted.go, keep.go  the other processes, who is worth a closer look, and what is kept
//	others.go, weigh.go          whose they are, and what their roles do to the verdict
//	outside.go, people.go        which of them are the daemon itself, outside every pidfile
//	withoutproc.go               what a pidfile that is not there says, where /proc is not ours
//	check.go, report.go          the pipeline: one Report
//	find.go                      pidof's question, which has no pidfile
//	match.go                     start-stop-daemon's, which may have no daemon
//	inventory.go                 every instance of the host
//	whatruns.go, unaccounted.go  what an unknown one runs, and what no pidfile accounts for
//
// and, for who acts on the answer:
//
//	hold.go                      signalling and awaiting what was proven
//	remaining.go                 what is left of an instance
//	removepidfile.go, adopt.go   the pidfile that was read: removing it, writing it anew
//	words.go                     the words of the rules that an importer has to name
//
// In internal/rules:
//
//	pidfile.go                   what a pidfile says, and for whom it may speak
//	exe.go, interpreter.go       a daemon's names and paths, and the programs that run scripts
//	scriptwords.go               which words of a process are the script that it runs
//	binfmt.go                    the formats that the kernel has a program run
//	several.go, wrapper.go       which of a pidfile's further numbers are PIDs, and whose
//	                             number may be that of who started the daemon
//	decide.go                    the rules about the process that a pidfile names
//	became.go                    that for scripts of which nothing is left
//	script.go, criteria.go       those for #! scripts, and start-stop-daemon's
//	ownership.go                 those about whose it is
//	lateness.go, clock.go        those about time
//	calling.go                   sysvinit's, by which pidof finds a name
//	decision.go                  what comes of them
//	outside.go                   what tells a daemon from what daemons leave behind
//	role.go, weigh.go            what the others are to an instance, and whether they stand in its way
//
// In internal/kernel:
//
//	host.go, handle.go           /proc, and a process held by a pidfd
//	collect.go, procfile.go,     what is read of every process
//	stat.go
//	exelink.go, place.go         what it runs, and in which mount tree
//	arguments.go, inside.go      what it controls itself, read without waiting for it
//	privileges.go                what only root can have given it
//	listing.go, children.go      all processes, and the children of one
//	lookout.go                   who keeps us from looking
//	formats.go                   which formats the kernel has a program run, and what runs us
//	mounts.go, way.go            what is mounted where, and which way may never end
//	thread.go                    where that is, if its first thread has ended, or executes something
//	directory.go, descriptors.go, groups.go, locks.go, sockets.go, socketdiag.go, missed.go, statx.go, follow.go, watch.go, borrow.go, spread.go
//
// It prints nothing and never exits; it signals a process, and removes a file,
// only in the functions named so. Where the kernel would not say, a Fact says
// so; nothing unread ever counts as "no".
//
// # Rules about the pidfile
//
//   - unusable: it cannot be read, or is a FIFO, device, directory or socket, or
//     a link of an unprivileged user. Unknown.
//   - no-pidfile: there is none (or it is /dev/null). The scan decides.
//   - several: nobody named one, LSB's default one does not exist, and several trusted
//     ones name the daemon. Unknown.
//   - names-nobody: its content is no PID. Damage vouches for nothing, but must
//     not keep the daemon from being started again: the scan decides.
//
// # Rules about the process it names
//
// They are tried in this order; the first that applies decides.
//
//   - gone: no process has the number, or only a thread or a zombie does, or one that
//     is ending and runs no program any more. Dead.
//   - foreign: it lives in another PID namespace, or its path is the daemon's only
//     in another mount tree, on another filesystem or of another user namespace. Not
//     this daemon.
//   - criteria: it has another parent, user or name than start-stop-daemon's
//     options ask for. Not this daemon.
//   - number: start-stop-daemon was given no executable, or the daemon is only a label
//     that leads to none, so that the number is all there is. Weak; if late, its name must be like that of the pidfile.
//   - same-file: device and inode of /proc/PID/exe are those of the daemon's file.
//     Where the daemon's path is a link to a file of another name, the process
//     must also have been started under the link's name (busybox crond), or under
//     the target's if the target is one program only; so must one of another hard
//     link. Runs, current. Weak if the daemon itself is an interpreter, of which
//     there are many processes; so is replaced.
//   - replaced: the exe link, without " (deleted)" and the suffixes of package
//     managers, is the daemon's path, in our mount tree or on the same
//     filesystem, or another one that leads into the daemon's directory, and was
//     reached through a mount of the process's own tree. Runs; the file has been
//     replaced or removed.
//   - script: the daemon is a #! script, or a program that the kernel has another one run
//     (binfmt_misc), exe is its interpreter, and the first of
//     its arguments is the script, under a name that fits where the daemon's path
//     is a link to it. By name alone, or by a title that begins with the name
//     (setproctitle): weak. Where another word may be the script, or what a link
//     once led to, or the name stands elsewhere in a title: unknown. The file that
//     was replaced or removed is the interpreter's; which version of the script it
//     runs is not known. Without a pidfile it cannot be told of another interpreter of root's,
//     or of the daemon's owner's, that was given a path of the daemon's.
//   - locked: it holds a lock on the pidfile and bears the daemon's name. Runs.
//   - started-as: argv[0] is the daemon's path and comm its name, but the file was
//     moved or the link retargeted. Weak; needs a pidfile that may vouch. Without one
//     it cannot be told, if the file is root's or of the daemon's owner and was changed
//     since the process started, as rename(2) changes it.
//   - wrapper: it runs something else, has this number since the pidfile was written, is
//     root's or the pidfile's owner's, and one process below it, for which the pidfile
//     may vouch, runs the daemon. Weak. With several below it, or where the pidfile was
//     written long after it had started: plausible, for root as well.
//   - unreadable: its executable may not be read. Plausible if comm fits, the
//     pidfile may vouch and no other names its parent; otherwise it cannot be told. Nor
//     can it where root may not read whether the daemon's file is a script.
//   - became: the daemon is a script, which may become any program, or an interpreter, and
//     another version of it runs, or behind a link, which now leads to a neighbour of what
//     runs, or was moved aside; and the pidfile was written as the process started, so that
//     its number has not changed hands. Weak. Another user's than the pidfile's
//     owner's needs a witness that the clock was kept.
//   - contradicted: it runs something else, but its name, the path it was started
//     as, or the script it was given is the daemon's. Or it started just before the
//     pidfile was written, so its number was not recycled, and the daemon is in its
//     arguments, or is a script or behind a link that may once have led to it, and has its name. Unknown.
//   - mismatch: it runs something else. Not this daemon.
//
// # Rules about whose it is
//
// Asked once one of the rules above has said "runs".
//
//   - untrusted: the pidfile's writer could not have signalled this process.
//   - recycled: it is, or is a child of, another instance's main process, by that
//     instance's own pidfile, which may name its wrapper. Or it is late and not root's, and the clock was not set
//     since it started; or little speaks for it, and the pidfile is from before this
//     boot. Not this instance.
//   - contested: another pidfile, written at another time, names it too; or names
//     the process it is a child of, and this one was written when it started.
//   - late: it started after its pidfile was written, and is not root's, or only its
//     name fits (as of an interpreter, which runs any script), or its parent is another
//     of the daemon. It stands if the clock was set: everything from before looks late by
//     the same span, and something of root's does. Likewise where the pidfile's time is
//     still to come, because the clock was set back.
//
// # Rules about asking
//
//   - not-our-proc: /proc is not mounted, or shows another PID namespace.
//   - deadline: something that had to be read did not answer in time.
package matcher
