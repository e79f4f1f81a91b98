/*
 * The daemon of the histories, and every other program in them. It starts in a
 * millisecond, and its processes have the numbers that it is told.
 *
 *   histd -n PID [-p PIDFILE [-o OWNER]] [-w WORKERS] [-k] [-u UID] [-s DIR [-d]]
 *
 * Process PID, and the workers PID+1 and on, run as UID. The pidfile is written
 * before the workers are there. On TERM the main process ends its workers first,
 * unless -k says that they outlive it. With -s it moves into a user namespace of
 * its own, mounts a tmpfs over DIR, and becomes a copy of itself at argv[0]
 * there; -d removes the copy.
 *
 * The program that was called returns 0 when all that is done.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { most = 8 };
static int workers[most]; /* pidfds: a worker's number may be another's by now */
static int count;

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

/* clone3(2) with set_tid: the number is exact, and the kernel's next one stays what it was. */
static pid_t fork_as(pid_t pid, int *pidfd)
{
	pid_t want[1] = { pid };
	struct clone_args args = {
		.flags = CLONE_PIDFD, .pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD, .set_tid = (uintptr_t)want, .set_tid_size = 1,
	};
	/* A number is free a little later than kill(2) says so (release_task in kernel/exit.c). */
	for (int tries = 0; tries < 50000; tries++) {
		pid_t got = syscall(SYS_clone3, &args, sizeof args);
		if (got >= 0)
			return got;
		if (errno != EEXIST)
			break;
		usleep(200);
	}
	die("clone3");
	return -1;
}

static void become(int uid)
{
	if (uid && (setgroups(0, 0) || setgid(uid) || setuid(uid)))
		die("setuid");
}

static void end(int sig)
{
	for (int i = 0; i < count; i++)
		syscall(SYS_pidfd_send_signal, workers[i], SIGTERM, 0, 0);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void write_file(const char *path, const char *text)
{
	int f = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (f < 0 || write(f, text, strlen(text)) < 0 || close(f))
		die(path);
}

static void write_pidfile(const char *path, int owner)
{
	char text[16], new[4096];
	snprintf(text, sizeof text, "%d\n", getpid());
	snprintf(new, sizeof new, "%s.new", path);
	write_file(new, text);
	if (owner && chown(new, owner, owner))
		die("chown");
	if (rename(new, path))
		die("rename");
}

/* The rest of a process that has moved: argv is PATH -x READY [-d]. */
static void moved(char **argv)
{
	if (argv[3] && unlink(argv[0]))
		die("unlink");
	int ready = atoi(argv[2]);
	if (write(ready, "r", 1) != 1 || close(ready))
		die("ready");
	for (;;)
		pause();
}

static void move(const char *path, const char *dir, int delete, int ready)
{
	char users[32], groups[32], number[16];
	snprintf(users, sizeof users, "0 %d 1", getuid());
	snprintf(groups, sizeof groups, "0 %d 1", getgid());
	snprintf(number, sizeof number, "%d", ready);
	int self = open("/proc/self/exe", O_RDONLY);
	/* Whoever changed his user is not dumpable, and may not write his own maps. */
	if (self < 0 || prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER | CLONE_NEWNS))
		die("unshare");
	write_file("/proc/self/uid_map", users);
	write_file("/proc/self/setgroups", "deny"); /* user_namespaces(7) */
	write_file("/proc/self/gid_map", groups);
	if (mount("tmpfs", dir, "tmpfs", 0, "mode=0755"))
		die("mount");
	int copy = open(path, O_WRONLY | O_CREAT, 0755);
	ssize_t n;
	if (copy < 0)
		die(path);
	while ((n = sendfile(copy, self, 0, 1 << 20)) > 0)
		;
	if (n < 0 || close(copy))
		die("copy");
	char *argv[] = { (char *)path, "-x", number, delete ? "-d" : 0, 0 };
	execv(path, argv);
	die("execv");
}

int main(int argc, char **argv)
{
	const char *pidfile = 0, *dir = 0;
	int pid = 0, owner = 0, uid = 0, outlive = 0, delete = 0, want = 0, option;
	if (argc > 2 && !strcmp(argv[1], "-x"))
		moved(argv);
	while ((option = getopt(argc, argv, "n:p:o:w:ku:s:d")) > 0)
		switch (option) {
		case 'n': pid = atoi(optarg); break;
		case 'p': pidfile = optarg; break;
		case 'o': owner = atoi(optarg); break;
		case 'w': want = atoi(optarg); break;
		case 'k': outlive = 1; break;
		case 'u': uid = atoi(optarg); break;
		case 's': dir = optarg; break;
		case 'd': delete = 1; break;
		default: return 1;
		}
	int pipes[2], ready[2], main_process;
	char done;
	if (pid < 2 || want > most || pipe(pipes) || pipe(ready))
		die("histd");
	if (fork_as(pid, &main_process)) {
		close(pipes[1]);
		return read(pipes[0], &done, 1) != 1;
	}
	close(pipes[0]);
	setsid();
	signal(SIGCHLD, SIG_IGN); /* nobody stays a zombie */
	if (pidfile)
		write_pidfile(pidfile, owner);
	for (int i = 0; i < want; i++) {
		if (!fork_as(pid + 1 + i, &workers[i])) {
			close(pipes[1]);
			become(uid);
			if (write(ready[1], "r", 1) != 1)
				die("ready");
			for (;;)
				pause();
		}
		if (read(ready[0], &done, 1) != 1)
			die("worker");
		count++;
	}
	if (!outlive)
		signal(SIGTERM, end);
	become(uid);
	if (dir)
		move(argv[0], dir, delete, pipes[1]);
	if (write(pipes[1], "r", 1) != 1 || close(pipes[1]))
		die("ready");
	for (;;)
		pause();
}
