// Linking: several snapshots become one, with one slot, one link table and the roots of all.
//
//   open_inputs()   reads what there is to know of each input
//   link()          checks that they go together, merges their targets, gives their parts new places, and makes the
//                   model of the output, whose bytes are the inputs', rewritten when they are read
//   shrink()        (link_shrink.h) drops and merges closures of that model
//   format::write() writes it
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/model.h"
#include "format/reader.h"

namespace fastboot::reloc {

struct LinkInput {
  std::string path;
  format::ContentId content_id;
  format::Reader reader;
  format::Model model;
};

// Opens a sound snapshot, and checks the hashes of all that is not read later on.
format::Result<LinkInput> open_input(const std::string& path);

struct LinkRename {
  std::string image, root, name;  // root `root` of the image of that name is to be called `name`
};

struct LinkOptions {
  std::string name;                             // the output's image
  std::optional<format::ImageAddress> address;  // its slot; nothing: the one that follows from the name
  std::vector<uint8_t> build_id;  // the program that it is to be bound to; empty: the inputs', if it is one
  std::string program;            // that program's path, for messages
  std::vector<LinkRename> renames;
  bool no_undefined = false;  // refuse where an input needs an image that is not among them
};

// An image that is in the output, and where its parts are now.
struct LinkedMember {
  size_t input = 0;  // which input it came from
  std::string name;
  wire::Member record = {};
};

struct Linked {
  format::Model model;
  std::vector<LinkedMember> members;         // as in the model
  std::vector<std::string> undefined;        // images that are still needed
  std::vector<uint8_t> build_id;             // of the program that it is bound to; empty: none
  uint64_t targets_before = 0;               // of all inputs together
  uint64_t cross_words = 0;                  // that pointed from one input into another
  std::map<std::string, size_t> root_input;  // for each root, by the name that it has now
};

// `inputs` must outlive the model, whose bytes are theirs, and stay where they are. False: not linked, and `problems`
// says why; as a linker does, it gives all of a kind. Codes 216, 217, 405 and 601 to 607; corrupt where an input is.
bool link(const std::vector<LinkInput>& inputs, const LinkOptions& options, Linked* out,
          std::vector<format::Error>* problems);

}  // namespace fastboot::reloc
