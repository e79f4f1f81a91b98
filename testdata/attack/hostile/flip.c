/*
 * flip FILE OTHER...: exchanges FILE with one of the others, again and again, until killed: FILE is always there, and
 * always something else.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned seed = 1;

	if (argc < 3)
		return 2;
	puts("ready");
	fflush(stdout);
	for (;;) {
		char *other = argv[2 + rand_r(&seed) % (argc - 2)];
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, other, RENAME_EXCHANGE)) {
			perror(other);
			return 1;
		}
		usleep(rand_r(&seed) % 500);
	}
}
