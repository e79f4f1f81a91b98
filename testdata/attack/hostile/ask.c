/*
 * ask SECONDS PROGRAM [ARG...]: runs it, and writes to descriptor 3 how it ended and how many KiB it had in memory at
 * most. A process begins with the peak of the one that executed it, so the one that asks has to be small. SECONDS are for
 * what hangs, and 6 GiB for what would take the machine with it; QEMU reserves 4 for a program with words of 32 bits.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t asked;

static void give_up(int sig)
{
	(void)sig;
	dprintf(3, "hangs 0\n");
	kill(asked, SIGKILL);
	_exit(1); /* what cannot be killed is not waited for */
}

int main(int argc, char **argv)
{
	struct rusage used;
	int how;

	if (argc < 3)
		return 2;
	asked = fork();
	if (asked == 0) {
		struct rlimit all = {6UL << 30, 6UL << 30};
		setrlimit(RLIMIT_AS, &all);
		close(3);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv(argv[2], argv + 2);
		_exit(127);
	}
	signal(SIGALRM, give_up);
	alarm(atoi(argv[1]));
	if (wait4(asked, &how, 0, &used) != asked)
		return 2;
	if (WIFEXITED(how))
		dprintf(3, "%d %ld\n", WEXITSTATUS(how), used.ru_maxrss);
	else
		dprintf(3, "signal-%d %ld\n", WTERMSIG(how), used.ru_maxrss);
	return 0;
}
