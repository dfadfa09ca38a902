#include "ghc-9.0/interned.h"

#include <string.h>

#include "format/wire/placement_of_code.h"
#include "ghc-9.0/rts.h"

namespace fastboot::ghc {

using wire::Target;
using wire::TargetKind;

namespace {

// x86-64 code is written at `at`, which will run at process address `address`.
struct Stub {
  uint8_t* at;
  uint64_t address;

  void put(uint32_t offset, const uint8_t* bytes, uint32_t size) const { memcpy(at + offset, bytes, size); }
  void put_displacement(uint32_t offset, uint64_t target, uint32_t next) const {
    const auto displacement = static_cast<int32_t>(static_cast<int64_t>(target - (address + next)));
    memcpy(at + offset, &displacement, sizeof displacement);
  }
};

// jmp *link(%rip)
void jump_through(const Stub& stub, uint64_t link) {
  memset(stub.at, 0xcc, wire::kInfoStubSize);
  const uint8_t code[] = {0xff, 0x25};
  stub.put(0, code, sizeof code);
  stub.put_displacement(2, link, 6);
}

// mov link(%rip), %rbx; jmp *(%rbx): R1 becomes the static closure, which is then entered.
void enter_through(const Stub& stub, uint64_t link) {
  memset(stub.at, 0xcc, wire::kInfoStubSize);
  const uint8_t load[] = {0x48, 0x8b, 0x1d};
  const uint8_t jump[] = {0xff, 0x23};
  stub.put(0, load, sizeof load);
  stub.put_displacement(3, link, 7);
  stub.put(7, jump, sizeof jump);
}

void put_standard(const Target& target, uint8_t* info) {
  StgInfoTable table = {};
  memcpy(&table.layout, &target.layout, sizeof table.layout);
  table.type = target.closure_type;
  table.srt = static_cast<StgSRTField>(target.con_tag);  // static roots do the work of SRTs
  memcpy(info - sizeof(StgInfoTable), &table, sizeof(StgInfoTable));
}

void put_constructor(const wire::View& view, const Target& target, uint8_t* info) {
  StgConInfoTable table = {};
  table.con_desc = wire::kInfoStubSize;  // the description follows the stub
  memcpy(info - sizeof(StgConInfoTable), &table, offsetof(StgConInfoTable, i));
  strcpy(reinterpret_cast<char*>(info) + wire::kInfoStubSize, view.string(target.name));
}

void put_function(const wire::View& view, const Target& target, uint8_t* info) {
  StgFunInfoTable table = {};
  table.f.slow_apply_offset = wire::kInfoStubSize;  // the slow stub follows the first
  table.f.b.bitmap = target.bitmap;
  table.f.fun_type = target.fun_type;
  table.f.arity = target.arity;
  if ((target.flags & wire::kTargetLargeBitmap) != 0) {
    table.f.b.bitmap = 0;
    table.f.b.bitmap_offset = 2 * wire::kInfoStubSize;
    const uint64_t* bitmap = view.bitmaps + target.bitmap;
    memcpy(info + 2 * wire::kInfoStubSize, bitmap, (1 + (bitmap[0] + 63) / 64) * sizeof(uint64_t));
  }
  memcpy(info - sizeof(StgFunInfoTable), &table, offsetof(StgFunInfoTable, i));
}

}  // namespace

FASTBOOT_EVERY_THAW void make_interned_tables(const wire::View& view, uint8_t* info, uint64_t info_address,
                                              uint64_t link_address) {
  for (uint64_t i = 0; i < view.target_count; ++i) {
    const Target& target = view.targets[i];
    const uint64_t link = link_address + i * sizeof(uint64_t);
    const auto kind = static_cast<TargetKind>(target.kind);
    if (kind == TargetKind::slow_entry) {
      const uint64_t at = view.targets[target.parent].info_offset + wire::kInfoStubSize;
      jump_through(Stub{info + at, info_address + at}, link);
      continue;
    }
    if (target.info_offset == 0) continue;
    uint8_t* own = info + target.info_offset;
    const Stub stub = {own, info_address + target.info_offset};
    put_standard(target, own);
    if (kind == TargetKind::static_closure) {
      enter_through(stub, link);
      continue;
    }
    jump_through(stub, link);
    if (kind == TargetKind::constructor) put_constructor(view, target, own);
    if (kind == TargetKind::function) put_function(view, target, own);
  }
}

}  // namespace fastboot::ghc
