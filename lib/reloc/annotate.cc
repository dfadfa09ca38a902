#include "reloc/annotate.h"

#include <map>
#include <string_view>

#include "format/reader.h"
#include "reloc/shared_libraries.h"

namespace fastboot::reloc {

using format::Model;
using format::to_hex;
using wire::BindingEntry;

namespace {

std::string hex(const std::vector<uint8_t>& bytes) {
  return bytes.empty() ? "none" : to_hex(bytes.data(), bytes.size());
}

// Names that mean something else in a snapshot, and the assembler's local labels (kept by --keep-locals): after an edit
// the same label is other code.
bool usable(std::string_view name) { return !name.starts_with("fb.") && !name.starts_with(".L"); }

// The symbol at the target's address, by the table of its module; empty: none.
std::string_view exact_symbol(const BindingEntry& entry, const std::vector<ModuleFile>& modules) {
  if (entry.module >= modules.size() || !modules[entry.module].symbols) return {};
  for (const Symbol& symbol : modules[entry.module].symbols->at(ModuleAddress(entry.offset))) {
    if (usable(symbol.name)) return symbol.name;
  }
  return {};
}

}  // namespace

Result<std::vector<ModuleFile>> open_modules(const Model& model) {
  std::vector<ModuleFile> modules;
  for (const format::ModelModule& recorded : model.modules) {
    ModuleFile module;
    auto symbols = Symbols::read(recorded.path);
    if (symbols && symbols->build_id() != recorded.build_id) {
      return format::fail(
          wire::Code::wrong_build,
          fmt::format("its build-id is {}, but the program that froze had {}: the file was replaced while it "
                      "ran; freeze again",
                      hex(symbols->build_id()), hex(recorded.build_id)),
          recorded.path);
    }
    // Of a shared library only what others may refer to has a name that tells anything.
    const bool all = symbols && (symbols->has_symtab() || is_library_name(recorded.path));
    const Result<void> complete = all       ? Result<void>()
                                  : symbols ? symbols->require_symtab()
                                            : tl::unexpected(symbols.error());
    if (!complete) module.problem = complete.error();
    if (symbols) module.symbols = std::move(*symbols);
    modules.push_back(std::move(module));
  }
  return modules;
}

Annotation annotate(Model* model, const std::vector<ModuleFile>& modules) {
  // A local name may stand for different things in different object files: it would make one symbol of two targets.
  std::map<std::string_view, const BindingEntry*> owner;
  std::map<std::string_view, bool> shared;
  const size_t count = std::min(model->targets.size(), model->entries.size());
  for (size_t i = 0; i < count; ++i) {
    const BindingEntry& entry = model->entries[i];
    const std::string_view name = exact_symbol(entry, modules);
    if (name.empty()) continue;
    const BindingEntry* first = owner.emplace(name, &entry).first->second;
    if (first->module != entry.module || first->offset != entry.offset) shared[name] = true;
  }
  Annotation result;
  for (size_t i = 0; i < count; ++i) {
    const std::string_view name = exact_symbol(model->entries[i], modules);
    if (!name.empty() && !shared.contains(name)) {
      model->targets[i].symbol = name;
      ++result.named;
    } else if (model->targets[i].symbol.empty() || model->targets[i].symbol.starts_with("fb.t.")) {
      ++result.private_code;
    }
  }
  return result;
}

}  // namespace fastboot::reloc
