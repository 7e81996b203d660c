# DEC Alpha: what ../../chapters/abi/c/ needs of an assembler. Measures the calling standard, states little of it:
# that a caller leaves the procedure's address in $27, from which the global pointer $29 is made ($29 is not as it
# came).
# Each routine stores every register but the stack pointer in a frame, in the order of probe_names.

        .set    noat
        .set    noreorder
        .equ    FRAME, 512              # 63 registers, and a multiple of 16 so that the stack stays aligned

        .macro  each_register do:vararg
        .irp    reg, $0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
                $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $31
        \do     \reg
        .endr
        .endm

        .macro  each_float do:vararg
        .irp    reg, $f0, $f1, $f2, $f3, $f4, $f5, $f6, $f7, $f8, $f9, $f10, $f11, $f12, $f13, $f14, $f15, $f16, \
                $f17, $f18, $f19, $f20, $f21, $f22, $f23, $f24, $f25, $f26, $f27, $f28, $f29, $f30, $f31
        \do     \reg
        .endr
        .endm

        .macro  store reg
        stq     \reg, offset($30)
        offset = offset + 8
        .endm

        .macro  store_float reg
        stt     \reg, offset($30)
        offset = offset + 8
        .endm

        .macro  load reg                # from a table that $28 points to; what the routine needs itself is left alone
        .ifnc   \reg, $26
        .ifnc   \reg, $27
        .ifnc   \reg, $28
        .ifnc   \reg, $29
        ldq     \reg, offset($28)
        .endif
        .endif
        .endif
        .endif
        offset = offset + 8
        .endm

        .macro  load_float reg
        ldt     \reg, offset($28)
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
        lda     $30, -FRAME($30)
        offset = 0
        each_register store
        each_float store_float
        mov     $30, $16
        jsr     $26, probe_keep
        .endm

        .text
        .globl  probe_entry             # called as any function: the registers as its caller left them
        .ent    probe_entry
probe_entry:
        ldgp    $29, 0($27)
        .prologue 1
        keep
        ldq     $26, 8*26($30)
        lda     $30, FRAME($30)
        ret     $31, ($26), 1
        .end    probe_entry

        .globl  probe_call              # probe_call(f, room): calls f(room), then the registers as f left them
        .globl  probe_returned
        .ent    probe_call
probe_call:
        ldgp    $29, 0($27)
        .prologue 1
        lda     $30, -16($30)
        stq     $26, 0($30)
        mov     $16, $27
        mov     $17, $16
        jsr     $26, ($27), 0
probe_returned:
        ldgp    $29, 0($26)
        keep
        lda     $30, FRAME($30)
        ldq     $26, 0($30)
        lda     $30, 16($30)
        ret     $31, ($26), 1
        .end    probe_call

        .macro  past what, callee       # fills the registers, calls, keeps them, and gives its caller its own back
        .globl  \what
        .ent    \what
\what:
        ldgp    $29, 0($27)
        .prologue 1
        lda     $30, -FRAME($30)
        offset = 0
        each_register store
        each_float store_float
        lda     $28, probe_filled
        load_all
        ldq     $28, 8*28($28)
        lda     $27, \callee
        jsr     $26, ($27), \callee
        ldgp    $29, 0($26)
        keep
        lda     $30, FRAME($30)
        lda     $28, 0($30)
        load_all
        ldq     $26, 8*26($30)
        lda     $30, FRAME($30)
        ret     $31, ($26), 1
        .end    \what
        .endm

        past    probe_past_nothing, nothing
        past    probe_past_scramble, probe_scramble
        past    probe_past_callee, probe_callee

        .globl  probe_scramble          # overwrites every register that is not needed to come back
        .ent    probe_scramble
probe_scramble:
        ldgp    $29, 0($27)
        .prologue 1
        lda     $28, probe_scrambled
        load_all
        ldq     $28, 8*28($28)
        ret     $31, ($26), 1
        .end    probe_scramble

        .globl  probe_return_elsewhere  # by a register that nobody names: whether ret goes by its operand
        .ent    probe_return_elsewhere
probe_return_elsewhere:
        .prologue 0
        mov     $26, $3
        br      $2, 1f
1:      lda     $2, 2f-1b($2)
        mov     $31, $26
        mov     $31, $1
        ret     $31, ($2), 1
2:      mov     $3, $26
        ret     $31, ($26), 1
        .end    probe_return_elsewhere

        .ent    nothing
nothing:
        .prologue 0
        ret     $31, ($26), 1
        .end    nothing

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
