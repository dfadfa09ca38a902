// A snapshot whose closures are the vertices of a given graph, for tests of what is computed from graphs: each vertex
// is a small array, its elements the edges.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/address.h"

namespace fastboot::test {

struct Graph {
  std::vector<std::vector<uint32_t>> edges;  // of each vertex
  std::vector<uint32_t> roots;
};

// Writes the file, and gives where each vertex's closure starts. They lie in the order of their numbers.
std::vector<format::ImageAddress> write_graph(const Graph& graph, const std::string& path);

// `vertices` vertices with up to `degree` edges each, to anywhere; root 0.
Graph random_graph(uint32_t vertices, uint32_t degree, uint64_t seed);

}  // namespace fastboot::test
