// Bytes and strings of sections, and the results of --check and --warm.
#include <algorithm>

#include "fastboot-inspect/dump_bytes.h"
#include "fastboot-inspect/json_dumper.h"

namespace fastboot::inspect {

namespace {
constexpr size_t kHexPiece = 1024;  // bytes in a string of hexadecimal digits
}

void JsonDumper::hex_dumps(const std::vector<Piece>& pieces) {
  json_.key("hex_dumps");
  json_.begin_array();
  for (const Piece& piece : pieces) {
    json_.begin_object();
    json_.text("section", piece.name);
    json_.address("address", piece.address.value());
    json_.address("offset", piece.offset.value());
    json_.number("bytes", piece.bytes.size());
    json_.key("hex");
    json_.begin_array();
    note_failure(each_block(piece, [&](uint64_t, std::span<const uint8_t> block) {
      for (size_t i = 0; i < block.size(); i += kHexPiece)
        json_.text(format::to_hex(block.data() + i, std::min(kHexPiece, block.size() - i)));
    }));
    json_.end_array();
    json_.end_object();
  }
  json_.end_array();
}

void JsonDumper::string_dumps(const std::vector<Piece>& pieces) {
  json_.key("string_dumps");
  json_.begin_array();
  for (const Piece& piece : pieces) {
    json_.begin_object();
    json_.text("section", piece.name);
    json_.key("strings");
    json_.begin_array();
    note_failure(each_string(piece, [&](uint64_t at, std::string_view text) {
      json_.begin_object();
      json_.number("at", at);
      json_.text("text", text);
      json_.end_object();
    }));
    json_.end_array();
    json_.end_object();
  }
  json_.end_array();
}

void JsonDumper::check(const format::Reader&, const std::vector<CheckedPart>& parts) {
  json_.key("check");
  json_.begin_array();
  for (const CheckedPart& part : parts) {
    json_.begin_object();
    json_.text("part", part.name);
    json_.boolean("checked", part.checked);
    json_.number("problem_count", part.problems.size());
    json_.end_object();
  }
  json_.end_array();
}

void JsonDumper::warm(const format::Reader&, const Warmed& warmed) {
  json_.key("warm");
  json_.begin_object();
  json_.number("bytes", warmed.bytes);
  json_.number("kept_bytes", warmed.kept_bytes);
  json_.number("faults_before", warmed.faults_before);
  json_.number("faults_after", warmed.faults_after);
  json_.end_object();
}

}  // namespace fastboot::inspect
