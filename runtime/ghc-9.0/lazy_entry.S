// What the interned info tables of lazy closures jump to. See lazy.h.
//
// STG registers on x86-64: R1 %rbx, BaseReg %r13, Sp %rbp, Hp %r12, SpLim %r15, R2 %r14: all of them saved by C functions. When a
// thunk is entered nothing else is live. The C stack is 8 off a multiple of 16 in Haskell code.

        .text

// First entry: make the heap copy, and enter it. What fastboot_lazy_force gives may have been evaluated by another thread, and
// a collection may have put its value into the table, so that it is looked at like any other element.
        .globl  fastboot_lazy_enter
        .hidden fastboot_lazy_enter
        .type   fastboot_lazy_enter, @function
        .p2align 4
fastboot_lazy_enter:
        movq    %rbx, %rdi
        movq    %r13, %rsi
        subq    $8, %rsp
        call    fastboot_lazy_force
        addq    $8, %rsp
        movq    %rax, %rbx
        jmp     enter_element
        .size   fastboot_lazy_enter, . - fastboot_lazy_enter

// Every later entry: no lock, a handful of dependent loads.
        .globl  fastboot_forced_enter
        .hidden fastboot_forced_enter
        .type   fastboot_forced_enter, @function
        .p2align 4
fastboot_forced_enter:
        movq    8(%rbx), %rax                   // index in the forced table
        movq    %rax, %rcx
        shrq    $12, %rcx                       // chunk
        andl    $4095, %eax                     // element
        movq    fastboot_forced_chunks(%rip), %rdx
        movq    (%rdx,%rcx,8), %rcx             // stable pointer of the chunk
        movq    stable_ptr_table@GOTPCREL(%rip), %rdx
        movq    (%rdx), %rdx
        movq    (%rdx,%rcx,8), %rdx             // the chunk, a MUT_ARR_PTRS
        movq    24(%rdx,%rax,8), %rbx
enter_element:
        testb   $7, %bl
        jnz     1f                              // evaluated
        movq    (%rbx), %rax
        movl    -8(%rax), %ecx                  // closure type
        subl    $8, %ecx
        cmpl    $6, %ecx                        // FUN (8) to FUN_STATIC (14) are values, and must not be entered
        jbe     1f
        cmpl    $15, %ecx                       // BCO (23)
        je      1f
        cmpl    $17, %ecx                       // PAP (25)
        je      1f
        jmp     *%rax
1:      jmp     *(%rbp)
        .size   fastboot_forced_enter, . - fastboot_forced_enter

        .section .note.GNU-stack, "", @progbits
