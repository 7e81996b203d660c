/* What the C headers and the compiler say, and what a process is given: one line a fact, `NAME fact VALUE`. */

#define _GNU_SOURCE       /* O_PATH and others */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <float.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <wchar.h>

#include "probe.h"

register word stack_pointer __asm__(PROBE_STACK_POINTER);

#define SHOW(group, name, value) printf("%s fact " group "." name " %lld\n", probe, (long long)(value))
#define TEXT_(name) #name
#define TEXT(name) TEXT_(name)

APART int probe_add(int first, int second) { return first + second; }

static void widths(const char *probe)
{
    const unsigned one = 1;
    SHOW("bytes", "short", sizeof(short));
    SHOW("bytes", "int", sizeof(int));
    SHOW("bytes", "long", sizeof(long));
    SHOW("bytes", "pointer", sizeof(void *));
    SHOW("bytes", "long_double", sizeof(long double));
    SHOW("bits", "long_double_mantissa", LDBL_MANT_DIG);
    SHOW("bytes", "wchar_t", sizeof(wchar_t));
    SHOW("bytes", "max_align_t", _Alignof(max_align_t));
    SHOW("sign", "char", CHAR_MIN < 0);
    SHOW("sign", "wchar_t", WCHAR_MIN < 0);
    SHOW("order", "little", *(const char *)&one);
    SHOW("bytes", "signal_context", sizeof(ucontext_t));
    SHOW("probe", "add", probe_add(0x7ffffffe, 1));
}

#define CONSTANT(name) SHOW("constant", #name, name)

static void constants(const char *probe)
{
    CONSTANT(SIGCHLD); CONSTANT(SIGUSR1); CONSTANT(SIGUSR2); CONSTANT(SIGBUS); CONSTANT(SIGSTOP); CONSTANT(SIGURG);
    CONSTANT(SA_SIGINFO); CONSTANT(SA_RESTART); CONSTANT(SA_ONSTACK);
    CONSTANT(EAGAIN); CONSTANT(ENOSYS); CONSTANT(EDEADLK); CONSTANT(EADDRINUSE); CONSTANT(ETIMEDOUT);
    CONSTANT(EINPROGRESS); CONSTANT(ECONNREFUSED);
    CONSTANT(O_CREAT); CONSTANT(O_EXCL); CONSTANT(O_TRUNC); CONSTANT(O_APPEND); CONSTANT(O_NONBLOCK);
    CONSTANT(O_CLOEXEC); CONSTANT(O_DIRECTORY); CONSTANT(O_NOFOLLOW); CONSTANT(O_PATH);
    CONSTANT(SOCK_STREAM); CONSTANT(SOCK_NONBLOCK); CONSTANT(SOCK_CLOEXEC); CONSTANT(SOL_SOCKET);
    CONSTANT(SO_REUSEADDR); CONSTANT(SO_ERROR);
    CONSTANT(MAP_PRIVATE); CONSTANT(MAP_FIXED); CONSTANT(MAP_ANONYMOUS); CONSTANT(MAP_NORESERVE);
    CONSTANT(MADV_DONTNEED); CONSTANT(F_SETLK); CONSTANT(F_GETLK);
}

/* A number that a target does not have stays the text of its name, which is no number. */
#define NUMBER(name) printf("%s fact syscall." #name " %s\n", probe, TEXT(__NR_##name))

static void numbers(const char *probe)
{
    NUMBER(read); NUMBER(write); NUMBER(close); NUMBER(openat); NUMBER(mmap); NUMBER(munmap); NUMBER(mprotect);
    NUMBER(madvise); NUMBER(mincore); NUMBER(brk); NUMBER(futex); NUMBER(clone); NUMBER(clone3); NUMBER(exit);
    NUMBER(exit_group); NUMBER(getpid); NUMBER(getxpid); NUMBER(gettid); NUMBER(tgkill); NUMBER(sched_yield);
    NUMBER(sched_getaffinity); NUMBER(nanosleep); NUMBER(clock_gettime); NUMBER(rt_sigaction);
    NUMBER(rt_sigprocmask); NUMBER(rt_sigreturn); NUMBER(sigaltstack); NUMBER(epoll_create1); NUMBER(epoll_ctl);
    NUMBER(epoll_pwait); NUMBER(eventfd2); NUMBER(pipe2); NUMBER(fcntl); NUMBER(timer_create); NUMBER(timer_settime);
    NUMBER(getrandom); NUMBER(prlimit64); NUMBER(socket); NUMBER(accept4); NUMBER(statx); NUMBER(bpf);
    NUMBER(perf_event_open); NUMBER(prctl);
}

static __thread volatile int of_thread = 1;

/* A leaf may keep its locals below the stack pointer where the convention has a red zone. */
APART static long below_the_stack_pointer(void)
{
    volatile char local[32];
    local[0] = 1;
    return (long)((word)local - stack_pointer);
}

static void places(const char *probe)
{
    SHOW("leaf", "local", below_the_stack_pointer());
#if defined(__has_builtin)
#if __has_builtin(__builtin_thread_pointer)
    SHOW("tls", "offset", (word)&of_thread - (word)__builtin_thread_pointer());
#endif
#endif
}

static void given(const char *probe)
{
    SHOW("given", "page", getauxval(AT_PAGESZ));
    SHOW("given", "vdso", getauxval(AT_SYSINFO_EHDR) != 0);
    SHOW("given", "clock_ticks", getauxval(AT_CLKTCK));
    SHOW("given", "signal_stack", getauxval(51));  /* AT_MINSIGSTKSZ, linux/auxvec.h */
    const char *platform = (const char *)getauxval(AT_PLATFORM);
    printf("%s fact given.platform %s\n", probe, platform ? platform : "none");
}

/* Where the kernel puts a signal's frame: how far below the stack pointer that it interrupted. */
static word interrupted;

static void handler(int number, siginfo_t *info, void *context)
{
    const char *probe = "signals";
    (void)number;
    (void)context;
    SHOW("given", "signal_frame", interrupted - (word)info);
}

static void signals(const char *probe)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigaction(SIGTRAP, &action, NULL);
    interrupted = stack_pointer;
    kill(getpid(), SIGTRAP);
}

/* The process ends itself by the instruction, the number's register and the first argument's that were expected. */
static void raw_exit(const char *probe)
{
    register word number __asm__(PROBE_CALL_NUMBER) = __NR_exit;
    register word argument __asm__(PROBE_CALL_ARGUMENT) = 42;
    (void)probe;
    __asm__ volatile(PROBE_CALL : : "r"(number), "r"(argument) : "memory");
}

/* Only where the target's routines have it: returns by a register that neither convention nor article names. */
extern void probe_return_elsewhere(void) __attribute__((weak));

static void return_elsewhere(const char *probe)
{
    probe_return_elsewhere();
    SHOW("instruction", "ret_goes_by_its_operand", 1);
}

#ifdef PROBE_ADDL
/* The instruction that the article has a word on, by itself. */
static void addl(const char *probe)
{
    volatile long first = 0x7fffffff, second = 1;
    long sum;
    __asm__ volatile(PROBE_ADDL : "=r"(sum) : "r"(first), "r"(second));
    printf("%s fact instruction.addl %lx\n", probe, sum);
}
#endif

void run_facts(void)
{
    run("widths", widths);
    run("constants", constants);
    run("numbers", numbers);
    run("places", places);
    run("given", given);
    run("signals", signals);
    run("raw-exit", raw_exit);
    if (probe_return_elsewhere)
        run("return-elsewhere", return_elsewhere);
#ifdef PROBE_ADDL
    run("addl", addl);
#endif
}
