// Lazy closures: thunks of an image, and what happens when they are entered.
//
// A lazy closure is {trampoline's interned info pointer, word, payload...}. The word is the place of the second header
// word that every thunk has. At first it is the number of the thunk's target. When the closure is entered for the first
// time, an ordinary heap copy of the thunk is made, the copy is put into the *forced table*, the word becomes its index
// there, and the info pointer becomes the forced trampoline's. From then on the closure leads to the table's element.
// The payload is never written: code that knows a thunk is entered only once jumps past its header.
//
// The forced table belongs to the collector: chunks of 4,096 elements, each a mutable array held by a stable pointer.
// It is one for the process; elements live as long as their image is mapped, as CAFs live as long as the process does.
// So what was forced is kept, and an image to which that refers (a rest of a list that holds a function of the image).
#pragma once

#include <cstdint>

namespace fastboot::ghc {

uint64_t lazy_entry_address();
uint64_t forced_entry_address();
inline bool is_lazy_entry(uint64_t address) { return address == lazy_entry_address(); }
inline bool is_forced_entry(uint64_t address) { return address == forced_entry_address(); }

// What a forced lazy closure leads to: the element of the forced table, a tagged process address.
uint64_t forced_value(uint64_t closure);

}  // namespace fastboot::ghc
