/* init PROGRAM [ARG...]: PID 1 of an attacked host. It collects whoever nobody else does, and ends as PROGRAM does. */
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	pid_t first = fork(), ended;
	int how;

	if (first == 0) {
		execv(argv[1], argv + 1);
		_exit(127);
	}
	while ((ended = wait(&how)) != -1)
		if (ended == first)
			return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
	return 127;
}
