# Sunway SW64: what ../../chapters/abi/probe.c needs of an assembler. EXPECTED: no assembler for SW64 was at hand, so
# nobody assembled this; a site's compiler is the first to, and what it says against a line is shown as it stands.
# Each instruction and directive is used in the same form by public sources: openeuler-mirror/kernel arch/sw_64
# kernel/entry-ftrace.S and kernel/hibernate_asm.S, and whowhopipi/go-sw src/runtime/cgo/gcc_sw64.S. From them too:
# a caller leaves the procedure's address in $27, from which the global pointer $29 is made ($29 is not as it came).
# Each routine stores every integer register but the stack pointer in a frame, in the order of probe_names.

        .set    noat
        .equ    FRAME, 256              # 31 registers, and a multiple of 16 so that the stack stays aligned

        .macro  each_register do:vararg
        .irp    reg, $0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
                $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $31
        \do     \reg
        .endr
        .endm

        .macro  store reg
        stl     \reg, offset($30)
        offset = offset + 8
        .endm

        .macro  name reg
        .asciz  "\reg"
        .endm

        .macro  keep
        ldi     $30, -FRAME($30)
        offset = 0
        each_register store
        bis     $31, $30, $16
        ldi     $27, probe_keep
        call    $26, ($27), 0
        .endm

        .text
        .globl  probe_entry             # called as any function: the registers as its caller left them
        .ent    probe_entry
probe_entry:
        ldgp    $29, 0($27)
        .prologue 1
        keep
        ldl     $26, 8*26($30)
        ldi     $30, FRAME($30)
        ret     $31, ($26), 1
        .end    probe_entry

        .globl  probe_call              # probe_call(f): calls f, then the registers as f left them
        .globl  probe_returned
        .ent    probe_call
probe_call:
        ldgp    $29, 0($27)
        .prologue 1
        ldi     $30, -32($30)
        stl     $26, 0($30)
        bis     $31, $16, $27
        call    $26, ($27), 0
probe_returned:
        ldgp    $29, 0($26)
        keep
        ldi     $30, FRAME($30)
        ldl     $26, 0($30)
        ldi     $30, 32($30)
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
