#include "reloc/link_checks.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>

#include "format/writer.h"
#include "reloc/program_index.h"

namespace fastboot::reloc {

using format::ContentId;
using format::Error;
using format::ImageAddress;
using format::ModelNeeded;
using wire::Code;

namespace {

using Providers = std::vector<std::vector<std::optional<Provider>>>;

std::string hex(const ContentId& id) { return format::to_hex(id.data(), id.size()); }
ContentId id_of(const uint8_t* bytes) {
  ContentId id;
  memcpy(id.data(), bytes, id.size());
  return id;
}

void report(std::vector<Error>* problems, Code code, std::string message, const std::string& file) {
  problems->push_back(Error{code, std::move(message), file, {}, std::nullopt});
}

// "dict.snap" is where the image dict is expected.
std::string image_of(const std::string& file_name) {
  const std::string ending = wire::kSnapshotEnding;
  return file_name.ends_with(ending) ? file_name.substr(0, file_name.size() - ending.size()) : file_name;
}

// From the slot's start to the data's end, by whole megablocks: what the image occupies.
struct Extent {
  uint64_t begin, end;
  bool meets(const Extent& other) const { return begin < other.end && other.begin < end; }
};
Extent extent_of(const LinkInput& input) {
  return {input.model.slot_address.value(), input.model.data_address.value() + input.model.data.size()};
}
Extent extent_of(const wire::Needed& needed) { return {needed.slot_address, needed.slot_address + needed.size}; }

}  // namespace

void check_alike(const std::vector<LinkInput>& inputs, std::vector<Error>* problems) {
  const LinkInput& first = inputs.front();
  for (const LinkInput& input : inputs) {
    const auto differ = [&](std::string_view what, std::string own, std::string other) {
      report(problems, Code::inputs_differ,
             fmt::format("its {} is {}, and that of {} is {}: closures of one mean nothing to the other; freeze one of "
                         "them again",
                         what, own, first.path, other),
             input.path);
    };
    if (auto known = format::check_version(input.model, input.path); !known) problems->push_back(known.error());
    if (input.model.ghc_version != first.model.ghc_version)
      differ("GHC", ghc_version_text(input.model.ghc_version), ghc_version_text(first.model.ghc_version));
    if (input.model.rts_way != first.model.rts_way)
      differ("runtime system", rts_way_text(input.model.rts_way), rts_way_text(first.model.rts_way));
    if (memcmp(&input.model.heap, &first.model.heap, sizeof input.model.heap) != 0) {
      const auto text = [](const wire::HeapLayout& heap) {
        return fmt::format("{} bytes a word, 2^{} a megablock, {} a thunk's header", heap.word_size,
                           heap.megablock_shift, heap.thunk_header);
      };
      differ("heap layout", text(input.model.heap), text(first.model.heap));
    }
  }
}

void check_trampolines(const std::vector<format::ModelTarget>& targets, const std::string& path,
                       std::vector<Error>* problems) {
  const auto count = std::count_if(targets.begin(), targets.end(), [](const format::ModelTarget& target) {
    return target.record.kind == static_cast<uint16_t>(wire::TargetKind::trampoline) &&
           target.symbol != "fastboot_forced_enter";
  });
  if (count <= 1) return;
  report(problems, Code::corrupt,
         fmt::format("{} targets are the entry of lazy closures; expected one; freeze {} again", count,
                     path.empty() ? "the inputs" : "it"),
         path);
}

void check_distinct(const std::vector<LinkInput>& inputs, std::vector<Error>* problems) {
  std::map<std::string, std::pair<const LinkInput*, ContentId>> known;
  const auto add = [&](const LinkInput& input, const std::string& image, const ContentId& id) {
    const auto [at, fresh] = known.emplace(image, std::pair(&input, id));
    if (fresh) return;
    const auto& [other, other_id] = at->second;
    report(problems, Code::duplicate_image,
           id == other_id
               ? fmt::format("image '{}' is in {} already; give it once", image, other->path)
               : fmt::format("image '{}' has content id {}, and {} has an image of that name with {}; give one of them "
                             "another name (fastboot-freeze --soname)",
                             image, hex(id), other->path, hex(other_id)),
           input.path);
  };
  for (const LinkInput& input : inputs) {
    add(input, input.model.image_name, input.content_id);
    for (const format::ModelMember& member : input.model.members) {
      if (member.name != input.model.image_name) add(input, member.name, id_of(member.record.content_id));
    }
  }
}

std::string new_root_name(const LinkInput& input, const std::string& root, const std::vector<LinkRename>& renames) {
  for (const LinkRename& rename : renames) {
    if (rename.image == input.model.image_name && rename.root == root) return rename.name;
  }
  return root;
}

void check_roots(const std::vector<LinkInput>& inputs, const std::vector<LinkRename>& renames,
                 std::vector<Error>* problems) {
  std::map<std::string, const LinkInput*> known;
  for (const LinkInput& input : inputs) {
    for (const format::ModelRoot& root : input.model.roots) {
      const std::string name = new_root_name(input, root.name, renames);
      const auto [at, fresh] = known.emplace(name, &input);
      if (fresh) continue;
      report(problems, Code::duplicate_root,
             fmt::format("root '{}' is defined here and in {}; call one of them otherwise (--rename {}:{}=NAME)", name,
                         at->second->path, input.model.image_name, root.name),
             input.path);
    }
  }
  for (const LinkRename& rename : renames) {
    const auto is_image = [&](const LinkInput& input) { return input.model.image_name == rename.image; };
    const auto input = std::find_if(inputs.begin(), inputs.end(), is_image);
    const bool found =
        input != inputs.end() && std::any_of(input->model.roots.begin(), input->model.roots.end(),
                                             [&](const format::ModelRoot& root) { return root.name == rename.root; });
    if (found) continue;
    report(problems, Code::undefined_root,
           input == inputs.end() ? fmt::format("--rename {}:{}={}: no input holds an image '{}'", rename.image,
                                               rename.root, rename.name, rename.image)
                                 : fmt::format("--rename {}:{}={}: the image has no root '{}'", rename.image,
                                               rename.root, rename.name, rename.root),
           input == inputs.end() ? std::string() : input->path);
  }
}

namespace {

std::optional<Provider> provider_of(const std::vector<LinkInput>& inputs, const std::string& image) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const format::Model& model = inputs[i].model;
    if (model.image_name == image) return Provider{i, std::nullopt};
    for (size_t j = 0; j < model.members.size(); ++j) {
      if (model.members[j].name == image) return Provider{i, j};
    }
  }
  return std::nullopt;
}

struct Provided {
  ContentId id;
  uint64_t slot;
  bool whole;
};
Provided what_is(const std::vector<LinkInput>& inputs, const Provider& provider) {
  const LinkInput& input = inputs[provider.input];
  if (!provider.member) return {input.content_id, input.model.slot_address.value(), true};
  const wire::Member& member = input.model.members[*provider.member].record;
  return {id_of(member.content_id), member.slot_address, (member.flags & wire::kMemberWhole) != 0};
}

// Is what is there what the input was frozen against?
void check_provider(const std::vector<LinkInput>& inputs, const LinkInput& input, const ModelNeeded& needed,
                    const Provider& provider, std::vector<Error>* problems) {
  const Provided found = what_is(inputs, provider);
  const std::string& from = inputs[provider.input].path;
  const ContentId wanted = id_of(needed.record.content_id);
  if (found.id != wanted) {
    return report(problems, Code::wrong_dependency,
                  fmt::format("it needs {}: {} has content id {}, expected {}; freeze it again against that one, or "
                              "link the one that it was frozen against",
                              needed.name, from, hex(found.id), hex(wanted)),
                  input.path);
  }
  if (found.slot != needed.record.slot_address) {
    return report(
        problems, Code::wrong_dependency,
        fmt::format("it needs {} at {:#x}, and {} has it at {:#x}: one of the files was changed; freeze it again",
                    needed.name, needed.record.slot_address, from, found.slot),
        input.path);
  }
  if (!found.whole) {
    report(problems, Code::wrong_dependency,
           fmt::format("it needs {}, whose closures were merged or dropped when {} was linked; link without --icf and "
                       "--gc-roots first",
                       needed.name, from),
           input.path);
  }
}

// Content ids cover those of needed images, so that honest files have no circles; others may.
void check_circles(const std::vector<LinkInput>& inputs, const Providers& providers, std::vector<Error>* problems) {
  enum class State : uint8_t { fresh, open, done };
  std::vector<State> states(inputs.size(), State::fresh);
  std::vector<size_t> chain;
  const std::function<void(size_t)> visit = [&](size_t input) {
    states[input] = State::open;
    chain.push_back(input);
    for (const auto& provider : providers[input]) {
      if (!provider || states[provider->input] == State::done) continue;
      if (states[provider->input] == State::fresh) {
        visit(provider->input);
        continue;
      }
      std::string text = inputs[provider->input].path;
      for (auto at = std::find(chain.begin(), chain.end(), provider->input) + 1; at != chain.end(); ++at)
        text += " needs " + inputs[*at].path;
      report(problems, Code::circular_dependency,
             fmt::format("images need each other: {} needs {}; freeze them again", text, inputs[provider->input].path),
             inputs[provider->input].path);
    }
    chain.pop_back();
    states[input] = State::done;
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (states[i] == State::fresh) visit(i);
  }
}

// A word that points into one of two images at the same addresses could mean either.
void check_claims(const LinkInput& input, std::vector<Error>* problems) {
  for (const ModelNeeded& needed : input.model.needed) {
    const Extent own = extent_of(input);
    const Extent other = extent_of(needed.record);
    if (!own.meets(other)) continue;
    report(problems, Code::slots_overlap,
           fmt::format("it lies at {:#x} to {:#x}, and {}, which it needs, at {:#x} to {:#x}; freeze one of them with "
                       "another --va",
                       own.begin, own.end, needed.name, other.begin, other.end),
           input.path);
  }
}

// What stays needed is needed once, so that it must be the same for all.
void check_agreement(const std::vector<LinkInput>& inputs, const Providers& providers, std::vector<Error>* problems) {
  std::map<std::string, std::pair<const LinkInput*, const wire::Needed*>> known;
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (size_t j = 0; j < inputs[i].model.needed.size(); ++j) {
      const ModelNeeded& needed = inputs[i].model.needed[j];
      if (providers[i][j]) continue;
      const auto [at, fresh] = known.emplace(needed.name, std::pair(&inputs[i], &needed.record));
      const auto& [other, record] = at->second;
      const ContentId wanted = id_of(needed.record.content_id);
      const ContentId other_wanted = id_of(record->content_id);
      if (wanted != other_wanted) {
        report(problems, Code::wrong_dependency,
               fmt::format("it needs {} with content id {}, and {} needs it with {}; freeze one of them again",
                           needed.name, hex(wanted), other->path, hex(other_wanted)),
               inputs[i].path);
      } else if (needed.record.slot_address != record->slot_address) {
        report(problems, Code::wrong_dependency,
               fmt::format("it needs {} at {:#x}, and {} needs it at {:#x}; freeze one of them again", needed.name,
                           needed.record.slot_address, other->path, record->slot_address),
               inputs[i].path);
      }
    }
  }
}

}  // namespace

Providers find_providers(const std::vector<LinkInput>& inputs, bool no_undefined, std::vector<Error>* problems) {
  Providers providers(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    check_claims(inputs[i], problems);
    for (const ModelNeeded& needed : inputs[i].model.needed) {
      providers[i].push_back(provider_of(inputs, image_of(needed.name)));
      if (providers[i].back()) {
        check_provider(inputs, inputs[i], needed, *providers[i].back(), problems);
      } else if (no_undefined) {
        report(problems, Code::undefined_image,
               fmt::format("undefined image: it needs {} (content id {}), which is not among the inputs", needed.name,
                           hex(id_of(needed.record.content_id))),
               inputs[i].path);
      }
    }
  }
  check_circles(inputs, providers, problems);
  check_agreement(inputs, providers, problems);
  return providers;
}

void check_slots(const std::vector<LinkInput>& inputs, const Providers& providers, ImageAddress begin, ImageAddress end,
                 std::vector<Error>* problems) {
  const Extent own = {begin.value(), end.value()};
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (size_t j = 0; j < inputs[i].model.needed.size(); ++j) {
      const ModelNeeded& needed = inputs[i].model.needed[j];
      const Extent other = extent_of(needed.record);
      if (providers[i][j] || !own.meets(other)) continue;
      report(problems, Code::slots_overlap,
             fmt::format("the output's slot is {:#x} to {:#x}, and {}, which is needed, lies at {:#x} to {:#x}; choose "
                         "another one by --va-base",
                         own.begin, own.end, needed.name, other.begin, other.end),
             inputs[i].path);
    }
  }
}

}  // namespace fastboot::reloc
