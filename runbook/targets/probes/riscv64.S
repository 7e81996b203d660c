# RISC-V, 64 bits: what ../../chapters/abi/probe.c needs of an assembler. Measures the RISC-V psABI, states none of it.
# Each routine stores every integer register but the stack pointer in a frame, in the order of probe_names.

        .equ    FRAME, 256              # 31 registers, and a multiple of 16 so that the stack stays aligned

        .macro  each_register do:vararg
        .irp    reg, zero, ra, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7, \
                s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6
        \do     \reg
        .endr
        .endm

        .macro  store reg
        sd      \reg, offset(sp)
        offset = offset + 8
        .endm

        .macro  name reg
        .asciz  "\reg"
        .endm

        .macro  keep
        addi    sp, sp, -FRAME
        offset = 0
        each_register store
        mv      a0, sp
        call    probe_keep
        .endm

        .text
        .globl  probe_entry             # called as any function: the registers as its caller left them
        .type   probe_entry, @function
probe_entry:
        keep
        ld      ra, 8(sp)
        addi    sp, sp, FRAME
        ret

        .globl  probe_call              # probe_call(f): calls f, then the registers as f left them
        .type   probe_call, @function
        .globl  probe_returned
probe_call:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        jalr    a0
probe_returned:
        keep
        addi    sp, sp, FRAME
        ld      ra, 0(sp)
        addi    sp, sp, 16
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
