// Mutations of ELF programs, for packed files: headers, symbols, info tables, code.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastboot::fuzz {

// As LLVMFuzzerCustomMutator.
size_t mutate_program(uint8_t* data, size_t size, size_t most, unsigned seed);

}  // namespace fastboot::fuzz
