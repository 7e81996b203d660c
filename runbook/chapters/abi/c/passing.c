/* Where arguments, results and return addresses are. Each is looked at in calls that are built differently, by
 * constants and by what was loaded: a register that holds the same value each time was not left holding it by what the
 * compiler did before. */

#include <stdio.h>

#include "probe.h"

struct small { word first, second; };
struct real { double first, second; };
struct large { word words[6]; };
typedef __int128 wide;
typedef word (*any)(void);
typedef word reals(double, double, double, double, double, double, double, double, double, double);
typedef word more_reals(double, double, double, double, double, double, double, double, double, double, double, double);
typedef word mixed(word, double, word, double);
typedef word variadic(word, ...);
typedef word with_small(struct small);
typedef word with_real(struct real);
typedef word with_large(struct large);
typedef struct large back_large(word);

/* The entry as a function of another type. By way of a variable: a compiler that sees through the cast ends the
 * program there. */
static any volatile entry = (any)probe_entry;
#define AS(type) ((type *)entry)

static volatile word loaded[15];
static volatile double loaded_real[11];

static double real_of(word bits)
{
    union { word bits; double real; } both = { bits };
    return both.real;
}

#define REAL(n) (((union { word bits; double real; }){ MAGIC(n) }).real)

APART static void fill(void)
{
    for (int n = 1; n <= 14; n++)
        loaded[n] = MAGIC(n);
    for (int n = 1; n <= 10; n++)
        loaded_real[n] = real_of(MAGIC(n));
}

#define DUMPED(first, last) print_dump(probe, 0), print_sought(probe, first, last)

APART static void arguments_constant(const char *probe)
{
    probe_entry(MAGIC(1), MAGIC(2), MAGIC(3), MAGIC(4), MAGIC(5), MAGIC(6), MAGIC(7), MAGIC(8), MAGIC(9), MAGIC(10));
    DUMPED(1, 10);
}

APART static void arguments_loaded(const char *probe)
{
    fill();
    probe_entry(loaded[1], loaded[2], loaded[3], loaded[4], loaded[5], loaded[6], loaded[7], loaded[8], loaded[9],
                loaded[10]);
    DUMPED(1, 10);
}

APART static void arguments_backwards(const char *probe)
{
    fill();
    probe_entry(loaded[14], loaded[13], loaded[12], loaded[11], loaded[10], loaded[9], loaded[8], loaded[7], loaded[6],
                loaded[5], loaded[4], loaded[3], loaded[2], loaded[1]);
    DUMPED(14, 5);
}

APART static void reals_constant(const char *probe)
{
    AS(reals)(REAL(1), REAL(2), REAL(3), REAL(4), REAL(5), REAL(6), REAL(7), REAL(8), REAL(9), REAL(10));
    DUMPED(1, 10);
}

APART static void reals_backwards(const char *probe)
{
    fill();
    AS(reals)(loaded_real[10], loaded_real[9], loaded_real[8], loaded_real[7], loaded_real[6],
                           loaded_real[5], loaded_real[4], loaded_real[3], loaded_real[2], loaded_real[1]);
    DUMPED(10, 1);
}

APART static void reals_loaded(const char *probe)
{
    fill();
    double seventh = loaded_real[8], eighth = loaded_real[9], ninth = loaded_real[10];
    fill();  /* what was loaded before it waits in other places than what is loaded for the call itself */
    AS(more_reals)(loaded_real[2], loaded_real[3], loaded_real[4], loaded_real[5], loaded_real[6], loaded_real[7],
                   seventh, eighth, ninth, loaded_real[1], loaded_real[10], loaded_real[9]);
    DUMPED(2, 10);
    print_sought(probe, 1, 1);
}

APART static void mixed_constant(const char *probe)
{
    AS(mixed)(MAGIC(1), REAL(2), MAGIC(3), REAL(4));
    DUMPED(1, 4);
}

APART static void mixed_backwards(const char *probe)
{
    fill();
    AS(mixed)(loaded[4], loaded_real[3], loaded[2], loaded_real[1]);
    DUMPED(4, 1);
}

APART static void variadic_constant(const char *probe)
{
    AS(variadic)(MAGIC(1), REAL(2), MAGIC(3), REAL(4));
    DUMPED(1, 4);
}

APART static void variadic_backwards(const char *probe)
{
    fill();
    AS(variadic)(loaded[4], loaded_real[3], loaded[2], loaded_real[1]);
    DUMPED(4, 1);
}

APART static void small_constant(const char *probe)
{
    AS(with_small)((struct small){ MAGIC(1), MAGIC(2) });
    DUMPED(1, 2);
}

APART static void small_loaded(const char *probe)
{
    fill();
    AS(with_small)((struct small){ loaded[2], loaded[1] });
    DUMPED(2, 1);
}

APART static void real_struct_constant(const char *probe)
{
    AS(with_real)((struct real){ REAL(1), REAL(2) });
    DUMPED(1, 2);
}

APART static void real_struct_loaded(const char *probe)
{
    fill();
    AS(with_real)((struct real){ loaded_real[2], loaded_real[1] });
    DUMPED(2, 1);
}

APART static void large_constant(const char *probe)
{
    AS(with_large)(
        (struct large){ { MAGIC(1), MAGIC(2), MAGIC(3), MAGIC(4), MAGIC(5), MAGIC(6) } });
    DUMPED(1, 6);
}

APART static void large_loaded(const char *probe)
{
    volatile word other[6] = { 0 };  /* what the compiler builds to copy from lies elsewhere than before */
    other[0] = other[5];
    fill();
    AS(with_large)(
        (struct large){ { loaded[6], loaded[5], loaded[4], loaded[3], loaded[2], loaded[1] } });
    DUMPED(6, 1);
}

APART static word constant(void) { return MAGIC(1); }
APART static word from_memory(void) { return loaded[1]; }
APART static word computed(void) { return loaded[2] + loaded[3] * 7; }

APART static void result_constant(const char *probe)
{
    probe_call(constant, NULL);
    DUMPED(1, 1);
}

APART static void result_loaded(const char *probe)
{
    loaded[1] = MAGIC(1);
    probe_call(from_memory, NULL);
    DUMPED(1, 1);
}

APART static void result_computed(const char *probe)
{
    loaded[3] = 3;
    loaded[2] = MAGIC(1) - 21;
    probe_call(computed, NULL);
    DUMPED(1, 1);
}

/* What comes back is built in two ways, so that only the result's own registers hold it in both. Where it comes back in
 * memory, the memory is the caller's, and its address is passed as that of any large struct; everything that a call may
 * destroy is destroyed first, so that the address does not stay where it was passed. */
#define FORGET probe_callee()

APART static double real_constant(void) { FORGET; return REAL(1); }
APART static double real_from_memory(void) { FORGET; return loaded_real[1]; }
APART static wide wide_constant(void) { FORGET; return (wide)MAGIC(2) << 64 | MAGIC(1); }
APART static wide wide_from_memory(void) { FORGET; return (wide)loaded[2] << 64 | loaded[1]; }
APART static struct small small_constant_result(void) { FORGET; return (struct small){ MAGIC(1), MAGIC(2) }; }
APART static struct small small_from_memory(void) { FORGET; return (struct small){ loaded[1], loaded[2] }; }
APART static struct real real_struct_result(void) { FORGET; return (struct real){ REAL(1), REAL(2) }; }
APART static struct real reals_from_memory(void) { FORGET; return (struct real){ loaded_real[1], loaded_real[2] }; }

#define RESULT(name, function, values)                                                                               \
    APART static void name(const char *probe)                                                                        \
    {                                                                                                                \
        word room[8] = { 0 };                                                                                        \
        fill();                                                                                                      \
        probe_call((any)function, room);                                                                             \
        DUMPED(1, values);                                                                                           \
    }

RESULT(result_real_constant, real_constant, 1)
RESULT(result_real_loaded, real_from_memory, 1)
RESULT(result_wide_constant, wide_constant, 2)
RESULT(result_wide_loaded, wide_from_memory, 2)
RESULT(result_small_constant, small_constant_result, 2)
RESULT(result_small_loaded, small_from_memory, 2)
RESULT(result_real_struct_constant, real_struct_result, 2)
RESULT(result_real_struct_loaded, reals_from_memory, 2)

/* A large struct comes back in memory: where its address goes, and where the one argument. */
APART static void large_back(const char *probe, word argument)
{
    struct large back = AS(back_large)(argument);
    __asm__ volatile("" : : "r"(&back) : "memory");
    print_dump(probe, 0);
    printf("%s sought %lx\n", probe, (word)&back);
    printf("%s sought %lx\n", probe, argument);
}

APART static void result_large_constant(const char *probe) { large_back(probe, MAGIC(1)); }
APART static void result_large_loaded(const char *probe) { fill(); large_back(probe, loaded[2]); }

APART static void return_address(const char *probe)
{
    probe_call((any)probe_entry, NULL);
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
        printf("%s sp %lx\n", probe, stack_pointer_of(0));
    }
}

void run_passing(void)
{
    run("arguments-constant", arguments_constant);
    run("arguments-loaded", arguments_loaded);
    run("arguments-backwards", arguments_backwards);
    run("reals-constant", reals_constant);
    run("reals-backwards", reals_backwards);
    run("reals-loaded", reals_loaded);
    run("mixed-constant", mixed_constant);
    run("mixed-backwards", mixed_backwards);
    run("variadic-constant", variadic_constant);
    run("variadic-backwards", variadic_backwards);
    run("small-constant", small_constant);
    run("small-loaded", small_loaded);
    run("real-struct-constant", real_struct_constant);
    run("real-struct-loaded", real_struct_loaded);
    run("large-constant", large_constant);
    run("large-loaded", large_loaded);
    run("result-constant", result_constant);
    run("result-loaded", result_loaded);
    run("result-computed", result_computed);
    run("result-real-constant", result_real_constant);
    run("result-real-loaded", result_real_loaded);
    run("result-wide-constant", result_wide_constant);
    run("result-wide-loaded", result_wide_loaded);
    run("result-small-constant", result_small_constant);
    run("result-small-loaded", result_small_loaded);
    run("result-real-struct-constant", result_real_struct_constant);
    run("result-real-struct-loaded", result_real_struct_loaded);
    run("result-large-constant", result_large_constant);
    run("result-large-loaded", result_large_loaded);
    run("return-address", return_address);
    run("alignment", alignment);
}
