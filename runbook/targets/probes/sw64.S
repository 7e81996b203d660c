# Sunway SW64: what ../../chapters/abi/c/ needs of an assembler. EXPECTED: no assembler for SW64 was at hand, so
# nobody assembled this; a site's compiler is the first to, and what it says against a line is shown as it stands.
# Each instruction and directive is used in the same form by public sources: openeuler-mirror/kernel arch/sw_64
# kernel/entry-ftrace.S and kernel/hibernate_asm.S, and whowhopipi/go-sw src/runtime/cgo/gcc_sw64.S. From them too:
# a caller leaves the procedure's address in $27, from which the global pointer $29 is made ($29 is not as it came).
# Each routine stores every register but the stack pointer in a frame, in the order of probe_names.

        .set    noat
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
        stl     \reg, offset($30)
        offset = offset + 8
        .endm

        .macro  store_float reg
        fstd     \reg, offset($30)
        offset = offset + 8
        .endm

        .macro  load reg                # from a table that $28 points to; what the routine needs itself is left alone
        .ifnc   \reg, $26
        .ifnc   \reg, $27
        .ifnc   \reg, $28
        .ifnc   \reg, $29
        ldl     \reg, offset($28)
        .endif
        .endif
        .endif
        .endif
        offset = offset + 8
        .endm

        .macro  load_float reg
        fldd     \reg, offset($28)
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
        ldi     $30, -FRAME($30)
        offset = 0
        each_register store
        each_float store_float
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

        .globl  probe_call              # probe_call(f, room): calls f(room), then the registers as f left them
        .globl  probe_returned
        .ent    probe_call
probe_call:
        ldgp    $29, 0($27)
        .prologue 1
        ldi     $30, -32($30)
        stl     $26, 0($30)
        bis     $31, $16, $27
        bis     $31, $17, $16
        call    $26, ($27), 0
probe_returned:
        ldgp    $29, 0($26)
        keep
        ldi     $30, FRAME($30)
        ldl     $26, 0($30)
        ldi     $30, 32($30)
        ret     $31, ($26), 1
        .end    probe_call

        .macro  past what, callee       # fills the registers, calls, keeps them, and gives its caller its own back
        .globl  \what
        .ent    \what
\what:
        ldgp    $29, 0($27)
        .prologue 1
        ldi     $30, -FRAME($30)
        offset = 0
        each_register store
        each_float store_float
        ldi     $28, probe_filled
        load_all
        ldl     $28, 8*28($28)
        ldi     $27, \callee
        call    $26, ($27), 0
        ldgp    $29, 0($26)
        keep
        ldi     $30, FRAME($30)
        ldi     $28, 0($30)
        load_all
        ldl     $26, 8*26($30)
        ldi     $30, FRAME($30)
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
        ldi     $28, probe_scrambled
        load_all
        ldl     $28, 8*28($28)
        ret     $31, ($26), 1
        .end    probe_scramble

        .globl  probe_return_elsewhere  # by a register that nobody names: whether ret goes by its operand
        .ent    probe_return_elsewhere
probe_return_elsewhere:
        .prologue 0
        bis     $31, $26, $3
        br      $2, 1f
1:      ldi     $2, 2f-1b($2)
        bis     $31, $31, $26
        bis     $31, $31, $1
        ret     $31, ($2), 1
2:      bis     $31, $3, $26
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
