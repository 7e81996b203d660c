/* Which registers a function gives back as it found them. Every register is filled, a function of the C compiler is
 * called in which every register is overwritten, and what holds its filling afterwards was saved by the compiler.
 * How it is known that the probe is right: past a routine that does nothing, every register must hold its filling, and
 * past one that overwrites them and saves none, not one may. */

#include <stdio.h>
#include <string.h>

#include "probe.h"
#include PROBE_TARGET  /* PROBE_SCRAMBLE, which calls probe_scramble, and PROBE_CLOBBERS, what it overwrites */

word probe_filled[REGISTERS], probe_scrambled[REGISTERS];

/* The compiler knows what is overwritten, and saves what its convention says that a function keeps. */
APART void probe_callee(void)
{
    __asm__ volatile(PROBE_SCRAMBLE : : : PROBE_CLOBBERS, "memory");
}

static void past(const char *probe, void (*routine)(void))
{
    int index = 0;
    for (index = 0; index < REGISTERS; index++) {
        probe_filled[index] = MAGIC(100 + index);
        probe_scrambled[index] = MAGIC(300 + index);
    }
    routine();
    print_dump(probe, 0);
    index = 0;
    for (const char *name = probe_names; *name; name += strlen(name) + 1, index++) {
        printf("%s filled %s %lx\n", probe, name, probe_filled[index]);
        printf("%s scrambled %s %lx\n", probe, name, probe_scrambled[index]);
    }
}

static void past_nothing(const char *probe) { past(probe, probe_past_nothing); }
static void past_scramble(const char *probe) { past(probe, probe_past_scramble); }
static void past_callee(const char *probe) { past(probe, probe_past_callee); }

void run_keeping(void)
{
    run("past-nothing", past_nothing);
    run("past-scramble", past_scramble);
    run("past-callee", past_callee);
}
