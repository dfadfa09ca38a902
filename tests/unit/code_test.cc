// What GHC's names say, and what the disassembler tells of an instruction.
#include <doctest/doctest.h>

#include <vector>

#include "reloc/disassembler.h"
#include "reloc/ghc_names.h"

namespace fastboot::reloc {

TEST_CASE("symbols of GHC") {
  const auto name = parse_ghc_symbol("containerszm0zi6zi4zi1_DataziMapziInternal_Bin_con_info");
  REQUIRE(name);
  CHECK(name->unit == "containerszm0zi6zi4zi1");
  CHECK(name->module == "DataziMapziInternal");
  CHECK(name->name == "Bin");
  CHECK(name->what == "con_info");
  const auto own = parse_ghc_symbol("Rules_weigh_closure");
  REQUIRE(own);
  CHECK(own->unit == "main");
  CHECK(own->module == "Rules");
  CHECK(own->what == "closure");
  for (const char* other :
       {"stg_ap_pp_info", "fastboot_thaw", "main", "_info", "a_b_c_d_info", "Rules_weigh", "_closure"}) {
    CHECK_MESSAGE(!parse_ghc_symbol(other), other);
  }
}

TEST_CASE("names that GHC makes up") {
  for (const char* name :
       {"zdwgo5", "zdwgo", "go", "lvl3", "lvl", "polyzugo", "zdsinsert", "foldl1", "main2", "zdwf1", "sat"}) {
    CHECK_MESSAGE(is_made_up(name), name);
  }
  for (const char* name : {"weigh", "zdwweigh", "zdfShowFoo", "zdtczqFoo", "zdWFoo", "zdtrModule", "insert"}) {
    CHECK_MESSAGE(!is_made_up(name), name);
  }
  CHECK(is_own_unit("main"));
  CHECK(is_own_unit("shopzm1zi0zminplace"));
  CHECK(!is_own_unit("base"));
}

TEST_CASE("symbols of constructors") {
  const auto symbol = [](const char* description, const char* prefix) {
    const auto name = parse_constructor(description);
    return name ? name->symbol(prefix) : "none";
  };
  CHECK(symbol("main:Types.Entry", "") == "Types_Entry");
  CHECK(symbol("main:Types.Entry", "$tc'") == "Types_zdtczqEntry");
  CHECK(symbol("containers-0.6.4.1:Data.Map.Internal.Bin", "$W") ==
        "containerszm0zi6zi4zi1_DataziMapziInternal_zdWBin");
  CHECK(symbol("ghc-prim:GHC.Types.:", "") == "ghczmprim_GHCziTypes_ZC");
  CHECK(symbol("ghc-prim:GHC.Tuple.(,,)", "") == "ghczmprim_GHCziTuple_Z3T");
  CHECK(symbol("main:Op.:.:", "") == "Op_ZCziZC");
  CHECK(symbol("no colon", "") == "none");
  CHECK(symbol("main:lower.Case", "") == "none");
}

namespace {

// Programs from 0x400000 to 0x600000; the instruction lies at 0x401000.
Instruction decode(const std::vector<uint8_t>& bytes) {
  static const Disassembler disassembler(0x400000, 0x600000);
  const auto decoded = disassembler.decode(bytes, 0x401000);
  REQUIRE(decoded);
  CHECK(decoded->size == bytes.size());
  return *decoded;
}

}  // namespace

TEST_CASE("instructions") {
  SUBCASE("short and long branches are one") {
    const Instruction near = decode({0x72, 0x10});
    const Instruction far = decode({0x0f, 0x82, 0x0c, 0x00, 0x00, 0x00});
    CHECK(near.flow == Flow::branch);
    CHECK(far.flow == Flow::branch);
    CHECK(near.condition == far.condition);
    CHECK(near.target == 0x401012);
    CHECK(far.target == near.target);
    CHECK(decode({0x73, 0x10}).condition != near.condition);
    CHECK(decode({0xeb, 0x10}).flow == Flow::jump);
    CHECK(decode({0xe8, 0x10, 0, 0, 0}).flow == Flow::call);
    CHECK(decode({0xc3}).flow == Flow::end);
    CHECK(decode({0x0f, 0x0b}).flow == Flow::end);
    CHECK(decode({0xff, 0x65, 0x00}).flow == Flow::indirect_jump);
  }
  SUBCASE("a jump through a table") {
    const Instruction jump = decode({0xff, 0x24, 0xc5, 0x58, 0x2e, 0x4d, 0x00});
    CHECK(jump.flow == Flow::indirect_jump);
    REQUIRE(jump.address_count == 1);
    CHECK(jump.addresses[0].value == 0x4d2e58);
    CHECK(jump.addresses[0].index_size == 8);
  }
  SUBCASE("addresses and their fields") {
    // movsd 0x10(%rip), %xmm1: eight bytes are read.
    const Instruction load = decode({0xf2, 0x0f, 0x10, 0x0d, 0x10, 0x00, 0x00, 0x00});
    REQUIRE(load.address_count == 1);
    CHECK(load.addresses[0].value == 0x401018);
    CHECK(load.addresses[0].memory);
    CHECK(load.addresses[0].loaded == 8);
    CHECK(load.addresses[0].at == 4);
    // movss: four.
    CHECK(decode({0xf3, 0x0f, 0x10, 0x0d, 0x10, 0x00, 0x00, 0x00}).addresses[0].loaded == 4);
    // movq $0x40c480, -8(%rbp): the immediate is an address, the displacement is not.
    const Instruction store = decode({0x48, 0xc7, 0x45, 0xf8, 0x80, 0xc4, 0x40, 0x00});
    REQUIRE(store.address_count == 1);
    CHECK(store.addresses[0].value == 0x40c480);
    CHECK(!store.addresses[0].memory);
    CHECK(store.addresses[0].at == 4);
    // lea 0x10(%rip), %rax: the address itself.
    const Instruction lea = decode({0x48, 0x8d, 0x05, 0x10, 0x00, 0x00, 0x00});
    CHECK(lea.loads_address);
    REQUIRE(lea.address_count == 1);
    CHECK(!lea.addresses[0].memory);
    // mov $42, %eax: a number.
    CHECK(decode({0xb8, 0x2a, 0x00, 0x00, 0x00}).address_count == 0);
  }
  SUBCASE("what is none") {
    const Disassembler disassembler(0x400000, 0x600000);
    CHECK(!disassembler.decode({}, 0x401000));
    const std::vector<uint8_t> cut = {0x48, 0x8d};
    CHECK(!disassembler.decode(cut, 0x401000));
  }
}

}  // namespace fastboot::reloc
