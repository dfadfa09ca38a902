#include "reloc/retag.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "format/rebase.h"
#include "format/wire/hash.h"

namespace fastboot::reloc {

using format::ByteSource;
using format::fail;
using format::ImageAddress;
using format::Model;
using format::Result;
using wire::Code;

namespace {

constexpr uint64_t kTagMask = 7;

// The tag of pointers to a constructor: its number from one, and 7 for all behind the sixth.
uint64_t pointer_tag(uint32_t con_tag) { return std::min<uint64_t>(uint64_t{con_tag} + 1, kTagMask); }

struct Part {
  ImageAddress begin;
  std::vector<uint8_t> bytes;

  bool holds(uint64_t address) const {
    return bytes.size() >= 8 && address >= begin.value() && address - begin.value() <= bytes.size() - 8;
  }
  uint64_t word(uint64_t address) const {
    uint64_t value;
    memcpy(&value, bytes.data() + (address - begin.value()), sizeof value);
    return value;
  }
  void set(uint64_t address, uint64_t value) { memcpy(bytes.data() + (address - begin.value()), &value, sizeof value); }
};

class Retagger {
 public:
  Retagger(Model* model, const std::map<uint32_t, uint32_t>& tags) : model_(*model), tags_(tags) {}

  Result<Retagged> run() {
    for (const auto& [target, tag] : tags_) {
      by_header_[model_.info_address.value() + model_.targets[target].record.info_offset] = target;
    }
    if (auto read = take(model_.lazy, model_.lazy_address, &lazy_); !read) return tl::unexpected(read.error());
    if (auto read = take(model_.data, model_.data_address, &data_); !read) return tl::unexpected(read.error());
    if (auto done = rewrite(); !done) return tl::unexpected(done.error());
    for (format::ModelRoot& root : model_.roots) {
      const uint32_t* target = target_at(root.address.value());
      if (target == nullptr) continue;
      root.tag = static_cast<uint32_t>(pointer_tag(tags_.at(*target)));
      seen_.insert(root.address.value());
    }
    for (const auto& [target, tag] : tags_) model_.targets[target].record.con_tag = tag;
    model_.lazy = ByteSource(std::move(lazy_.bytes));
    model_.data = ByteSource(std::move(data_.bytes));
    model_.chunk_hashes = ByteSource();  // they are made anew
    return Retagged{pointers_, seen_.size()};
  }

 private:
  // Checked here, since what is written gets hashes of its own.
  Result<void> take(const ByteSource& source, ImageAddress begin, Part* out) {
    out->begin = begin;
    out->bytes.resize(source.size());
    if (auto read = source.read(0, out->bytes); !read) return read;
    for (uint64_t at = 0; at < out->bytes.size() && hashed_ < model_.chunk_hashes.size(); at += wire::kChunkSize) {
      uint8_t want[wire::kHashSize], got[wire::kHashSize];
      if (auto read = model_.chunk_hashes.read(hashed_, want); !read) return read;
      wire::hash128(out->bytes.data() + at, std::min<uint64_t>(wire::kChunkSize, out->bytes.size() - at), got);
      if (memcmp(want, got, sizeof want) != 0) {
        return fail(
            Code::hash_mismatch,
            "the image's bytes do not match their recorded hash: the file was damaged or changed; freeze it again");
      }
      hashed_ += wire::kHashSize;
    }
    return {};
  }

  Part* part(uint64_t address) { return data_.holds(address) ? &data_ : lazy_.holds(address) ? &lazy_ : nullptr; }

  // The retagged constructor whose closure lies there, or nullptr.
  const uint32_t* target_at(uint64_t address) {
    const Part* holder = part(address);
    if (holder == nullptr) return nullptr;
    const auto found = by_header_.find(holder->word(address));
    return found == by_header_.end() ? nullptr : &found->second;
  }

  // Words with a tag are pointers to evaluated closures: block descriptors and headers hold none, and a pointer without
  // one is right for every number.
  Result<void> rewrite() {
    format::RebaseCursor cursor(model_.rebase, {model_.lazy_address, model_.lazy_address + model_.lazy.size()},
                                {model_.data_address, model_.data_address + model_.data.size()});
    while (true) {
      const auto next = cursor.next();
      if (!next) return tl::unexpected(next.error());
      if (!*next) return {};
      const uint64_t at = (*next)->value();
      Part* const holder = part(at);
      if (holder == nullptr) continue;
      const uint64_t value = holder->word(at);
      const uint64_t tag = value & kTagMask;
      const uint32_t* target = tag == 0 ? nullptr : target_at(value - tag);
      if (target == nullptr) continue;
      const wire::Target& record = model_.targets[*target].record;
      if (tag != pointer_tag(record.con_tag)) {
        return fail(Code::corrupt,
                    fmt::format("the word at {:#x} points to {} with tag {}, expected {}; freeze it again", at,
                                model_.targets[*target].name.value_or("?"), tag, pointer_tag(record.con_tag)));
      }
      holder->set(at, value - tag + pointer_tag(tags_.at(*target)));
      ++pointers_;
      seen_.insert(value - tag);
    }
  }

  Model& model_;
  const std::map<uint32_t, uint32_t>& tags_;
  std::unordered_map<uint64_t, uint32_t> by_header_;  // interned info pointer to target
  Part lazy_, data_;
  uint64_t hashed_ = 0;  // bytes of the chunk hashes that were compared
  uint64_t pointers_ = 0;
  std::unordered_set<uint64_t> seen_;
};

}  // namespace

Result<Retagged> retag(Model* model, const std::map<uint32_t, uint32_t>& tags) {
  if (!model->needed.empty()) {
    return fail(Code::target_mismatch,
                fmt::format("a constructor's number has changed, and the image points into {}, whose closures --retag "
                            "cannot tell from here; freeze both again",
                            model->needed.front().name));
  }
  return Retagger(model, tags).run();
}

}  // namespace fastboot::reloc
