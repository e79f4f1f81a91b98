/*
 * listing FILE [DIR] keeps everybody from listing DIR, or the threads of the process, whose first one has ended: a
 * listing is written to a page of FILE, which lies on a dead file server, and who waits for that holds the directory's
 * lock (iterate_dir in fs/readdir.c); who wants to make something there waits for him, and all others behind both.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <signal.h>
#include <unistd.h>

static const char *dir;
static void *page;

static void *list(void *none)
{
	syscall(SYS_getdents64, open(dir, O_RDONLY | O_DIRECTORY), page, 4096);
	for (;;)
		pause();
	return none;
}

static void *make(void *none)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/made", dir);
	sleep(1); /* until the listing waits */
	mkdir(path, 0755);
	for (;;)
		pause();
	return none;
}

int main(int argc, char **argv)
{
	char own[64];
	pthread_t lister, maker;
	struct stat stat;
	int file = argc > 1 ? open(argv[1], O_RDONLY) : -1;

	snprintf(own, sizeof own, "/proc/%d/task", getpid());
	dir = argc > 2 ? argv[2] : own;
	fstat(file, &stat); /* the kernel asks for the size */
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	if (page == MAP_FAILED) {
		perror("listing");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	pthread_create(&lister, NULL, list, NULL);
	pthread_create(&maker, NULL, make, NULL);
	if (argc > 2)
		for (;;)
			pause();
	pthread_exit(NULL);
}
