/* Where a C compiler puts arguments, results and return addresses: it calls routines of the target's own assembler
 * (runbook/targets/probes/) with numbers that nothing else holds, and prints every register and stack word.
 * Nothing is concluded here. One line a fact, by name; each probe runs in a process of its own, so that one that
 * crashes takes no other along. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 16          /* of the stack, from the stack pointer at the entry upward */
#define SECONDS 20        /* for one probe; an emulator needs about a hundredth of one */
#define MAGIC(n) (0x5a3c0000a1ULL + 0x1001001UL * (n))

typedef unsigned long word;

extern word probe_entry();
extern void probe_call(word (*function)(void));
extern char probe_returned[];
extern const char probe_names[];
extern const word probe_frame;

static struct dump { word registers[64], stack[WORDS], sp; } kept[8];
static int dumps;

/* Called by the target's routines: the frame holds the registers, the stack of the moment lies above it. */
void probe_keep(const word *frame)
{
    struct dump *to = &kept[dumps++ % 8];
    const word *stack = (const word *)((const char *)frame + probe_frame);
    int index = 0;
    for (const char *name = probe_names; *name; name += strlen(name) + 1, index++)
        to->registers[index] = frame[index];
    for (index = 0; index < WORDS; index++)
        to->stack[index] = stack[index];
    to->sp = (word)stack;
}

static void print_dump(const char *probe, int of)
{
    const struct dump *from = &kept[of];
    int index = 0;
    for (const char *name = probe_names; *name; name += strlen(name) + 1, index++)
        printf("%s register %s %lx\n", probe, name, from->registers[index]);
    for (index = 0; index < WORDS; index++)
        printf("%s stack %d %lx\n", probe, index * (int)sizeof(word), from->stack[index]);
    printf("%s sp %lx\n", probe, from->sp);
}

static void print_sought(const char *probe, int from, int to)
{
    const int step = from < to ? 1 : -1;
    for (int n = from; n != to + step; n += step)
        printf("%s sought %lx\n", probe, (word)MAGIC(n));
}

#define APART __attribute__((noinline, noclone))

static volatile word loaded[15];

APART static void fill(void)
{
    for (int n = 1; n <= 14; n++)
        loaded[n] = (word)MAGIC(n);
}

/* By constants, by what was loaded, and backwards with more behind: a register that holds the same argument each time
 * was not left holding it by what the compiler did before the call. */
APART static void arguments_constant(const char *probe)
{
    probe_entry((word)MAGIC(1), (word)MAGIC(2), (word)MAGIC(3), (word)MAGIC(4), (word)MAGIC(5), (word)MAGIC(6),
                (word)MAGIC(7), (word)MAGIC(8), (word)MAGIC(9), (word)MAGIC(10));
    print_dump(probe, 0);
    print_sought(probe, 1, 10);
}

APART static void arguments_loaded(const char *probe)
{
    fill();
    probe_entry(loaded[1], loaded[2], loaded[3], loaded[4], loaded[5], loaded[6], loaded[7], loaded[8], loaded[9],
                loaded[10]);
    print_dump(probe, 0);
    print_sought(probe, 1, 10);
}

APART static void arguments_backwards(const char *probe)
{
    fill();
    probe_entry(loaded[14], loaded[13], loaded[12], loaded[11], loaded[10], loaded[9], loaded[8], loaded[7], loaded[6],
                loaded[5], loaded[4], loaded[3], loaded[2], loaded[1]);
    print_dump(probe, 0);
    print_sought(probe, 14, 5);
}

APART static word constant(void) { return (word)MAGIC(1); }
APART static word from_memory(void) { return loaded[1]; }
APART static word computed(void) { return loaded[2] + loaded[3] * 7; }

APART static void result_constant(const char *probe)
{
    probe_call(constant);
    print_dump(probe, 0);
    print_sought(probe, 1, 1);
}

APART static void result_loaded(const char *probe)
{
    loaded[1] = (word)MAGIC(1);
    probe_call(from_memory);
    print_dump(probe, 0);
    print_sought(probe, 1, 1);
}

APART static void result_computed(const char *probe)
{
    loaded[3] = 3;
    loaded[2] = (word)MAGIC(1) - 21;
    probe_call(computed);
    print_dump(probe, 0);
    print_sought(probe, 1, 1);
}

APART static void return_address(const char *probe)
{
    probe_call((word (*)(void))probe_entry);
    print_dump(probe, 0);
    printf("%s sought %lx\n", probe, (word)probe_returned);
}

/* Frames of many sizes: what all stack pointers at an entry are multiples of, the convention demands. */
APART static void with_local(int size)
{
    volatile char local[size];
    local[0] = local[size - 1] = 1;
    probe_entry(local, (word)size);
    local[size - 1] = 2;
}

APART static void alignment(const char *probe)
{
    for (int size = 1; size <= 129; size += 8) {
        dumps = 0;
        with_local(size);
        printf("%s sp %lx\n", probe, kept[0].sp);
    }
}

static void run(const char *probe, void (*function)(const char *))
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS);
        function(probe);
        fflush(stdout);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        printf("%s ended unknown\n", probe);
    else if (WIFSIGNALED(status))
        printf("%s ended signal %d\n", probe, WTERMSIG(status));
    else
        printf("%s ended exit %d\n", probe, WEXITSTATUS(status));
}

int main(void)
{
    printf("probe word %d\n", (int)sizeof(word));
    run("arguments-constant", arguments_constant);
    run("arguments-loaded", arguments_loaded);
    run("arguments-backwards", arguments_backwards);
    run("result-constant", result_constant);
    run("result-loaded", result_loaded);
    run("result-computed", result_computed);
    run("return-address", return_address);
    run("alignment", alignment);
    puts("probe ended exit 0");
    return 0;
}
