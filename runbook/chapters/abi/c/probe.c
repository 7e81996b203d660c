/* How a C compiler calls: it calls routines of the target's own assembler (runbook/targets/probes/) with numbers that
 * nothing else holds, and prints every register and stack word. Nothing is concluded here. One line a fact, by name;
 * each probe runs in a process of its own, so that one that crashes takes no other along. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

#define WORDS 16          /* of the stack, from the stack pointer at the entry upward */
#define DEEP 256          /* words above it in which a register may point at something that was passed */
#define SECONDS 20        /* for one probe; an emulator needs about a hundredth of one */

static struct dump { word registers[REGISTERS], stack[DEEP], sp; } kept[8];
int dumps;

/* Called by the target's routines: the frame holds the registers, the stack of the moment lies above it. */
void probe_keep(const word *frame)
{
    struct dump *to = &kept[dumps++ % 8];
    const word *stack = (const word *)((const char *)frame + probe_frame);
    int index = 0;
    for (const char *name = probe_names; *name; name += strlen(name) + 1, index++)
        to->registers[index] = frame[index];
    for (index = 0; index < DEEP; index++)
        to->stack[index] = stack[index];
    to->sp = (word)stack;
}

word stack_pointer_of(int of)
{
    return kept[of].sp;
}

void print_dump(const char *probe, int of)
{
    const struct dump *from = &kept[of];
    int index = 0;
    for (const char *name = probe_names; *name; name += strlen(name) + 1, index++) {
        const word value = from->registers[index], above = (value - from->sp) / sizeof(word);
        printf("%s register %s %lx\n", probe, name, value);
        if (value >= from->sp && above < DEEP && value % sizeof(word) == 0)
            printf("%s pointed %s %lx\n", probe, name, from->stack[above]);
    }
    for (index = 0; index < WORDS; index++)
        printf("%s stack %d %lx\n", probe, index * (int)sizeof(word), from->stack[index]);
    printf("%s sp %lx\n", probe, from->sp);
}

void print_sought(const char *probe, int from, int to)
{
    const int step = from < to ? 1 : -1;
    for (int n = from; n != to + step; n += step)
        printf("%s sought %lx\n", probe, MAGIC(n));
}

void run(const char *probe, void (*function)(const char *))
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
    volatile char room[2 * DEEP * sizeof(word)];  /* what is read above a probe's stack is this program's own */
    room[0] = room[sizeof room - 1] = 0;
    printf("probe word %d\n", (int)sizeof(word));
    printf("probe fact integers %lu\n", probe_integers);
    run_passing();
    run_keeping();
    run_facts();
    puts("probe ended exit 0");
    return room[0];
}
