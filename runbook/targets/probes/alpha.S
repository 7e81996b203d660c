# DEC Alpha: what ../../chapters/abi/probe.c needs of an assembler. Measures the calling standard, states little of it:
# that a caller leaves the procedure's address in $27, from which the global pointer $29 is made ($29 is not as it came).
# Each routine stores every integer register but the stack pointer in a frame, in the order of probe_names.

        .set    noat
        .set    noreorder
        .equ    FRAME, 256              # 31 registers, and a multiple of 16 so that the stack stays aligned

        .macro  each_register do:vararg
        .irp    reg, $0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
                $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $31
        \do     \reg
        .endr
        .endm

        .macro  store reg
        stq     \reg, offset($30)
        offset = offset + 8
        .endm

        .macro  name reg
        .asciz  "\reg"
        .endm

        .macro  keep
        lda     $30, -FRAME($30)
        offset = 0
        each_register store
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

        .globl  probe_call              # probe_call(f): calls f, then the registers as f left them
        .globl  probe_returned
        .ent    probe_call
probe_call:
        ldgp    $29, 0($27)
        .prologue 1
        lda     $30, -16($30)
        stq     $26, 0($30)
        mov     $16, $27
        jsr     $26, ($27), 0
probe_returned:
        ldgp    $29, 0($26)
        keep
        lda     $30, FRAME($30)
        ldq     $26, 0($30)
        lda     $30, 16($30)
        ret     $31, ($26), 1
        .end    probe_call

        .section .rodata
        .globl  probe_names, probe_frame
        .balign 8
probe_frame:
        .quad   FRAME
probe_names:
        each_register name
        .asciz  ""
        .section .note.GNU-stack, "", %progbits
