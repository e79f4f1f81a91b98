/*
 * half FILE: its first thread ends once it is told to, by a line or an end of its input. It lets go of its program, and
 * then waits for the file server of FILE, which does not answer that FILE is closed (FLUSH, in exit_files). Another thread
 * lives on, with descriptors of its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *live(void *none)
{
	for (;;)
		pause();
	return none;
}

int main(int argc, char **argv)
{
	pthread_t other;
	char byte;

	if (argc < 2 || open(argv[1], O_RDONLY) < 0 || pthread_create(&other, NULL, live, NULL) || unshare(CLONE_FILES)) {
		perror("half");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	(void)!read(0, &byte, 1);
	syscall(SYS_exit, 0);
}
