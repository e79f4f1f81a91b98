/*
 * fuse DEVICE MOUNTPOINT dead [OPTION]          a directory; after FUSE_INIT nothing is answered
 * fuse DEVICE MOUNTPOINT file [OPTION]          a file that can be opened, and is never read
 * fuse DEVICE MOUNTPOINT directory [OPTION]     an empty directory, until USR1 comes
 * fuse DEVICE MOUNTPOINT program FILE [OPTION]  a program with FILE's content; on USR1 the kernel is told to forget what it
 *                                               knows of it (FUSE_NOTIFY_INVAL_INODE), and nothing is answered any more
 *
 * DEVICE is /dev/fuse, the mount point a directory or a file of the same kind (fuse(4), include/uapi/linux/fuse.h).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int server, content = -1, directory;
static volatile sig_atomic_t told_to_die;

static void die(int sig)
{
	(void)sig;
	told_to_die = 1;
}

static void answer(const struct fuse_in_header *to, int error, const void *body, size_t size)
{
	struct fuse_out_header head = {sizeof head + size, -error, to->unique};
	struct iovec parts[] = {{&head, sizeof head}, {(void *)body, size}};

	(void)!writev(server, parts, size ? 2 : 1);
}

static void forget(void)
{
	struct fuse_notify_inval_inode_out which = {FUSE_ROOT_ID, 0, 0};
	struct fuse_out_header head = {sizeof head + sizeof which, FUSE_NOTIFY_INVAL_INODE, 0};
	struct iovec parts[] = {{&head, sizeof head}, {&which, sizeof which}};

	(void)!writev(server, parts, 2);
}

static void read_program(const struct fuse_in_header *head)
{
	static char data[1 << 17];
	const struct fuse_read_in *what = (const void *)(head + 1);
	ssize_t n = pread(content, data, what->size < sizeof data ? what->size : sizeof data, what->offset);

	answer(head, n < 0 ? errno : 0, data, n < 0 ? 0 : n);
}

static void serve(const struct fuse_in_header *head)
{
	struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
	struct fuse_attr_out attr = {.attr_valid = 1 << 20};
	struct fuse_open_out opened = {.open_flags = FOPEN_KEEP_CACHE}; /* or an open waits for pages that are being read */
	struct fuse_statfs_out filesystem = {.st = {.bsize = 4096, .namelen = 255}};
	struct stat stat = {.st_size = 4096, .st_mode = S_IFREG | 0444};

	if (content >= 0)
		fstat(content, &stat);
	switch (head->opcode) {
	case FUSE_INIT:
		answer(head, 0, &init, sizeof init);
		break;
	case FUSE_GETATTR:
		attr.attr.ino = FUSE_ROOT_ID;
		attr.attr.size = stat.st_size;
		attr.attr.mode = directory ? S_IFDIR | 0755 : content >= 0 ? S_IFREG | 0755 : S_IFREG | 0444;
		attr.attr.nlink = 1;
		answer(head, 0, &attr, sizeof attr);
		break;
	case FUSE_LOOKUP:
		answer(head, ENOENT, NULL, 0);
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		answer(head, 0, &opened, sizeof opened);
		break;
	case FUSE_READ:
		if (content >= 0)
			read_program(head);
		break;
	case FUSE_STATFS:
		answer(head, 0, &filesystem, sizeof filesystem);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	case FUSE_READDIR:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
		answer(head, 0, NULL, 0);
		break;
	default:
		answer(head, ENOSYS, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static char request[1 << 18];
	struct sigaction on_death = {.sa_handler = die};
	char options[256];

	if (argc < 4)
		return 2;
	int dead = strcmp(argv[3], "dead") == 0, program = strcmp(argv[3], "program") == 0;
	directory = strcmp(argv[3], "directory") == 0;
	const char *option = argv[program ? 5 : 4];
	if (program && (content = open(argv[4], O_RDONLY)) < 0)
		return 1;
	sigaction(SIGUSR1, &on_death, NULL);
	sigset_t usr1, before;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &before); /* it comes in ppoll only, or it could be missed just before a read */
	server = open(argv[1], O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof options, "fd=%d,rootmode=%s,user_id=%d,group_id=%d%s%s", server, dead || directory ? "40755" : "100755", getuid(),
		 getgid(), option ? "," : "", option ? option : "");
	if (server < 0 || mount("dead", argv[2], "fuse", MS_NOSUID | MS_NODEV, options)) {
		perror(argv[2]);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	int answered = 0;
	for (;;) {
		struct pollfd wanted = {server, POLLIN, 0};
		int polled = ppoll(&wanted, 1, NULL, &before);
		if (told_to_die == 1) {
			told_to_die = 2;
			forget();
			puts("dead");
			fflush(stdout);
		}
		if (polled < 0)
			continue;
		ssize_t n = read(server, request, sizeof request);
		if (n < 0 && errno != EINTR && errno != ENOENT)
			return 0;
		if (n < 0 || told_to_die || (dead && answered))
			continue;
		serve((void *)request);
		answered = 1;
	}
}
