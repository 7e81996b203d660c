# RISC-V, 64 bits: what ../../chapters/abi/c/ needs of an assembler. Measures the RISC-V psABI, states none of it.
# Each routine stores every register but the stack pointer in a frame, in the order of probe_names.

        .equ    FRAME, 512              # 63 registers, and a multiple of 16 so that the stack stays aligned

        .macro  each_register do:vararg
        .irp    reg, zero, ra, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7, \
                s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6
        \do     \reg
        .endr
        .endm

        .macro  each_float do:vararg
        .irp    reg, ft0, ft1, ft2, ft3, ft4, ft5, ft6, ft7, fs0, fs1, fa0, fa1, fa2, fa3, fa4, fa5, fa6, fa7, \
                fs2, fs3, fs4, fs5, fs6, fs7, fs8, fs9, fs10, fs11, ft8, ft9, ft10, ft11
        \do     \reg
        .endr
        .endm

        .macro  store reg
        sd      \reg, offset(sp)
        offset = offset + 8
        .endm

        .macro  store_float reg
        fsd     \reg, offset(sp)
        offset = offset + 8
        .endm

        .macro  load reg                # from a table that t0 points to; what the routine needs itself is left alone
        .ifnc   \reg, ra
        .ifnc   \reg, gp
        .ifnc   \reg, tp
        .ifnc   \reg, t0
        ld      \reg, offset(t0)
        .endif
        .endif
        .endif
        .endif
        offset = offset + 8
        .endm

        .macro  load_float reg
        fld     \reg, offset(t0)
        offset = offset + 8
        .endm

        .macro  load_all
        offset = 0
        each_register load
        each_float load_float
        .endm

        .macro  name reg
        .asciz  "\reg"
        .endm

        .macro  keep
        addi    sp, sp, -FRAME
        offset = 0
        each_register store
        each_float store_float
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

        .globl  probe_call              # probe_call(f, room): calls f(room), then the registers as f left them
        .type   probe_call, @function
        .globl  probe_returned
probe_call:
        addi    sp, sp, -16
        sd      ra, 0(sp)
        mv      t0, a0
        mv      a0, a1
        jalr    t0
probe_returned:
        keep
        addi    sp, sp, FRAME
        ld      ra, 0(sp)
        addi    sp, sp, 16
        ret

        .macro  past what, callee       # fills the registers, calls, keeps them, and gives its caller its own back
        .globl  \what
        .type   \what, @function
\what:
        addi    sp, sp, -FRAME
        offset = 0
        each_register store
        each_float store_float
        la      t0, probe_filled
        load_all
        ld      t0, 8*4(t0)
        call    \callee
        keep
        addi    sp, sp, FRAME
        mv      t0, sp
        load_all
        ld      ra, 8(sp)
        addi    sp, sp, FRAME
        ret
        .endm

        past    probe_past_nothing, nothing
        past    probe_past_scramble, probe_scramble
        past    probe_past_callee, probe_callee

        .globl  probe_scramble          # overwrites every register that is not needed to come back
        .type   probe_scramble, @function
probe_scramble:
        la      t0, probe_scrambled
        load_all
        ld      t0, 8*4(t0)
nothing:
        ret

        .section .rodata
        .globl  probe_names, probe_frame, probe_integers
        .balign 8
probe_frame:
        .quad   FRAME
probe_integers:
        .quad   31                      # of the registers, which come first
probe_names:
        each_register name
        each_float name
        .asciz  ""
        .section .note.GNU-stack, "", %progbits
