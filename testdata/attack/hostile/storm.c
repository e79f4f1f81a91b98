/*
 * storm fork           forks as fast as it can
 * storm exec PROGRAM   executes PROGRAM as fast as it can; without arguments it must end by itself
 * storm end MEGABYTES  processes that touch so much memory and end
 * storm crowd N RATE   N sleeping processes, and RATE short ones a second
 * All until killed, and at the lowest priority: only large processes keep theirs, as they have to end often.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void touch_and_end(size_t megabytes)
{
	char *memory = mmap(NULL, megabytes << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory != MAP_FAILED) {
		madvise(memory, megabytes << 20, MADV_NOHUGEPAGE); /* the more pages, the longer it ends */
		for (size_t i = 0; i < megabytes << 20; i += 4096)
			memory[i] = 1;
	}
	_exit(0);
}

static void child(char **argv)
{
	if (strcmp(argv[1], "exec") == 0) {
		char *none[] = {argv[2], NULL};
		execv(argv[2], none);
		_exit(127);
	}
	if (strcmp(argv[1], "end") == 0)
		touch_and_end(atoi(argv[2]));
	_exit(0);
}

static void crowd(long n)
{
	for (long i = 0; i < n; i++) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
}

int main(int argc, char **argv)
{
	struct timespec pace = {0, 0};

	if (argc < 2 || (strcmp(argv[1], "end") && nice(19) == -1))
		return 2;
	if (strcmp(argv[1], "crowd") == 0) {
		crowd(atol(argv[2]));
		pace.tv_nsec = 1000000000L / atol(argv[3]);
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		pid_t pid = strcmp(argv[1], "end") == 0 ? fork() : vfork();
		if (pid == 0)
			child(argv);
		if (pid < 0)
			usleep(1000); /* no number is free */
		else
			waitpid(pid, NULL, 0);
		if (pace.tv_nsec)
			nanosleep(&pace, NULL);
	}
}
