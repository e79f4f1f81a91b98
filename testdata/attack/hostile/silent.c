/*
 * silent FILE lets everybody wait who reads its arguments: a read of /proc/PID/mem holds mmap_lock while it waits for a
 * page of FILE, which lies on a dead file server; then somebody wants to map something, and who reads the arguments
 * waits behind both.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void *page;

static void *read_it(void *none)
{
	int memory = open("/proc/self/mem", O_RDONLY);
	char byte;

	(void)!pread(memory, &byte, 1, (intptr_t)page);
	return none;
}

static void *map_something(void *none)
{
	for (;;) {
		void *extra = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (extra != MAP_FAILED)
			munmap(extra, 4096);
		usleep(1000);
	}
	return none;
}

int main(int argc, char **argv)
{
	pthread_t reader, mapper;
	struct stat stat;
	int file = argc > 1 ? open(argv[1], O_RDONLY) : -1;

	if (argc > 2)
		prctl(PR_SET_NAME, argv[2]);
	fstat(file, &stat); /* the kernel asks for the size */
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
	if (page == MAP_FAILED) {
		perror("silent");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	pthread_create(&reader, NULL, read_it, NULL);
	pthread_create(&mapper, NULL, map_something, NULL);
	for (;;)
		pause();
}
