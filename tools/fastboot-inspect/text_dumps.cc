// Bytes and strings of sections, and the results of --check and --warm.
#include <algorithm>

#include "fastboot-inspect/dump_bytes.h"
#include "fastboot-inspect/text_dumper.h"

namespace fastboot::inspect {

namespace {

// "  0x12300000560 2f6c6962 36342f6c 642d6c69 6e75782d /lib64/ld-linux-"
void hex_row(tools::Output* out, uint64_t address, std::span<const uint8_t> row) {
  out->print("  0x{:012x} ", address);
  for (size_t i = 0; i < kHexRow; ++i) {
    if (i < row.size()) {
      out->print("{:02x}", row[i]);
    } else {
      out->write("  ");
    }
    if (i % 4 == 3) out->write(" ");
  }
  for (const uint8_t byte : row) out->print("{}", byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.');
  out->write("\n");
}

}  // namespace

void TextDumper::hex_dumps(const std::vector<Piece>& pieces) {
  for (const Piece& piece : pieces) {
    if (!piece.in_file || piece.bytes.size() == 0) {
      out_.print("\nSection '{}' has no data to dump.\n", tools::printable(piece.name));
      continue;
    }
    out_.print("\nHex dump of section '{}':\n", tools::printable(piece.name));
    note_failure(each_block(piece, [&](uint64_t at, std::span<const uint8_t> block) {
      for (size_t i = 0; i < block.size(); i += kHexRow)
        hex_row(&out_, piece.address.value() + at + i, block.subspan(i, std::min(kHexRow, block.size() - i)));
    }));
    if (piece.cut) out_.write("  <corrupt>: the file ends here\n");
  }
}

void TextDumper::string_dumps(const std::vector<Piece>& pieces) {
  for (const Piece& piece : pieces) {
    out_.print("\nString dump of section '{}':\n", tools::printable(piece.name));
    bool any = false;
    note_failure(each_string(piece, [&](uint64_t at, std::string_view text) {
      any = true;
      out_.print("  [{:6x}]  {}\n", at, tools::printable(text));
    }));
    if (!any) out_.write("  No strings found in this section.\n");
    if (piece.cut) out_.write("  <corrupt>: the file ends here\n");
  }
}

void TextDumper::check(const format::Reader& reader, const std::vector<CheckedPart>& parts) {
  out_.print("{}:", tools::printable(reader.path()));
  for (const CheckedPart& part : parts) {
    out_.print("{} {} {}", &part == parts.data() ? "" : ",", part.name,
               !part.checked           ? "not checked"
               : part.problems.empty() ? "ok"
                                       : "<corrupt>");
  }
  out_.write("\n");
}

void TextDumper::warm(const format::Reader& reader, const Warmed& warmed) {
  out_.print("{}: {} read again; page faults to touch all of it: {} (before: {})", tools::printable(reader.path()),
             tools::human_size(warmed.bytes), tools::grouped(warmed.faults_after),
             tools::grouped(warmed.faults_before));
  if (warmed.kept_bytes != 0) {
    out_.print("; {} stayed as they were, since a process has them mapped or is writing them",
               tools::human_size(warmed.kept_bytes));
  }
  out_.write("\n");
}

}  // namespace fastboot::inspect
