#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* bpf(2): its result, or -errno. */
long bpf_syscall(int cmd, void *attr, size_t size)
{
#if defined(__linux__) && defined(__NR_bpf)
	long result = syscall(__NR_bpf, cmd, attr, size);
	return result < 0 ? -errno : result;
#else
	(void)cmd, (void)attr, (void)size;
	return -ENOSYS;
#endif
}
