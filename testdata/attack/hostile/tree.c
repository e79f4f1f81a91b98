/*
 * tree inside DIR FILE [ARG...]   runs DIR/NAME, NAME being FILE's, in user and mount namespaces of its own, where a tmpfs
 *                                 lies over DIR, and FILE is copied there
 * tree smuggled DIR FILE [ARG...] the same file, but executed by a process outside, to which it was handed as a descriptor
 * Both remove the file then, so that /proc/PID/exe says "DIR/NAME (deleted)".
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	exit(1);
}

static void write_to(const char *name, const char *text)
{
	int file = open(name, O_WRONLY);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		fail(name);
	close(file);
}

/* plant returns the file, for reading, in a mount tree that only its maker has. */
static int plant(const char *dir, const char *program, const char *path)
{
	char map[64];
	struct stat stat;
	int uid = getuid(), gid = getgid(), from = open(program, O_RDONLY), to;

	if (from < 0 || fstat(from, &stat))
		fail(program);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		fail("unshare");
	write_to("/proc/self/setgroups", "deny");
	snprintf(map, sizeof map, "0 %d 1", uid);
	write_to("/proc/self/uid_map", map);
	snprintf(map, sizeof map, "0 %d 1", gid);
	write_to("/proc/self/gid_map", map);
	if (mount("mine", dir, "tmpfs", 0, "mode=755"))
		fail(dir);
	to = open(path, O_CREAT | O_WRONLY, 0755);
	if (to < 0 || sendfile(to, from, NULL, stat.st_size) != stat.st_size || close(to))
		fail(path);
	return open(path, O_RDONLY);
}

static void send_to(int socket, int file)
{
	char space[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &file, sizeof file);
	if (sendmsg(socket, &message, 0) < 0)
		fail("sendmsg");
}

static int receive_from(int socket)
{
	char space[CMSG_SPACE(sizeof(int))], byte;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
	int file;

	if (recvmsg(socket, &message, 0) < 1 || !CMSG_FIRSTHDR(&message))
		fail("recvmsg");
	memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof file);
	return file;
}

int main(int argc, char **argv)
{
	char path[4096];
	int sockets[2], file;

	if (argc < 4)
		return 2;
	snprintf(path, sizeof path, "%s/%s", argv[2], basename(strdup(argv[3])));
	char *program = argv[3];
	argv[3] = path;
	if (strcmp(argv[1], "inside") == 0) {
		file = plant(argv[2], program, path);
		close(file);
		file = open(path, O_PATH | O_CLOEXEC);
		unlink(path);
		execveat(file, "", argv + 3, NULL, AT_EMPTY_PATH);
		fail("execveat");
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		fail("socketpair");
	pid_t us = getpid();
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		send_to(sockets[1], plant(argv[2], program, path));
		unlink(path);
		while (getppid() == us) /* with its last process the tree is gone, and the path with it */
			sleep(1);
		return 0;
	}
	file = receive_from(sockets[0]);
	fcntl(file, F_SETFD, FD_CLOEXEC);
	execveat(file, "", argv + 3, NULL, AT_EMPTY_PATH);
	return fail("execveat");
}
