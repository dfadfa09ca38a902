// mutate_snapshot FILE [EVERY]: flips bits of a sound snapshot, at every EVERYth place of each sort, and tells how many
// of the changes the structural check found. Exit status 1: one that it should have found was not.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "unit/mutations.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  try {
    bool missed = false;
    for (const auto& [sort, counts] : fastboot::test::mutate(argv[1], argc > 2 ? strtoull(argv[2], nullptr, 10) : 1)) {
      printf("%-18s %6lu changed, %6lu found, %6lu that nothing can tell\n", sort.c_str(), counts.made, counts.found,
             counts.undecidable);
      for (const auto& each : counts.missed) printf("  NOT FOUND: %s\n", each.c_str());
      missed |= !counts.missed.empty();
    }
    return missed ? 1 : 0;
  } catch (const std::exception& error) {
    fprintf(stderr, "mutate_snapshot: %s\n", error.what());
    return 2;
  }
}
