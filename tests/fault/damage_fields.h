// What each byte of a snapshot's metadata belongs to, and what may come of a change of it.
#pragma once

#include <string>
#include <vector>

#include "fuzz/support/input.h"

namespace fastboot::damage {

using fuzz::Bytes;

// Of a field, by what a reader can tell about a value that is another than was written.
enum class Class : uint8_t {
  checked,  // there is one right value: every other one is refused
  told,     // part of what the image is: the content id covers it. --check and migrate refuse it for that, or for its
            // value; a thaw refuses values that cannot be, and believes others as it believes the data
  bound,    // names and places of what lies outside the image: the metadata hash alone covers it. A thaw refuses places
            // that the program does not have, and believes others: who can make that hash right can write any snapshot
  tools,   // for readers of ELF and for people: no reader of images decides anything by it, so the image stays the same
  unused,  // nobody reads it
};
const char* class_name(Class cls);

struct Field {
  std::string name;  // "phdr(data).p_offset"; the index of a record is left out
  size_t offset, size;
  Class cls;
};

// All of the hot metadata of a sound file, in the order of the file, without gaps.
std::vector<Field> fields_of(const Bytes& file);

}  // namespace fastboot::damage
