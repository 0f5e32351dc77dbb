/*
 * Runs machine code on the CPU of this computer, between registers and memory that are given, and says what it left.
 *
 * A process of its own, because that code may do anything: it is started by harness/replay/host.ts, reads from standard
 * input, and answers on standard output. A signal that the code raises is a result. Before the first run a seccomp filter
 * leaves this process only the system calls that it needs itself.
 *
 * `replay probe` tries whether all this is possible here and prints the CPU features that matter, one a line. Exit 3: it
 * is not; standard error says why.
 *
 * Input, in words of 64 bits (protocol.ts): magic, the address at which a run ends, the number of regions; for each its
 * address, bytes and kind, with the contents of a constant one; then runs until the end of input: 19 registers (hardware
 * numbers 0 to 15, rip, rflags, the GS base), the bytes of new code or 0 for the code of the run before, the code, the
 * contents of all data regions. Output for each run: the signal or 0, the vector, the address, 19 registers, the contents
 * of all data regions.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define MAGIC 0x3179616c70657231ull /* "1replay1" */

enum { EXIT_NOT_HERE = 3, EXIT_PROTOCOL = 4, EXIT_OWN_FAULT = 5 };
enum { RIP = 16, RFLAGS = 17, GS_BASE = 18, REGS = 19 };
enum { MAX_REGIONS = 16, ALTERNATE_STACK = 1 << 16, RUN_MICROSECONDS = 300000 };
enum kind { CODE, DATA, CONSTANT, KINDS };
enum { PAGE = 4096, INT3 = 0xcc };

struct region {
	uint64_t address, size, kind;
};

struct answer {
	uint64_t signal, vector, address;
	uint64_t regs[REGS];
};

/* Seen by the assembly below. */
uint64_t regs[REGS];
uint64_t host_rsp;
void enter(void);
void leave_run(void);
void resume_host(void);

static struct region regions[MAX_REGIONS];
static uint64_t region_count, code_bytes;
static struct answer answer;
static volatile sig_atomic_t running;

/* enter() loads all registers and jumps; the code comes back through leave_run, a signal handler through resume_host. */
__asm__(".text\n"
	".globl enter, leave_run, resume_host\n"
	"enter:\n"
	"	push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n pushfq\n"
	"	mov %rsp, host_rsp(%rip)\n"
	"	pushq 136+regs(%rip)\n popfq\n"
	"	mov 0+regs(%rip), %rax\n mov 8+regs(%rip), %rcx\n mov 16+regs(%rip), %rdx\n mov 24+regs(%rip), %rbx\n"
	"	mov 40+regs(%rip), %rbp\n mov 48+regs(%rip), %rsi\n mov 56+regs(%rip), %rdi\n"
	"	mov 64+regs(%rip), %r8\n mov 72+regs(%rip), %r9\n mov 80+regs(%rip), %r10\n mov 88+regs(%rip), %r11\n"
	"	mov 96+regs(%rip), %r12\n mov 104+regs(%rip), %r13\n mov 112+regs(%rip), %r14\n mov 120+regs(%rip), %r15\n"
	"	mov 32+regs(%rip), %rsp\n"
	"	jmp *128+regs(%rip)\n"
	"leave_run:\n"
	"	mov %rax, 0+regs(%rip)\n mov %rcx, 8+regs(%rip)\n mov %rdx, 16+regs(%rip)\n mov %rbx, 24+regs(%rip)\n"
	"	mov %rsp, 32+regs(%rip)\n mov %rbp, 40+regs(%rip)\n mov %rsi, 48+regs(%rip)\n mov %rdi, 56+regs(%rip)\n"
	"	mov %r8, 64+regs(%rip)\n mov %r9, 72+regs(%rip)\n mov %r10, 80+regs(%rip)\n mov %r11, 88+regs(%rip)\n"
	"	mov %r12, 96+regs(%rip)\n mov %r13, 104+regs(%rip)\n mov %r14, 112+regs(%rip)\n mov %r15, 120+regs(%rip)\n"
	"	mov host_rsp(%rip), %rsp\n"
	"	pushfq\n popq 136+regs(%rip)\n"
	"resume_host:\n"
	"	popfq\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
	"	ret\n");

_Noreturn static void fail(int status, const char *what)
{
	fprintf(stderr, "%s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
	exit(status);
}

/* Where the kernel keeps each register of a process that a signal interrupted. */
static const int SAVED[GS_BASE] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8,
	REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP, REG_EFL };
enum { DF_AND_TF = 0x500, PAGE_FAULT = 14 };
#define NO_VECTOR UINT64_MAX

/* Only a signal that an instruction raised says something of vector and CR2: for the others the kernel hands over what
 * an earlier fault of the process left there. */
static int is_exception(int number)
{
	return number != SIGVTALRM && number != SIGSYS;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	greg_t *saved = ((ucontext_t *)context)->uc_mcontext.gregs;
	(void)info;
	if (!running) {
		if (number == SIGVTALRM)
			return;
		_exit(EXIT_OWN_FAULT);
	}
	for (int i = 0; i < GS_BASE; i++)
		regs[i] = (uint64_t)saved[SAVED[i]];
	answer.signal = (uint64_t)number;
	answer.vector = is_exception(number) ? (uint64_t)saved[REG_TRAPNO] : NO_VECTOR;
	answer.address = answer.vector == PAGE_FAULT ? (uint64_t)saved[REG_CR2] : 0;
	saved[REG_RIP] = (greg_t)(uintptr_t)resume_host;
	saved[REG_RSP] = (greg_t)host_rsp;
	saved[REG_EFL] &= ~(greg_t)DF_AND_TF;
}

static void catch_signals(void)
{
	static uint8_t alternate[ALTERNATE_STACK];
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGVTALRM };
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	if (sigaltstack(&stack, NULL))
		fail(EXIT_NOT_HERE, "no stack for signals");
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
		if (sigaction(signals[i], &action, NULL))
			fail(EXIT_NOT_HERE, "no signal handlers");
	}
}

/* From here on any system call but these raises SIGSYS, whoever makes it. */
static void restrict_system_calls(void)
{
	static const uint32_t allowed[] = { __NR_read, __NR_write, __NR_mprotect, __NR_arch_prctl, __NR_setitimer,
		__NR_rt_sigreturn, __NR_exit_group };
	enum { COUNT = sizeof(allowed) / sizeof(*allowed) };
	struct sock_filter filter[COUNT + 3];
	filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (int i = 0; i < COUNT; i++)
		filter[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], COUNT - i, 0);
	filter[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	filter[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = COUNT + 3, .filter = filter };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		fail(EXIT_NOT_HERE, "no seccomp filter");
}

static void map(uint64_t address, uint64_t size)
{
	void *got = mmap((void *)address, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (got != (void *)address)
		fail(EXIT_NOT_HERE, "memory cannot be mapped where it has to be");
}

static void protect(uint64_t address, uint64_t size, int protection)
{
	if (mprotect((void *)address, size, protection))
		fail(EXIT_NOT_HERE, "memory cannot be made executable");
}

/* `jmp [rip]` and the address behind it: changes no register. */
static void map_stop(uint64_t stop)
{
	static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
	uint64_t target = (uint64_t)(uintptr_t)leave_run;
	uint64_t page = stop & ~(uint64_t)(PAGE - 1);
	map(page, PAGE);
	memcpy((void *)stop, jump, sizeof(jump));
	memcpy((uint8_t *)stop + sizeof(jump), &target, sizeof(target));
	protect(page, PAGE, PROT_READ | PROT_EXEC);
}

/* False at the end of input. */
static int take(void *to, size_t size)
{
	for (size_t have = 0; have < size;) {
		ssize_t got = read(STDIN_FILENO, (uint8_t *)to + have, size - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			if (got == 0 && have == 0)
				return 0;
			fail(EXIT_PROTOCOL, "input ends in the middle");
		}
		have += (size_t)got;
	}
	return 1;
}

static uint64_t take_word(void)
{
	uint64_t word;
	if (!take(&word, sizeof(word)))
		fail(EXIT_PROTOCOL, "input ends in the middle");
	return word;
}

static void give(const void *from, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t put = write(STDOUT_FILENO, (const uint8_t *)from + done, size - done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			fail(EXIT_PROTOCOL, "output is not read");
		done += (size_t)put;
	}
}

static void take_regions(void)
{
	errno = 0;
	if (take_word() != MAGIC)
		fail(EXIT_PROTOCOL, "input does not begin as it should");
	map_stop(take_word());
	region_count = take_word();
	if (region_count > MAX_REGIONS)
		fail(EXIT_PROTOCOL, "too many regions");
	for (uint64_t i = 0; i < region_count; i++) {
		struct region *region = &regions[i];
		take(region, sizeof(*region));
		if (region->kind >= KINDS)
			fail(EXIT_PROTOCOL, "a region of no known kind");
		map(region->address, region->size);
		if (region->kind == CONSTANT) {
			take((void *)region->address, region->size);
			protect(region->address, region->size, PROT_READ);
		}
	}
}

/* The rest of the old code becomes int3. */
static void take_code(uint64_t bytes)
{
	for (uint64_t i = 0; i < region_count; i++) {
		struct region *region = &regions[i];
		if (region->kind != CODE)
			continue;
		if (bytes > region->size)
			fail(EXIT_PROTOCOL, "more code than there is room for");
		protect(region->address, region->size, PROT_READ | PROT_WRITE);
		take((void *)region->address, bytes);
		memset((uint8_t *)region->address + bytes, INT3, region->size - bytes);
		protect(region->address, region->size, PROT_READ | PROT_EXEC);
	}
}

static void each_data(int taking)
{
	for (uint64_t i = 0; i < region_count; i++) {
		if (regions[i].kind != DATA)
			continue;
		if (taking)
			take((void *)regions[i].address, regions[i].size);
		else
			give((void *)regions[i].address, regions[i].size);
	}
}

static int run_next(void)
{
	static const struct itimerval limit = { .it_value = { .tv_usec = RUN_MICROSECONDS } };
	if (!take(regs, sizeof(regs)))
		return 0;
	code_bytes = take_word();
	if (code_bytes > 0)
		take_code(code_bytes);
	each_data(1);
	memset(&answer, 0, sizeof(answer));
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, regs[GS_BASE]))
		fail(EXIT_NOT_HERE, "the GS base cannot be set");
	setitimer(ITIMER_VIRTUAL, &limit, NULL);
	running = 1;
	enter();
	running = 0;
	memcpy(answer.regs, regs, sizeof(regs));
	give(&answer, sizeof(answer));
	each_data(0);
	return 1;
}

static int probe(void)
{
	__builtin_cpu_init();
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, (uint64_t)PAGE))
		fail(EXIT_NOT_HERE, "the GS base cannot be set");
	map(0x200000000000, PAGE);
	protect(0x200000000000, PAGE, PROT_READ | PROT_EXEC);
	if (__builtin_cpu_supports("bmi2"))
		puts("bmi2");
	fflush(stdout);
	restrict_system_calls();
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "probe") == 0)
		return probe();
	catch_signals();
	take_regions();
	restrict_system_calls();
	while (run_next())
		;
	return 0;
}
