/*
 * groups PROGRAM [ARG...]: runs it with as many supplementary groups as there may be (NGROUPS_MAX), in a user namespace of
 * its own, as who has subordinate group IDs can (newgidmap(1)). That takes root here, who becomes the user 65534.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int map(const char *file, const char *text)
{
	char path[64];
	int fd, written;

	snprintf(path, sizeof path, "/proc/%d/%s", getppid(), file);
	fd = open(path, O_WRONLY);
	written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	return written ? 0 : -1;
}

int main(int argc, char **argv)
{
	static gid_t groups[NGROUPS_MAX];
	int made[2], how;
	char byte;
	pid_t mapper;

	if (argc < 2 || pipe(made))
		return 2;
	mapper = fork();
	if (mapper == 0) { /* stays outside */
		close(made[1]);
		(void)!read(made[0], &byte, 1);
		_exit(map("uid_map", "0 65534 1\n") || map("gid_map", "0 65534 1\n1 100000 65536\n"));
	}
	if (unshare(CLONE_NEWUSER)) {
		perror("unshare");
		return 1;
	}
	close(made[1]);
	if (waitpid(mapper, &how, 0) != mapper || how) {
		fprintf(stderr, "groups: no map\n");
		return 1;
	}
	for (int i = 0; i < NGROUPS_MAX; i++)
		groups[i] = 1 + i;
	if (setgroups(NGROUPS_MAX, groups) || setgid(0) || setuid(0)) {
		perror("groups");
		return 1;
	}
	execv(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}
