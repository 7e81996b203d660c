/* What the files of the probe share: the routines of the target's assembler, and the dumps that they leave. */

#ifndef PROBE_H
#define PROBE_H

typedef unsigned long word;

#define MAGIC(n) ((word)(0x5a3c0000a1ULL + 0x1001001UL * (n)))  /* numbers that nothing else holds */
#define APART __attribute__((noinline, noclone))
#define REGISTERS 80      /* the most that a target's routines store, integer and floating */

extern word probe_entry();                      /* as any function: stores the registers as its caller left them */
/* Calls it, then stores the registers as it left them. The room is where a result may go that comes back in memory. */
extern void probe_call(word (*function)(void), void *room);
extern char probe_returned[];
extern const char probe_names[];
extern const word probe_frame, probe_integers;

/* Each fills the registers from probe_filled and calls something; then the registers as that left them. */
extern void probe_past_nothing(void);           /* a routine that returns at once */
extern void probe_past_scramble(void);          /* a routine that overwrites every register from probe_scrambled */
extern void probe_past_callee(void);            /* a function of the C compiler around that routine */
extern void probe_callee(void);
extern word probe_filled[REGISTERS], probe_scrambled[REGISTERS];

struct dump;
extern int dumps;                               /* how many there are since a probe began */
void print_dump(const char *probe, int of);
void print_sought(const char *probe, int from, int to);
word stack_pointer_of(int of);
void run(const char *probe, void (*function)(const char *));

void run_passing(void);
void run_keeping(void);
void run_facts(void);

#endif
