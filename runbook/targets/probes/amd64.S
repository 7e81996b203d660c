# x86-64: what ../../chapters/abi/c/ needs of an assembler. Measures the System V psABI, states none of it.
# Each routine stores every register but the stack pointer in a frame, in the order of probe_names;
# of the vector registers their lower 64 bits, which is what a double has.

        .equ    FRAME, 248              # 31 registers; with the return address a multiple of 16

        .macro  each_register do:vararg
        .irp    reg, %rax, %rbx, %rcx, %rdx, %rsi, %rdi, %rbp, %r8, %r9, %r10, %r11, %r12, %r13, %r14, %r15
        \do     \reg
        .endr
        .endm

        .macro  each_float do:vararg
        .irp    reg, %xmm0, %xmm1, %xmm2, %xmm3, %xmm4, %xmm5, %xmm6, %xmm7, %xmm8, %xmm9, %xmm10, %xmm11, %xmm12, \
                %xmm13, %xmm14, %xmm15
        \do     \reg
        .endr
        .endm

        .macro  store reg
        movq    \reg, offset(%rsp)
        offset = offset + 8
        .endm

        .macro  load reg                # from a table of this program
        movq    table+offset(%rip), \reg
        offset = offset + 8
        .endm

        .macro  load_own reg            # what a routine stored in its frame
        movq    offset(%rsp), \reg
        offset = offset + 8
        .endm

        .macro  load_all how, from=probe_filled
        .set    table, \from
        offset = 0
        each_register \how
        each_float \how
        .endm

        .macro  name reg
        .asciz  "\reg"
        .endm

        .macro  keep
        subq    $FRAME, %rsp
        offset = 0
        each_register store
        each_float store
        movq    %rsp, %rdi
        call    probe_keep
        addq    $FRAME, %rsp
        .endm

        .text
        .globl  probe_entry             # called as any function: the registers as its caller left them
        .type   probe_entry, @function
probe_entry:
        keep
        ret

        .globl  probe_call              # probe_call(f, room): calls f(room), then the registers as f left them
        .type   probe_call, @function
        .globl  probe_returned
probe_call:
        subq    $8, %rsp
        movq    %rdi, %rax
        movq    %rsi, %rdi
        call    *%rax
probe_returned:
        addq    $8, %rsp
        keep
        ret

        .macro  past what, callee       # fills the registers, calls, keeps them, and gives its caller its own back
        .globl  \what
        .type   \what, @function
\what:
        subq    $FRAME, %rsp
        offset = 0
        each_register store
        each_float store
        load_all load
        call    \callee
        subq    $8, %rsp
        keep
        addq    $8, %rsp
        load_all load_own
        addq    $FRAME, %rsp
        ret
        .endm

        past    probe_past_nothing, nothing
        past    probe_past_scramble, probe_scramble
        past    probe_past_callee, probe_callee

        .globl  probe_scramble          # overwrites every register that is not needed to come back
        .type   probe_scramble, @function
probe_scramble:
        load_all load, probe_scrambled
nothing:
        ret

        .section .rodata
        .globl  probe_names, probe_frame, probe_integers
        .balign 8
probe_frame:
        .quad   FRAME
probe_integers:
        .quad   15                      # of the registers, which come first
probe_names:
        each_register name
        each_float name
        .asciz  ""
        .section .note.GNU-stack, "", %progbits
