package main

// row is one thing that somebody may try, what he finds, and the test that tries it.
type row struct{ who, tries, promise, test string }

const (
	user      = "ordinary user"
	container = "container"
	taken     = "compromised daemon"
	nobody    = "nobody: a busy host"
)

// rows are docs/threat-model.md's table. A test may have several.
var rows = []row{
	{user, "has the daemon's number pass to an innocent process while pidproof stops the daemon, by a storm of forks",
		"the innocent gets no signal; the exit status is right, or says that it cannot be told", "TestPIDReuseInStorm"},
	{user, "the same, while `restart` asks or its restart command runs", "the innocent gets no signal", "TestPIDReuseInRestart"},
	{user, "the same, between each two system calls of the command", "the innocent gets no signal", "TestReusedPID"},
	{user, "forks until the number in root's stale pidfile comes round, and executes the daemon there",
		"it is not taken for the instance: not running, not signalled, not adopted", "TestLateNumber"},
	{user, "the same, and fills /run/lock, so that not all pidfiles are read that might claim the process", "the answer without these files",
		"TestLateBesideManyFiles"},
	{user, "the same with a daemon's file that is setuid root (exim4)", "it is not taken for the instance: not running, not signalled",
		"TestLateSetuid"},
	{user, "has such a process bear witness that the clock was set, so that another passes for the instance that its pidfile names",
		"it is not taken for the instance: not running, not signalled, not adopted", "TestLateFalseWitness"},
	{user, "has the number come round within two seconds, to the daemon, to what locks the pidfile (flock) under its name, or to an innocent",
		"it is not taken for the instance where something shows that the clock was not set", "TestNumberWithinSeconds"},
	{user, "makes a mount tree (`unshare -Urm`) in which his program lies at the daemon's path, or smuggles one out of it",
		"it is not the daemon, whatever its link says", "TestOwnMountTree"},
	{user, "gives his process the daemon's name, path, title or arguments, control characters, 4 KiB of path, or no arguments at all",
		"the answer of a quiet host, in one escaped line, below 32 MiB", "TestSpoofedNames"},
	{user, "makes an argument area of terabytes", "the answer of a quiet host, below 32 MiB", "TestHugeArguments"},
	{user, "holds the lock of his process's memory, so that no read of its arguments returns", "the answer of a quiet host",
		"TestSilentArguments"},
	{user, "has hundreds of such processes", "the answer of a quiet host", "TestManySilent"},
	{user, "starts processes with the daemon's path and 64,000 empty arguments each", "the answer of a quiet host, below 32 MiB",
		"TestManyEmptyArguments"},
	{user, "runs the daemon's own program 5,000 times", "150, or running, below 32 MiB", "TestManyOfItsOwn"},
	{user, "runs thousands of programs, each by a path of nearly 4 KiB", "the answer of a quiet host, below 32 MiB", "TestLongLinks"},
	{user, "has a working directory, a root, a removed file or a script's name that is too long, or leads nowhere", "the answer of a quiet host",
		"TestPathsToNowhere"},
	{user, "runs the daemon, and holds a directory open that is deeper than 4 KiB", "with `--unclaimed=listening`: it does not listen",
		"TestDeepDescriptor"},
	{user, "ends the first thread of his process only, which waits for his file server then", "the answer of a quiet host", "TestHalfEnded"},
	{user, "fills /run/lock with 100,000 pidfiles", "the answer of a quiet host, below 32 MiB", "TestManyFiles"},
	{user, "has those files belong to his thousand subordinate user IDs (newuidmap)", "the answer of a quiet host", "TestSubordinateUsers"},
	{user, "keeps a write lease on a file of his in /run/lock, or in a directory of his group's (fcntl)", "the answer of a quiet host", "TestLease"},
	{user, "holds hundreds of thousands of locks", "the answer of a quiet host, below 32 MiB", "TestManyLocks"},
	{user, "makes hundreds of thousands of unix sockets", "the answer of a quiet host, below 32 MiB; a daemon that listens is found behind them",
		"TestLongSocketTable"},
	{user, "makes 1,000 mounts (fusermount) of which the table takes megabytes", "the answer of a quiet host, below 32 MiB", "TestLongMountTable"},
	{user, "mounts file systems whose servers do not answer, under /run too, and runs programs named like the daemon from them",
		"the answer of a quiet host; for a pidfile there, “unknown” by the deadline", "TestDeadFileServers"},
	{user, "mounts an overlay over such a file system in a user namespace, and leads there by a link's text or a working directory",
		"the answer of a quiet host", "TestOverlayOnDeadServer"},
	{user, "swaps a directory of his program's path for a link to such a file system, all the time", "the answer of a quiet host",
		"TestSwappedDirectory"},
	{user, "asks pidproof himself where /proc hides processes from him (hidepid)", "“unknown”, and never “not running”; root sees all",
		"TestHidepid"},
	{user, "starts programs named like the daemon on all cores, as fast as he can", "the answer of a quiet host", "TestExecStorm"},
	{taken, "swaps its pidfile, in a directory of its own, for links, FIFOs, devices, directories, sockets and others' numbers, all the time",
		"no hang, and a signal to nobody but the daemon", "TestPidfileSwapped"},
	{taken, "the same as root", "no hang, and a signal to nobody but the daemon", "TestPidfileSwappedByRoot"},
	{taken, "fills a directory of root's in which its group may write (/run/named) with 200,000 pidfiles",
		"the answer of a quiet host, below 32 MiB", "TestGroupsDirectory"},
	{taken, "stops itself (SIGSTOP)", "`killproc` and `--stop` end it", "TestStoppedDaemon"},
	{taken, "does not read what pidproof writes: a full pipe", "the deadline holds, “unknown”", "TestFullPipe"},
	{container, "is frozen by its cgroup", "`killproc` says that it has not ended, and comes back in its time", "TestFrozenDaemon"},
	{container, "forbids pidfd_open, pidfd_send_signal, statx or openat2 (seccomp)", "the same answers and signals", "TestSeccomp"},
	{container, "lives in a time namespace, or pidproof does", "the answer of a quiet host", "TestTimeNamespace"},
	{nobody, "large processes end, and for a moment run no program", "the answer of a quiet host", "TestLargeProcessesEnd"},
	{nobody, "10,000 processes sleep, and 1,000 start every second", "the answer of a quiet host", "TestCrowd"},
	{nobody, "words of 32 bits: 386", "the same answers and signals", "Test32Bit"},
	{nobody, "arm64, and s390x with its bytes in the other order, under QEMU", "the same answers and signals", "TestUnderQEMU"},
	{nobody, "nothing: what the others are compared with", "the answers of a quiet host", "TestQuietHost"},
}
