/*
 * again SCRIPT PIDFILE is the interpreter of a script that it executes again at once, in another thread than the first
 * where that has "thread" in its name. PIDFILE is written when it starts.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *execute(void *argv)
{
	char **words = argv;

	execv(words[0], words);
	_exit(127);
}

int main(int argc, char **argv)
{
	pthread_t other;

	if (argc < 3)
		return 2;
	if (access(argv[2], F_OK)) {
		FILE *file = fopen(argv[2], "w");
		if (!file || fprintf(file, "%d\n", getpid()) < 0 || fclose(file))
			return 1;
	}
	if (strstr(argv[1], "thread")) {
		if (pthread_create(&other, NULL, execute, argv + 1))
			return 1;
		for (;;)
			pause();
	}
	execute(argv + 1);
}
