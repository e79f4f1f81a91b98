/*
 * spoof pretends, as its environment says:
 *
 *	COMM   the kernel's name for it
 *	HOW    "overwrite": TEXT, without any NUL, in place of all arguments and of the environment behind them
 *	       "none": no arguments at all (PR_SET_MM_MAP)
 *	       "huge": GIGABYTES of arguments (PR_SET_MM_MAP)
 *	       "root": its working directory becomes its root, in a user namespace of its own
 *
 * It says "ready" when it does, and waits.
 */
#define _GNU_SOURCE
#include <linux/prctl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

extern char **environ;

/* arguments_at moves what /proc/PID/cmdline shows; the rest stays as /proc/self/stat says. */
static int arguments_at(uintptr_t begin, uintptr_t end)
{
	unsigned long field[60] = {0};
	struct prctl_mm_map map;
	char stat[4096];
	int i = 3;

	FILE *file = fopen("/proc/self/stat", "r");
	if (!file)
		return -1;
	size_t size = fread(stat, 1, sizeof stat - 1, file);
	fclose(file);
	stat[size] = 0;
	for (char *word = strtok(strrchr(stat, ')') + 2, " "); word && i < 60; word = strtok(NULL, " "))
		field[i++] = strtoul(word, NULL, 10);
	memset(&map, 0, sizeof map);
	map.start_code = field[26];
	map.end_code = field[27];
	map.start_stack = field[28];
	map.start_data = field[45];
	map.end_data = field[46];
	map.start_brk = field[47];
	map.brk = (uintptr_t)sbrk(0);
	map.env_start = field[50];
	map.env_end = field[51];
	map.arg_start = begin;
	map.arg_end = end;
	map.exe_fd = -1;
	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
}

static int huge(size_t gigabytes)
{
	size_t size = gigabytes << 30;
	char *memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return -1;
	return arguments_at((uintptr_t)memory, (uintptr_t)memory + size);
}

static void overwrite(char *begin, const char *text)
{
	char *end = begin, **last = environ;

	while (*last)
		end = *last++ + 1;
	if (last != environ)
		end = last[-1] + strlen(last[-1]);
	size_t size = strlen(text);
	for (char *at = begin; at < end; at++)
		*at = text[(at - begin) % size];
}

int main(int argc, char **argv)
{
	const char *comm = getenv("COMM"), *how = getenv("HOW"), *text = getenv("TEXT"), *gigabytes = getenv("GIGABYTES");
	int failed = 0;

	alarm(4 * 3600);
	if (comm)
		prctl(PR_SET_NAME, comm);
	if (how && strcmp(how, "overwrite") == 0)
		overwrite(argv[0], strdup(text));
	else if (how && strcmp(how, "none") == 0)
		failed = arguments_at((uintptr_t)argv[0], (uintptr_t)argv[0]);
	else if (how && strcmp(how, "huge") == 0)
		failed = huge(strtoul(gigabytes, NULL, 10));
	else if (how && strcmp(how, "root") == 0)
		failed = unshare(CLONE_NEWUSER) || chroot(".");
	if (failed) {
		perror("spoof");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
