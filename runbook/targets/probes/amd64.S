# x86-64: what ../../chapters/abi/probe.c needs of an assembler. Measures the System V psABI, states none of it.
# Each routine stores every integer register but the stack pointer in a frame, in the order of probe_names.

        .equ    FRAME, 120              # 15 registers; with the return address a multiple of 16

        .macro  each_register do:vararg
        .irp    reg, %rax, %rbx, %rcx, %rdx, %rsi, %rdi, %rbp, %r8, %r9, %r10, %r11, %r12, %r13, %r14, %r15
        \do     \reg
        .endr
        .endm

        .macro  store reg
        movq    \reg, offset(%rsp)
        offset = offset + 8
        .endm

        .macro  name reg
        .asciz  "\reg"
        .endm

        .macro  keep
        subq    $FRAME, %rsp
        offset = 0
        each_register store
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

        .globl  probe_call              # probe_call(f): calls f, then the registers as f left them
        .type   probe_call, @function
        .globl  probe_returned
probe_call:
        subq    $8, %rsp
        call    *%rdi
probe_returned:
        addq    $8, %rsp
        keep
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
