// Linking, the checks: do the inputs go together, and which of them point into which?
#pragma once

#include <vector>

#include "reloc/link.h"

namespace fastboot::reloc {

// One runtime system, one heap layout.
void check_alike(const std::vector<LinkInput>& inputs, std::vector<format::Error>* problems);
// Each image once.
void check_distinct(const std::vector<LinkInput>& inputs, std::vector<format::Error>* problems);
// Each root defined once, under the names that they will have; renamings that rename something.
void check_roots(const std::vector<LinkInput>& inputs, const std::vector<LinkRename>& renames,
                 std::vector<format::Error>* problems);
std::string new_root_name(const LinkInput& input, const std::string& root, const std::vector<LinkRename>& renames);

// What is not the info table of a forced lazy closure is that of all others, of which there must be one.
void check_trampolines(const std::vector<format::ModelTarget>& targets, const std::string& path,
                       std::vector<format::Error>* problems);

// Where a needed image is: an input, or a member of one.
struct Provider {
  size_t input = 0;
  std::optional<size_t> member;
};

// For each input and each image that it needs, its provider; nothing: it is still needed. Says what is not as it was
// when the input was frozen, images that need each other, and addresses that two images claim.
std::vector<std::vector<std::optional<Provider>>> find_providers(const std::vector<LinkInput>& inputs,
                                                                 bool no_undefined,
                                                                 std::vector<format::Error>* problems);

// What stays needed must have a place beside the output's own slot.
void check_slots(const std::vector<LinkInput>& inputs,
                 const std::vector<std::vector<std::optional<Provider>>>& providers, format::ImageAddress begin,
                 format::ImageAddress end, std::vector<format::Error>* problems);

}  // namespace fastboot::reloc
