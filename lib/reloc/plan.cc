#include "reloc/plan.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "format/ghc_closures.h"
#include "format/reader.h"
#include "reloc/shared_libraries.h"

namespace fastboot::reloc {

namespace ghc = format::ghc;
using format::Model;
using wire::BindingEntry;
using wire::Target;
using wire::TargetKind;

namespace {

constexpr std::string_view kTypeConstructor = "ghc-prim:GHC.Types.TyCon";

TargetKind kind_of(const Target& record) { return static_cast<TargetKind>(record.kind); }
bool has_fingerprint(const Target& record) { return (record.flags & wire::kTargetHasFingerprint) != 0; }

bool wants_fingerprint(TargetKind kind) {
  return kind == TargetKind::constructor || kind == TargetKind::function || kind == TargetKind::thunk ||
         kind == TargetKind::static_closure;
}

// Does the program's info table say what the record says?
bool same_words(const Target& record, const Item& item) {
  switch (kind_of(record)) {
    case TargetKind::constructor:
      return item.kind == ItemKind::constructor && item.layout == record.layout && item.type == record.closure_type;
    case TargetKind::function: {
      const bool is_static = (record.flags & wire::kTargetFunStatic) != 0;
      if (item.kind != ItemKind::function || (item.type == ghc::kFunStatic) != is_static) return false;
      if (item.fun_type != record.fun_type || item.arity != record.arity) return false;
      if (item.fun_type == 0 && item.bitmap != record.bitmap) return false;
      return is_static || (item.type == record.closure_type && item.layout == record.layout);
    }
    case TargetKind::thunk:
      return item.kind == ItemKind::thunk && item.type == record.closure_type && item.layout == record.layout;
    case TargetKind::static_closure:
      return item.kind == ItemKind::variable;
    default:
      return true;
  }
}

class Planner {
 public:
  Planner(const Model& model, const ProgramIndex* old, const ProgramIndex& now, const PlanOptions& options)
      : model_(model), old_(old), now_(now), options_(options), program_(program_module(model)) {}

  Plan run() {
    plan_.targets.resize(model_.targets.size());
    items_.resize(model_.targets.size());
    find_libraries();
    if (same_build()) return std::move(plan_);
    for (size_t i = 0; i < model_.targets.size(); ++i) {
      if (in_library(i)) {
        plan_in_library(i);
      } else {
        plan_target(i);
      }
    }
    for (size_t i = 0; i < model_.targets.size(); ++i) plan_slow_entry(i);
    plan_roots();
    return std::move(plan_);
  }

 private:
  const Target& record(size_t i) const { return model_.targets[i].record; }

  // --- shared libraries: the same file, or none
  // In the new binding the program comes first, and then the libraries, in their old order.
  void find_libraries() {
    numbers_.assign(model_.modules.size(), wire::kNoModule);
    for (uint32_t i = 0; i < model_.modules.size(); ++i) {
      if (i == program_) continue;
      const format::ModelModule& old = model_.modules[i];
      const auto same = std::find_if(options_.libraries.begin(), options_.libraries.end(),
                                     [&](const format::ModelModule& now) { return now.build_id == old.build_id; });
      if (same == options_.libraries.end()) continue;
      plan_.libraries.push_back(*same);
      numbers_[i] = static_cast<uint32_t>(plan_.libraries.size());
    }
  }

  bool in_library(size_t i) const {
    const uint32_t module = model_.entries[i].module;
    return module < model_.modules.size() && module != program_;
  }

  void plan_in_library(size_t i) {
    const BindingEntry& entry = model_.entries[i];
    plan_.targets[i].name = name_of(i);
    if (numbers_[entry.module] == wire::kNoModule) {
      const format::ModelModule& module = model_.modules[entry.module];
      return lose(
          i, Fate::gone,
          fmt::format("it is in the shared library {} (build-id {}), and the new program is started with another "
                      "build of that, or without it; freeze it again",
                      module.path, format::to_hex(module.build_id.data(), module.build_id.size())));
    }
    plan_.targets[i].entry = {entry.offset, numbers_[entry.module], 0};
    plan_.targets[i].fate = Fate::identical;
    plan_.targets[i].con_tag = record(i).con_tag;
  }

  // The very build that the snapshot is bound to: all is where it was.
  bool same_build() {
    if (program_ >= model_.modules.size() || model_.modules[program_].build_id != now_.build_id() ||
        plan_.libraries.size() + 1 != model_.modules.size())
      return false;
    const auto renumbered = [&](BindingEntry entry) {
      if (entry.module < numbers_.size()) entry.module = entry.module == program_ ? 0 : numbers_[entry.module];
      return entry;
    };
    for (size_t i = 0; i < model_.targets.size(); ++i) {
      plan_.targets[i].name = name_of(i);
      plan_.targets[i].fate = Fate::identical;
      plan_.targets[i].entry = renumbered(model_.entries[i]);
      plan_.targets[i].con_tag = record(i).con_tag;
    }
    for (size_t i = model_.targets.size(); i < model_.entries.size(); ++i)
      plan_.further_roots.push_back(renumbered(model_.entries[i]));
    return true;
  }

  std::string name_of(size_t i) const {
    const format::ModelTarget& target = model_.targets[i];
    if (target.name) return *target.name;
    if (!target.symbol.empty() && !target.symbol.starts_with("fb.")) return target.symbol;
    const BindingEntry& entry = model_.entries[i];
    if (old_ == nullptr || entry.module == wire::kNoModule) return fmt::format("private code {}", i);
    return "near " + old_->nearest(ModuleAddress(entry.offset));
  }

  void bind(size_t i, uint64_t address) {
    PlannedTarget& target = plan_.targets[i];
    target.entry = {address, 0, 0};
    target.fate = model_.entries[i].offset == address ? Fate::identical : Fate::moved;
  }
  void bind(size_t i, const Item* item) {
    items_[i] = item;
    plan_.targets[i].new_name = now_.name(*item);
    bind(i, item->address);
  }
  void lose(size_t i, Fate fate, std::string reason) {
    plan_.targets[i].fate = fate;
    plan_.targets[i].reason = std::move(reason);
  }

  void plan_target(size_t i) {
    plan_.targets[i].name = name_of(i);
    switch (kind_of(record(i))) {
      case TargetKind::constructor:
        return plan_constructor(i);
      case TargetKind::function:
      case TargetKind::thunk:
      case TargetKind::static_closure:
        return plan_code(i);
      case TargetKind::rts:
      case TargetKind::trampoline:
        return plan_named(i);
      case TargetKind::raw_address:
        return lose(i, Fate::changed,
                    "an address inside the old build, which a function or thunk holds; it is good for that build only: "
                    "evaluate what holds it before freezing");
      case TargetKind::image:
        return lose(i, Fate::gone, "another image; freeze it again");
      case TargetKind::static_root:
      case TargetKind::slow_entry:
        return;  // below
    }
  }

  // --- the runtime system's: by name
  void plan_named(size_t i) {
    const Item* item = now_.named(model_.targets[i].symbol);
    if (item == nullptr) {
      return lose(
          i, Fate::gone,
          kind_of(record(i)) == TargetKind::trampoline
              ? "the new program has not this part of Fastboot's runtime; link it with this version of the package"
              : "the new program's runtime system has not this closure type linked in; use it somewhere, or freeze "
                "again");
    }
    bind(i, item);
  }

  // --- constructors
  void plan_constructor(size_t i) {
    const Target& old = record(i);
    PlannedTarget& target = plan_.targets[i];
    const Item* item = now_.constructor(target.name);
    if (item == nullptr) {
      return lose(i, Fate::gone,
                  "the new program has no constructor of that unit, module and name (--map-unit OLD=NEW "
                  "takes one unit for another)");
    }
    target.con_tag = item->con_tag;
    items_[i] = item;
    if (target.name == kTypeConstructor && !options_.mapped_units.empty() &&
        !options_.allow_changed.contains(target.name)) {
      return lose(i, Fate::changed,
                  fmt::format("the image holds identities of types, which are made of the units' names, and --map-unit "
                              "gives them others; --allow-changed '{}' leaves them as they are",
                              target.name));
    }
    if (item->layout != old.layout) {
      return lose(
          i, Fate::changed,
          fmt::format("its closures had {} pointers and {} other words, and have {} and {} now: fields were "
                      "added, removed, or unpacked differently",
                      old.layout & 0xffffffff, old.layout >> 32, item->layout & 0xffffffff, item->layout >> 32));
    }
    if (item->type != old.closure_type) {
      return lose(i, Fate::changed, fmt::format("its closure type was {} and is {} now", old.closure_type, item->type));
    }
    if (!has_fingerprint(old)) {
      plan_.has_fingerprints = false;
      return lose(i, Fate::changed, "the types of its fields in the old build are not known");
    }
    if (!compare_fields(i, *item)) return;
    if (item->con_tag != old.con_tag) {
      target.retagged = true;
      if (!options_.retag) {
        return lose(
            i, Fate::changed,
            fmt::format("it was number {} of its type's constructors and is number {} now, and pointers hold that "
                        "number: --retag rewrites them",
                        old.con_tag + 1, item->con_tag + 1));
      }
    }
    bind(i, item);
  }

  // Linkers drop what nobody uses ($tc'Con, $WCon) from libraries, and with -split-sections from the program's own
  // modules. A library's unit names its version, so its constructors are taken for the same; the program's own are not.
  bool compare_fields(size_t i, const Item& item) {
    const uint64_t types = first_half(record(i).fingerprint), wrapper = second_half(record(i).fingerprint);
    const uint64_t new_types = first_half(item.fingerprint), new_wrapper = second_half(item.fingerprint);
    PlannedTarget& target = plan_.targets[i];
    const auto name = parse_constructor(target.name);
    // A unit that has another name now may be another version.
    const bool own = !name || is_own_unit(zencode(name->unit)) || options_.mapped_units.contains(name->unit);
    const auto differ = [&](std::string reason) {
      lose(i, Fate::changed, std::move(reason));
      return false;
    };
    if (types == 0 || new_types == 0) {
      target.unverified = true;
      if ((own || options_.strict) && !options_.allow_changed.contains(target.name)) {
        return differ(
            fmt::format("whether the types of its fields are the same cannot be told, for the {} program does not "
                        "tell them ($tc'{} was dropped by the linker: link without -split-sections); "
                        "--allow-changed '{}' takes them for the same",
                        types == 0 ? "old" : "new", name ? name->name : "Con", target.name));
      }
    } else if (types != new_types) {
      return differ("the types of its fields, or their order, are others now");
    }
    if (wrapper == new_wrapper || (!own && (wrapper == 0 || new_wrapper == 0))) return true;
    if (target.unverified && (wrapper == 0 || new_wrapper == 0)) return true;  // allowed, above
    return differ(wrapper == 0       ? "a field that was lazy is strict now"
                  : new_wrapper == 0 ? "a field that was strict is lazy now"
                                     : "its fields are evaluated or unpacked differently now");
  }

  // --- functions, thunks, CAFs
  void plan_code(size_t i) {
    const Target& old = record(i);
    const std::string& symbol = model_.targets[i].symbol;
    const bool runtime = !parse_ghc_symbol(symbol) && !symbol.starts_with("fb.") && !symbol.empty();
    const Item* same_name = symbol.empty() ? nullptr : now_.named(symbol);
    if (runtime && same_name != nullptr && same_words(old, *same_name)) return bind(i, same_name);
    if (!has_fingerprint(old)) return lose_unknown(i);
    std::vector<const Item*> found = now_.with_code(first_half(old.fingerprint));
    std::erase_if(found, [&](const Item* item) { return !same_words(old, *item); });
    const bool any = !found.empty();
    if (!any && second_half(old.fingerprint) != 0) {
      // All of it is the same, and something that it calls has another name.
      found = now_.with_strict(second_half(old.fingerprint));
      std::erase_if(found, [&](const Item* item) { return !same_words(old, *item); });
    } else if (options_.strict) {
      std::erase_if(found, [&](const Item* item) {
        return second_half(item->fingerprint) == 0 || second_half(item->fingerprint) != second_half(old.fingerprint);
      });
    }
    if (found.empty()) return lose_code(i, same_name, any);
    const auto named = std::find_if(found.begin(), found.end(),
                                    [&](const Item* item) { return item == same_name && same_name != nullptr; });
    // Two variables with equal code are two variables, unless a name that the user wrote tells them apart.
    const bool variable =
        (found.front()->flags & kItemReachesVariable) != 0 || found.front()->kind == ItemKind::variable;
    const auto parsed = parse_ghc_symbol(symbol);
    const bool reliable = named != found.end() && parsed && !is_made_up(parsed->name);
    if (found.size() > 1 && variable && !reliable) {
      return lose(
          i, Fate::ambiguous,
          fmt::format("{} pieces of code are equal to it, and reach variables (CAFs) of their own; give them names "
                      "that are exported",
                      found.size()));
    }
    bind(i, named != found.end() ? *named : found.front());
  }

  void lose_unknown(size_t i) {
    const BindingEntry& entry = model_.entries[i];
    const bool uncertain =
        old_ != nullptr && entry.module != wire::kNoModule && old_->at(ModuleAddress(entry.offset)) != nullptr;
    if (uncertain || has_fingerprints(model_)) {
      return lose(i, Fate::changed,
                  "what its code does cannot be told with certainty (a jump through a table of unknown size, or code "
                  "that cannot be decoded); evaluate it before freezing");
    }
    plan_.has_fingerprints = false;
    lose(i, Fate::gone, "its code in the old build is not known");
  }

  void lose_code(size_t i, const Item* same_name, bool any) {
    PlannedTarget& target = plan_.targets[i];
    if (any) {
      return lose(i, Fate::changed, "its own code is the same, but a function that it calls has changed (--strict)");
    }
    if (same_name == nullptr) {
      return lose(
          i, Fate::gone,
          "no code of the new program is equal to it: the function that it is a part of was edited, removed, or "
          "compiled differently, or a unit has another name (--map-unit OLD=NEW)");
    }
    const bool same_shape = same_words(record(i), *same_name);
    if (same_shape && options_.allow_changed.contains(target.name)) {
      target.allowed = true;
      bind(i, same_name);
      target.fate = Fate::changed;
      target.reason = "its code changed, which --allow-changed accepts";
      return;
    }
    lose(i, Fate::changed,
         same_shape
             ? fmt::format("the new program has other code under that name; --allow-changed '{}' uses it all the "
                           "same",
                           target.name)
             : "the new program has other code under that name, with other free variables or arguments");
  }

  void plan_slow_entry(size_t i) {
    if (kind_of(record(i)) != TargetKind::slow_entry || in_library(i)) return;
    const uint32_t parent = record(i).parent;
    const PlannedTarget& owner = plan_.targets[parent];
    if (owner.bound() && items_[parent] != nullptr && items_[parent]->slow != 0) return bind(i, items_[parent]->slow);
    lose(i, owner.fate == Fate::identical || owner.fate == Fate::moved ? Fate::gone : owner.fate,
         fmt::format("it belongs to {}", owner.name));
  }

  // --- what must be kept alive: not what the old code needed, but what the new code does
  void plan_roots() {
    std::set<uint64_t> wanted;
    for (size_t i = 0; i < items_.size(); ++i) {
      const TargetKind kind = kind_of(record(i));
      if (items_[i] == nullptr || !plan_.targets[i].bound()) continue;
      if (kind != TargetKind::function && kind != TargetKind::thunk) continue;
      if ((record(i).flags & wire::kTargetFunStatic) != 0) {
        plan_own_root(i);
      } else if (items_[i]->srt != 0) {
        wanted.insert(items_[i]->srt);
      }
    }
    for (size_t i = 0; i < items_.size(); ++i) {
      if (kind_of(record(i)) != TargetKind::static_root || owned_.contains(i) || in_library(i)) continue;
      plan_.targets[i].entry = {0, wire::kNoModule, 0};
      plan_.targets[i].fate = Fate::identical;
      if (wanted.empty()) continue;  // the new code needs fewer
      const auto same = wanted.find(model_.entries[i].offset);
      const auto taken = same != wanted.end() ? same : wanted.begin();
      bind(i, *taken);
      wanted.erase(taken);
    }
    for (const uint64_t root : wanted) plan_.further_roots.push_back({root, 0, 0});
  }

  void plan_own_root(size_t function) {
    const uint32_t root = record(function).parent;
    owned_.insert(root);
    if (items_[function]->closure != 0) return bind(root, items_[function]->closure);
    lose(root, Fate::gone,
         fmt::format("the static closure of {} was not found in the new program", plan_.targets[function].name));
  }

  const Model& model_;
  const ProgramIndex* old_;
  const ProgramIndex& now_;
  const PlanOptions& options_;
  const uint32_t program_;  // the number of the old binding's module that is no library
  Plan plan_;
  std::vector<const Item*> items_;  // what each target is in the new program
  std::vector<uint32_t> numbers_;   // of the old binding's libraries in the new one
  std::set<size_t> owned_;          // static roots that are a function's own closure
};

}  // namespace

std::string_view fate_name(Fate fate) {
  switch (fate) {
    case Fate::identical:
      return "identical";
    case Fate::moved:
      return "moved";
    case Fate::changed:
      return "changed";
    case Fate::gone:
      return "gone";
    case Fate::ambiguous:
      return "ambiguous";
  }
  return "?";
}

bool Plan::resolved() const {
  return std::all_of(targets.begin(), targets.end(), [](const PlannedTarget& target) { return target.bound(); });
}

std::vector<BindingEntry> Plan::entries() const {
  std::vector<BindingEntry> result;
  for (const PlannedTarget& target : targets) result.push_back(target.entry);
  result.insert(result.end(), further_roots.begin(), further_roots.end());
  return result;
}

uint32_t program_module(const Model& model) {
  std::map<uint32_t, size_t> count;
  for (const BindingEntry& entry : model.entries) {
    if (entry.module < model.modules.size() && !is_library_name(model.modules[entry.module].path))
      ++count[entry.module];
  }
  const auto most =
      std::max_element(count.begin(), count.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == count.end() ? wire::kNoModule : most->first;
}

uint64_t add_fingerprints(Model* model, const ProgramIndex& index) {
  const uint32_t module = program_module(*model);
  uint64_t added = 0;
  for (size_t i = 0; i < model->targets.size(); ++i) {
    Target& record = model->targets[i].record;
    const BindingEntry& entry = model->entries[i];
    if (!wants_fingerprint(kind_of(record)) || entry.module != module) continue;
    const Item* item = index.at(ModuleAddress(entry.offset));
    if (item == nullptr || (item->flags & kItemCertain) == 0 || !same_words(record, *item)) continue;
    memcpy(record.fingerprint, item->fingerprint, sizeof record.fingerprint);
    record.flags |= wire::kTargetHasFingerprint;
    ++added;
  }
  return added;
}

bool has_fingerprints(const Model& model) {
  return std::any_of(model.targets.begin(), model.targets.end(),
                     [](const format::ModelTarget& target) { return has_fingerprint(target.record); });
}

std::optional<std::set<std::string>> only_constructors(const Model& model) {
  std::set<std::string> result;
  for (const format::ModelTarget& target : model.targets) {
    const TargetKind kind = kind_of(target.record);
    if (kind == TargetKind::rts) continue;
    if (kind != TargetKind::constructor) return std::nullopt;
    if (!target.name) return std::nullopt;
    result.insert(*target.name);
  }
  return result;
}

Plan make_plan(const Model& model, const ProgramIndex* old, const ProgramIndex& now, const PlanOptions& options) {
  return Planner(model, old, now, options).run();
}

}  // namespace fastboot::reloc
