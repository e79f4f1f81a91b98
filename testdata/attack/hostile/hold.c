/*
 * hold lease FILE                  a write lease on FILE, which it makes and takes again when somebody has broken it (fcntl(2))
 * hold flock FILE NAME             a lock on a file of somebody else's, that it may only read (flock(2)), under the name NAME
 * hold locks DIR FILES EACH        so many locks on each of so many files (fcntl(2)): /proc/locks has a line for each
 * hold listen PATH                 a unix socket that listens there; @NAME: with this abstract name
 * hold closing NAME MOST           up to so many that listen and stand before @NAME in the kernel's list, and are closed all the time
 * hold abstract NAME               a unix socket with this abstract name, which does not listen
 * hold sockets DIR PROCESSES EACH  unix sockets with names as long as may be: /proc/net/unix has a line for each
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	exit(1);
}

static void hold(void)
{
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

/* lease lets who breaks it wait a while, as the kernel would for 45 seconds. */
static void lease(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT, 0644), broken;
	sigset_t io;

	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	sigprocmask(SIG_BLOCK, &io, NULL);
	if (file < 0 || dprintf(file, "%d\n", getpid()) < 0 || fcntl(file, F_SETLEASE, F_WRLCK))
		fail(path);
	puts("ready");
	fflush(stdout);
	for (;;) {
		sigwait(&io, &broken);
		usleep(300000);
		fcntl(file, F_SETLEASE, F_UNLCK);
		while (fcntl(file, F_SETLEASE, F_WRLCK))
			usleep(1000);
	}
}

/* locks takes the last first: the kernel keeps those of a file in order. */
static void locks(const char *dir, int files, int each)
{
	for (int i = 0; i < files; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/lock%d", dir, i);
		int file = open(path, O_RDWR | O_CREAT, 0644);
		for (int k = each; k > 0; k--) {
			struct flock byte = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2 * k, .l_len = 1};
			if (file < 0 || fcntl(file, F_SETLK, &byte))
				fail(path);
		}
	}
}

static int bound(struct sockaddr_un address, int type)
{
	int s = socket(AF_UNIX, type, 0);

	if (s < 0 || bind(s, (void *)&address, sizeof address))
		fail("bind");
	return s;
}

static int listening(struct sockaddr_un address)
{
	int s = bound(address, SOCK_STREAM);

	if (listen(s, 1))
		fail("listen");
	return s;
}

/*
 * closing has one more each time, so that the one behind them is now and then the first of a part of what the kernel
 * tells. A word and its complement do not change the sum by which a name has its list (unix_abstract_hash in
 * net/unix/af_unix.c), in which the latest is the first.
 */
static void closing(const char *name, int most)
{
	enum { some = 3, again = 5, word = 60 };
	int *s = calloc(most, sizeof *s);

	if (!s)
		fail("calloc");
	puts("ready");
	fflush(stdout);
	for (int n = 0;; n++) {
		if (n == most)
			while (n > 0)
				close(s[--n]);
		for (int tries = 0; tries < again; tries++) {
			for (int i = n > some ? n - some : 0; tries && i <= n; i++)
				close(s[i]);
			for (int i = tries && n > some ? n - some : tries ? 0 : n; i <= n; i++) {
				struct sockaddr_un address = {.sun_family = AF_UNIX};
				strncpy(address.sun_path + 1, name, word - 2);
				address.sun_path[word] = i, address.sun_path[word + 1] = i >> 8;
				address.sun_path[word + 2] = ~i, address.sun_path[word + 3] = ~i >> 8;
				s[i] = listening(address);
			}
		}
	}
}

/* sockets lie in a directory for each process. Of abstract ones each would be compared with a 256th of all others. */
static void sockets(const char *dir, int processes, int each)
{
	int made[2];

	if (pipe(made))
		fail("pipe");
	for (int p = 0; p < processes; p++) {
		if (fork() == 0) {
			struct sockaddr_un address = {.sun_family = AF_UNIX};
			snprintf(address.sun_path, sizeof address.sun_path, "%s/%d", dir, p);
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (mkdir(address.sun_path, 0755) || chdir(address.sun_path))
				fail(address.sun_path);
			for (int i = 0; i < each; i++) {
				snprintf(address.sun_path, sizeof address.sun_path, "%0*d", (int)sizeof address.sun_path - 1, i);
				bound(address, SOCK_DGRAM);
			}
			(void)!write(made[1], "", 1);
			for (;;)
				pause();
		}
	}
	close(made[1]);
	for (int p = 0; p < processes; p++) {
		char byte;
		if (read(made[0], &byte, 1) != 1)
			exit(1);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;

	if (argc < 3)
		return 2;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (strcmp(argv[1], "lease") == 0) {
		lease(argv[2]);
	} else if (strcmp(argv[1], "listen") == 0) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		strncpy(address.sun_path, argv[2], sizeof address.sun_path - 1);
		if (*address.sun_path == '@')
			*address.sun_path = 0;
		listening(address);
	} else if (strcmp(argv[1], "abstract") == 0) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		strncpy(address.sun_path + 1, argv[2], sizeof address.sun_path - 2);
		bound(address, SOCK_DGRAM);
	} else if (argc < 4) {
		return 2;
	} else if (strcmp(argv[1], "closing") == 0) {
		closing(argv[2], atoi(argv[3]));
	} else if (strcmp(argv[1], "flock") == 0) {
		if (flock(open(argv[2], O_RDONLY), LOCK_EX) || prctl(PR_SET_NAME, argv[3]))
			fail(argv[2]);
	} else if (argc < 5) {
		return 2;
	} else if (strcmp(argv[1], "sockets") == 0) {
		sockets(argv[2], atoi(argv[3]), atoi(argv[4]));
	} else {
		locks(argv[2], atoi(argv[3]), atoi(argv[4]));
	}
	hold();
}
