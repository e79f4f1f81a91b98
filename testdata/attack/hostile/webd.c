/*
 * webd [-p PIDFILE] [-w WORKERS] [-u UID] [-r] is the daemon. HUP does nothing to it, TERM ends it, and its workers end
 * with it. -r: it removes the file that it was started as.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *pidfile = NULL;
	int workers = 0, uid = -1, option;

	signal(SIGHUP, SIG_IGN);
	alarm(4 * 3600); /* what a run that was itself killed leaves behind */
	while ((option = getopt(argc, argv, "p:w:u:r")) > 0) {
		switch (option) {
		case 'p':
			pidfile = optarg;
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
		if (fclose(file) || rename(name, pidfile))
			return 1;
	}
	for (;;)
		pause();
}
