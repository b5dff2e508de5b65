/*
 * Preloaded into User-Mode Linux. Its kernel keeps a process's extended
 * processor state in 2696 bytes, which ends at PKRU. Linux takes back nothing
 * but the whole of it (EFAULT), and a processor with AMX has 11008 bytes: every
 * machine would panic at its first process. So what the kernel gives is filled
 * up with zeros to the size that Linux has, which is the initial state of what
 * comes after. Nothing there can be in use: Linux lets nobody have AMX who has
 * not asked, and a machine's processes ask the machine's kernel.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

typedef long tracer(enum __ptrace_request, ...);

long ptrace(enum __ptrace_request request, ...)
{
	static tracer *next;
	static char whole[64 * 1024];
	static size_t size; /* of the state, as Linux has it */

	va_list args;
	va_start(args, request);
	pid_t pid = va_arg(args, pid_t);
	void *addr = va_arg(args, void *);
	void *data = va_arg(args, void *);
	va_end(args);

	if (!next)
		next = (tracer *)dlsym(RTLD_NEXT, "ptrace");
	if (request != PTRACE_SETREGSET || addr != (void *)NT_X86_XSTATE)
		return next(request, pid, addr, data);

	if (!size) {
		struct iovec all = {whole, sizeof whole};
		if (next(PTRACE_GETREGSET, pid, addr, &all) < 0)
			return -1;
		size = all.iov_len;
		memset(whole, 0, size);
	}
	struct iovec *given = data;
	if (given->iov_len >= size)
		return next(request, pid, addr, data);
	memcpy(whole, given->iov_base, given->iov_len);
	struct iovec filled = {whole, size};
	return next(request, pid, addr, &filled);
}
