// 64-bit Arm: what ../../chapters/abi/c/ needs of an assembler. Measures AAPCS64, states none of it.
// Each routine stores every register but the stack pointer in a frame, in the order of probe_names;
// of the vector registers their lower 64 bits, which is what a double has.

        .equ    FRAME, 512              // 64 registers, and a multiple of 16, which the hardware may check

        .macro  each_register do:vararg
        .irp    reg, x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, x17, x18, \
                x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, x30, xzr
        \do     \reg
        .endr
        .endm

        .macro  each_float do:vararg
        .irp    number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, \
                25, 26, 27, 28, 29, 30, 31
        \do     \number
        .endr
        .endm

        .macro  store reg
        str     \reg, [sp, #offset]
        offset = offset + 8
        .endm

        .macro  store_float number
        str     d\number, [sp, #offset]
        offset = offset + 8
        .endm

        .macro  load reg                // from a table that x16 points to; x16 and x30 are needed here
        .ifnc   \reg, x16
        .ifnc   \reg, x30
        ldr     \reg, [x16, #offset]
        .endif
        .endif
        offset = offset + 8
        .endm

        .macro  load_float number
        ldr     d\number, [x16, #offset]
        offset = offset + 8
        .endm

        .macro  load_all
        offset = 0
        each_register load
        each_float load_float
        .endm

        .macro  point_at table
        adrp    x16, \table
        add     x16, x16, :lo12:\table
        .endm

        .macro  float_name number
        .asciz  "v\number"
        .endm

        .macro  name reg
        .asciz  "\reg"
        .endm

        .macro  keep
        sub     sp, sp, #FRAME
        offset = 0
        each_register store
        each_float store_float
        mov     x0, sp
        bl      probe_keep
        .endm

        .text
        .globl  probe_entry             // called as any function: the registers as its caller left them
        .type   probe_entry, %function
probe_entry:
        keep
        ldr     x30, [sp, #(8 * 30)]
        add     sp, sp, #FRAME
        ret

        .globl  probe_call              // probe_call(f, room): calls f(room), then the registers as f left them
        .type   probe_call, %function
        .globl  probe_returned
probe_call:
        str     x30, [sp, #-16]!
        mov     x16, x0
        mov     x8, x1
        blr     x16
probe_returned:
        keep
        add     sp, sp, #FRAME
        ldr     x30, [sp], #16
        ret

        .macro  past what, callee       // fills the registers, calls, keeps them, and gives its caller its own back
        .globl  \what
        .type   \what, %function
\what:
        sub     sp, sp, #FRAME
        offset = 0
        each_register store
        each_float store_float
        point_at probe_filled
        load_all
        ldr     x16, [x16, #(8 * 16)]
        bl      \callee
        keep
        add     sp, sp, #FRAME
        mov     x16, sp
        load_all
        ldr     x30, [sp, #(8 * 30)]
        add     sp, sp, #FRAME
        ret
        .endm

        past    probe_past_nothing, nothing
        past    probe_past_scramble, probe_scramble
        past    probe_past_callee, probe_callee

        .globl  probe_scramble          // overwrites every register that is not needed to come back
        .type   probe_scramble, %function
probe_scramble:
        point_at probe_scrambled
        load_all
        ldr     x16, [x16, #(8 * 16)]
nothing:
        ret

        .section .rodata
        .globl  probe_names, probe_frame, probe_integers
        .balign 8
probe_frame:
        .quad   FRAME
probe_integers:
        .quad   32                      // of the registers, which come first
probe_names:
        each_register name
        each_float float_name
        .asciz  ""
        .section .note.GNU-stack, "", %progbits
