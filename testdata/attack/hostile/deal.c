/*
 * deal gives process numbers out. It reads orders, one to a line, fields separated by tabs, and answers each with a line:
 *
 *	start NUMBER UID MASKED PROGRAM [ARG...]              a child of that number, 0 for any: its number, or -errno
 *	swap NUMBER USEC UID MASKED PIDFILE PROGRAM [ARG...]  after USEC, the child ends and another gets its number, which
 *	                                                      is written to PIDFILE in between, unless that is "-"
 *	signals NUMBER                                        what a masked child got: "ended HOW", or its pending signals
 *	end NUMBER                                            kills and collects it
 *
 * MASKED (1): all signals stay pending, so that they can be seen. KILL and STOP cannot; those are seen, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(int uid, int masked, char **argv, int ready)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t all;

	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	if (uid >= 0 && (setgid(uid) || setuid(uid)))
		_exit(126);
	sigfillset(&all);
	sigprocmask(masked ? SIG_BLOCK : SIG_UNBLOCK, &all, NULL);
	execv(argv[0], argv);
	(void)!write(ready, "", 1);
	_exit(127);
}

/* start returns when the program is executed. */
static long start(pid_t number, int uid, int masked, char **argv)
{
	struct clone_args args;
	int ready[2];
	char byte;
	long pid;

	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	memset(&args, 0, sizeof args);
	args.exit_signal = SIGCHLD;
	if (number) {
		args.set_tid = (uintptr_t)&number;
		args.set_tid_size = 1;
	}
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		become(uid, masked, argv, ready[1]);
	if (pid < 0)
		pid = -errno;
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 0 && pid > 0) {
		waitpid(pid, NULL, 0);
		pid = -ENOEXEC;
	}
	close(ready[0]);
	return pid;
}

static void collect(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void claim(const char *pidfile, pid_t pid)
{
	FILE *file;

	if (strcmp(pidfile, "-") == 0 || !(file = fopen(pidfile, "w")))
		return;
	fprintf(file, "%d\n", pid);
	fclose(file);
}

static void signals(pid_t pid)
{
	unsigned long long thread = 0, process = 0;
	char name[64], line[256], state = 0;
	FILE *status;
	int how;

	if (waitpid(pid, &how, WNOHANG) == pid) {
		printf("ended %s %d\n", WIFSIGNALED(how) ? "signal" : "exit", WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
		return;
	}
	snprintf(name, sizeof name, "/proc/%d/status", pid);
	status = fopen(name, "r");
	while (status && fgets(line, sizeof line, status)) {
		sscanf(line, "State: %c", &state);
		sscanf(line, "SigPnd: %llx", &thread);
		sscanf(line, "ShdPnd: %llx", &process);
	}
	if (status)
		fclose(status);
	printf("%llx%s\n", thread | process, state == 'T' ? " stopped" : "");
}

int main(void)
{
	static char line[1 << 16];
	char *field[64];

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		int n = 0;
		for (char *rest = line, *word; n < 63 && (word = strsep(&rest, "\t\n")); n++)
			field[n] = word;
		field[n - 1] = NULL; /* what follows the line's end */
		pid_t pid = atoi(field[1]);
		if (strcmp(field[0], "start") == 0) {
			printf("%ld\n", start(pid, atoi(field[2]), atoi(field[3]), field + 4));
		} else if (strcmp(field[0], "swap") == 0) {
			usleep(atoi(field[2]));
			collect(pid);
			claim(field[5], pid);
			printf("%ld\n", start(pid, atoi(field[3]), atoi(field[4]), field + 6));
		} else if (strcmp(field[0], "signals") == 0) {
			signals(pid);
		} else {
			collect(pid);
			printf("0\n");
		}
	}
	return 0;
}
