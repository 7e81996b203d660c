// 64-bit Arm: what ../../chapters/abi/probe.c needs of an assembler. Measures AAPCS64, states none of it.
// Each routine stores every integer register but the stack pointer in a frame, in the order of probe_names.

        .equ    FRAME, 256              // 32 registers, and a multiple of 16, which the hardware may check

        .macro  each_register do:vararg
        .irp    reg, x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, x17, x18, \
                x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, x30, xzr
        \do     \reg
        .endr
        .endm

        .macro  store reg
        str     \reg, [sp, #offset]
        offset = offset + 8
        .endm

        .macro  name reg
        .asciz  "\reg"
        .endm

        .macro  keep
        sub     sp, sp, #FRAME
        offset = 0
        each_register store
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

        .globl  probe_call              // probe_call(f): calls f, then the registers as f left them
        .type   probe_call, %function
        .globl  probe_returned
probe_call:
        str     x30, [sp, #-16]!
        blr     x0
probe_returned:
        keep
        add     sp, sp, #FRAME
        ldr     x30, [sp], #16
        ret

        .section .rodata
        .globl  probe_names, probe_frame
        .balign 8
probe_frame:
        .quad   FRAME
probe_names:
        each_register name
        .asciz  ""
        .section .note.GNU-stack, "", %progbits
