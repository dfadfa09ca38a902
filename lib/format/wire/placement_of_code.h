// Where code lies in a program.
#pragma once

// A function that every thaw runs. Linkers put such functions side by side, so that the first thaw of a process, when
// nothing of them is in its memory yet, has a page fault or two for all of them.
#define FASTBOOT_EVERY_THAW [[gnu::hot]]
