// What each byte of a snapshot's metadata belongs to, and what may come of a change of it.
#pragma once

#include <string>
#include <vector>

#include "fuzz/support/input.h"

namespace fastboot::damage {

using fuzz::Bytes;

// Of a field, by what a reader can tell about a value that is another than was written.
enum class Class : uint8_t {
  checked,  // there is one right value: every other one is refused by all
  process,  // what the process must be: a thaw and migrate refuse others. For --check and ld it is an image for another
            // program, if its content id is right
  told,   // part of what the image is: the content id covers it. --check, migrate and ld refuse it for that, or for its
          // value; a thaw refuses values that cannot be, and believes others as it believes the data
  bound,  // names and places of what lies outside the image: the metadata hash alone covers it. A thaw refuses places
          // that the program does not have, and believes others: who can make that hash right can write any snapshot
  written,  // the writer writes one value, and a thaw does not use it: --check, migrate and ld refuse others, and what
            // is thawed is the same
  hint,     // nobody decides anything by it: what is thawed is the same
  strips,   // likewise; strip changes it, so that no hash is over it
};
const char* class_name(Class cls);

struct Field {
  std::string name;  // "phdr(data).p_offset"; the index of a record is left out
  size_t offset, size;
  Class cls;
};

// All of the hot metadata of a sound file, in the order of the file, without gaps; then the section headers and their
// names, which are the file's end.
std::vector<Field> fields_of(const Bytes& file);

}  // namespace fastboot::damage
