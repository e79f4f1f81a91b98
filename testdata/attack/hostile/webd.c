/*
 * webd [-p PIDFILE] [-d NUMBER] [-w WORKERS] [-u UID] [-r] [-l] [-k] [-t] is the daemon. HUP does nothing to it, TERM ends
 * it, and its workers end with it. -d: it has so many sockets open, or as many as it may, and so have its workers. -r: it
 * removes the file that it was started as. -l: it listens. -k: it locks its pidfile. -t: its first thread ends, and another
 * lives on.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *live(void *none)
{
	for (;;)
		pause();
	return none;
}

static int listens(void)
{
	struct sockaddr any = {AF_UNIX, ""}; /* the kernel finds an address, unix(7) */
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return fd >= 0 && bind(fd, &any, sizeof any.sa_family) == 0 && listen(fd, 1) == 0;
}

static void open_sockets(int number)
{
	struct rlimit limit;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (int i = 1; i < number && dup(fd) >= 0; i++)
		;
}

int main(int argc, char **argv)
{
	const char *pidfile = NULL;
	int workers = 0, uid = -1, locks = 0, ends = 0, option;
	pthread_t other;

	signal(SIGHUP, SIG_IGN);
	alarm(4 * 3600); /* what a run that was itself killed leaves behind */
	while ((option = getopt(argc, argv, "p:d:w:u:rlkt")) > 0) {
		switch (option) {
		case 'p':
			pidfile = optarg;
			break;
		case 'd':
			open_sockets(atoi(optarg));
			break;
		case 'w':
			workers = atoi(optarg);
			break;
		case 'u':
			uid = atoi(optarg);
			break;
		case 'r':
			unlink(argv[0]);
			break;
		case 'l':
			if (!listens())
				return 1;
			break;
		case 'k':
			locks = 1;
			break;
		case 't':
			ends = 1;
			break;
		default:
			return 2;
		}
	}
	pid_t self = getpid();
	if (uid >= 0 && (setgroups(0, NULL) || setgid(uid) || setuid(uid)))
		return 1;
	for (int i = 0; i < workers; i++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			for (;;)
				pause();
		}
	if (pidfile) {
		char name[4096];
		snprintf(name, sizeof name, "%s.new", pidfile);
		FILE *file = fopen(name, "w");
		if (!file)
			return 1;
		fprintf(file, "%d\n", self);
		if (fclose(file) || (locks && flock(open(name, O_RDWR), LOCK_EX)) || rename(name, pidfile))
			return 1;
	}
	if (ends && pthread_create(&other, NULL, live, NULL) == 0)
		syscall(SYS_exit, 0);
	for (;;)
		pause();
}
