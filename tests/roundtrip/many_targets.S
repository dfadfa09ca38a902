// 100,000 functions of one argument: for each what GHC 9.0 makes of `f :: Int -> Int; f _ = K`, with K from 0.

        .section .text
        .p2align 3
        .set    code, .
        .set    k, 0
        .rept 100000
        .quad   0x100000005             // arity 1, function type ARG_P
        .quad   0                       // layout
        .long   14                      // FUN_STATIC
        .long   0                       // no SRT
        movl    $numbers + k + 1, %ebx  // evaluated: tag 1
        jmp     *(%rbp)
        .set    k, k + 16
        .endr

        // Code lies 24 bytes into each piece of 32.
        .section .data
        .p2align 4
        .globl  many_closures
many_closures:
        .set    k, 24
        .rept 100000
        .quad   code + k
        .quad   0
        .set    k, k + 32
        .endr

numbers:
        .set    k, 0
        .rept 100000
        .quad   ghczmprim_GHCziTypes_Izh_con_info
        .quad   k
        .set    k, k + 1
        .endr

        .section .note.GNU-stack, "", @progbits
