// Small parts of tools/common.
#include <doctest/doctest.h>

#include <unistd.h>

#include <fstream>

#include "common/command_line.h"
#include "common/json.h"
#include "reloc/ghc_names.h"
#include "reloc/zdecode.h"
#include "unit/sample.h"

using namespace fastboot::tools;
using fastboot::reloc::decode_symbol;
using fastboot::reloc::zdecode;

TEST_CASE("Z-encoded names") {
  CHECK(decode_symbol("base_GHCziBase_zpzp_closure") == "base:GHC.Base.++");
  CHECK(decode_symbol("ghczmprim_GHCziTypes_ZC_con_info") == "ghc-prim:GHC.Types.:");
  CHECK(decode_symbol("containerszm0zi6zi4zi1_DataziMapziInternal_Bin_con_info") ==
        "containers-0.6.4.1:Data.Map.Internal.Bin");
  CHECK(decode_symbol("Main_main_closure") == "main:Main.main");
  CHECK(decode_symbol("ghczmprim_GHCziTuple_Z2T_con_info") == "ghc-prim:GHC.Tuple.(,)");
  CHECK(decode_symbol("stg_ARR_WORDS_info") == "stg_ARR_WORDS_info");
  CHECK(decode_symbol("malloc") == "malloc");
  CHECK(decode_symbol("fb.root.index") == "fb.root.index");
  for (const char* name : {":?", ":@:", ":~>", "$tc(,,)", "a'b_c", "f1", "\xce\xbb", "(,,)", "Zz"}) {
    CHECK(zdecode(fastboot::reloc::zencode(name)) == name);
  }
  CHECK(fastboot::reloc::zencode(":?@~,") == "ZCz3fUz40Uz7eUz2cU");
  CHECK(zdecode("zz_ZZ") == "z_Z");
  CHECK(zdecode("z3bbU") == "\xce\xbb");
  CHECK(zdecode("Z0T") == "()");
  CHECK(zdecode("Z1H") == "(# #)");
  CHECK(zdecode("Z3H") == "(#,,#)");
  for (const char* broken : {"z", "Z", "zj", "z12", "Z9", "zfffffffffU", "z110000U"}) CHECK(zdecode(broken) == broken);
}

TEST_CASE("near misses") {
  const std::vector<std::string> options = {"--objects", "--roots", "--json", "-S", "-s"};
  CHECK(nearest("--objets", options) == "--objects");
  CHECK(nearest("--root", options) == "--roots");
  CHECK(!nearest("--something-else", options));
}

TEST_CASE("response files") {
  const fastboot::test::TemporaryDirectory directory;
  const std::string path = directory.path("r");
  std::ofstream(path) << "-h 'a b'\n\"c\\\"d\" e\\ f ''\n@" << directory.path("none");
  std::vector<std::string> arguments = {"x", "@" + path, "@", "y"};
  std::string message;
  REQUIRE(expand_responses(&arguments, &message));
  CHECK(arguments ==
        std::vector<std::string>{"x", "-h", "a b", "c\"d", "e f", "", "@" + directory.path("none"), "@", "y"});
  std::ofstream(path) << "@" << path;
  arguments = {"@" + path};
  CHECK(!expand_responses(&arguments, &message));
}

TEST_CASE("JSON text") {
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  {
    Output out(pipe_ends[1]);
    Json json(&out);
    json.begin_array();
    json.text("a\"\\\n\x01\xff\xce\xbb\xed\xa0\x80");
    json.number(~uint64_t{0});
    json.begin_object();
    json.end_object();
    json.end_array();
  }
  char buffer[200] = {};
  const ssize_t got = read(pipe_ends[0], buffer, sizeof buffer - 1);
  REQUIRE(got > 0);
  CHECK(std::string(buffer) ==
        "[\n  \"a\\\"\\\\\\u000a\\u0001\\ufffd\xce\xbb\\ufffd\\ufffd\\ufffd\",\n  18446744073709551615,\n  {}\n]\n");
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST_CASE("numbers for people") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(3204118) == "3,204,118");
  CHECK(human_size(1023) == "1023 bytes");
  CHECK(human_size(95840000) == "91.4 MiB");
  CHECK(printable("a\033[1m\n") == "a\\x1b[1m\\x0a");
}
