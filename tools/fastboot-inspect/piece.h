// Sections of a file by the name or number that a user gives, for dumps of their bytes.
#pragma once

#include <string>
#include <vector>

#include "format/reader.h"

namespace fastboot::inspect {

struct Piece {
  std::string name;
  format::ImageAddress address;
  format::FileOffset offset;
  bool in_file = false;  // false: a section without bytes in the file
  format::ByteSource bytes;
  bool cut = false;  // the file ends before it does
};

// Finds one by its name or its number in the list of sections. Our own tables are found by their sections' names also
// where the section headers were stripped. Error: bad_argument, with the nearest name.
format::Result<Piece> find_piece(const format::Reader& reader, const std::vector<format::Section>& sections,
                                 const std::string& wanted);

}  // namespace fastboot::inspect
