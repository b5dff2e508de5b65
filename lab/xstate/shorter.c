/*
 * Does what User-Mode Linux does, with less room than any processor's extended
 * state takes: reads a process's state, changes it, writes it back, reads it.
 * Ends with 0 if the change is there, 1 if Linux refused to write.
 */
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { xmm0 = 160, header = 512, room = header + 64 };

int main(void)
{
	pid_t child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(child, NULL, 0);

	static unsigned char state[room], again[room];
	struct iovec io = {state, room};
	int end = 2;
	if (ptrace(PTRACE_GETREGSET, child, (void *)NT_X86_XSTATE, &io) == 0) {
		state[xmm0] = 0x5a;
		state[header] |= 2; /* SSE is in use */
		end = 1;
		if (ptrace(PTRACE_SETREGSET, child, (void *)NT_X86_XSTATE, &io) == 0) {
			struct iovec read = {again, room};
			ptrace(PTRACE_GETREGSET, child, (void *)NT_X86_XSTATE, &read);
			end = again[xmm0] == 0x5a ? 0 : 3;
		} else {
			perror("PTRACE_SETREGSET");
		}
	}
	ptrace(PTRACE_KILL, child, NULL, NULL);
	waitpid(child, NULL, 0);
	return end;
}
