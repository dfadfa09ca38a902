#include "fastboot-inspect/treemap.h"

#include <algorithm>
#include <cmath>

#include "common/table.h"
#include "fastboot-inspect/names.h"
#include "fastboot-inspect/sizes.h"
#include "format/temporary_file.h"

namespace fastboot::inspect {

using format::RetainedSizes;

uint32_t PathTree::below(uint32_t node, uint32_t target) {
  if (nodes_[node].target == target) return node;
  const auto [at, is_new] = children_.try_emplace(uint64_t{node} << 32 | target, static_cast<uint32_t>(nodes_.size()));
  if (!is_new) return at->second;
  if (nodes_.size() >= kMostNodes) {
    children_.erase(at);
    return node;
  }
  nodes_.push_back({node, target, 0, nodes_[node].depth + 1, 0, 0, 0});
  return static_cast<uint32_t>(nodes_.size() - 1);
}

format::Result<PathTree> PathTree::make(const format::Reader& reader, const RetainedSizes& retained) {
  const format::DominatorTree& tree = retained.tree();
  PathTree paths;
  paths.nodes_.emplace_back();
  std::unordered_map<uint32_t, uint32_t> roots;  // vertex to node
  for (uint32_t i = 0; i < reader.view().root_count; ++i) {
    const uint32_t closure = tree.index().at(format::ImageAddress(reader.view().roots[i].address));
    const uint32_t vertex = closure == format::ClosureIndex::kNone ? 0 : tree.vertex(closure);
    if (vertex == 0 || !roots.try_emplace(vertex, static_cast<uint32_t>(paths.nodes_.size())).second) continue;
    paths.nodes_.push_back({0, kRoot, i, 1, 0, 0, 0});
  }
  const auto shared = static_cast<uint32_t>(paths.nodes_.size());
  paths.nodes_.push_back({0, kShared, 0, 1, 0, 0, 0});
  format::ScratchArray<uint32_t> node_of;
  if (auto got = node_of.allocate(tree.count()); !got) return tl::unexpected(got.error());
  for (uint32_t v = 1; v < tree.count(); ++v) {
    const uint32_t above = tree.idom(v);
    uint32_t start = above != 0 ? node_of[above] : shared;
    if (above == 0) {
      const auto root = roots.find(v);
      if (root != roots.end()) start = root->second;
    }
    const uint32_t node = paths.below(start, retained.target(v));
    node_of[v] = node;
    ++paths.nodes_[node].closures;
    paths.nodes_[node].own += retained.retained(v);
    if (above != 0) paths.nodes_[node_of[above]].own -= retained.retained(v);
  }
  for (size_t i = paths.nodes_.size(); i-- > 0;) {
    Node& node = paths.nodes_[i];
    node.retained += node.own;
    if (i != 0) paths.nodes_[node.parent].retained += node.retained;
  }
  return paths;
}

// --- the picture ---------------------------------------------------------------------------------

namespace {

struct Rectangle {
  double x = 0, y = 0, width = 0, height = 0;
};

// Squarified layout (Bruls, Huizing and van Wijk, "Squarified Treemaps", 2000): areas, the largest first, in rows along
// the shorter side, each row as long as that makes its rectangles less oblong.
std::vector<Rectangle> squarify(const std::vector<double>& areas, Rectangle room) {
  std::vector<Rectangle> placed;
  for (size_t begin = 0; begin < areas.size();) {
    const double side = std::min(room.width, room.height);
    size_t end = begin;
    double sum = 0, best = 0;
    for (; end < areas.size(); ++end) {
      const double with = sum + areas[end];
      const double thick = with / side;
      const double worst = std::max(areas[begin] / thick / thick, thick * thick / areas[end]);
      if (end > begin && worst > best) break;
      best = worst;
      sum = with;
    }
    const double thick = side > 0 ? sum / side : 0;
    double along = 0;
    for (; begin < end; ++begin) {
      const double length = thick > 0 ? areas[begin] / thick : 0;
      placed.push_back(room.width >= room.height ? Rectangle{room.x, room.y + along, thick, length}
                                                 : Rectangle{room.x + along, room.y, length, thick});
      along += length;
    }
    if (room.width >= room.height) {
      room.x += thick;
      room.width = std::max(0.0, room.width - thick);
    } else {
      room.y += thick;
      room.height = std::max(0.0, room.height - thick);
    }
  }
  return placed;
}

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : tools::printable(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// Draws a PathTree.
class Picture {
 public:
  Picture(const format::Reader& reader, const PathTree& tree)
      : reader_(reader), nodes_(tree.nodes()), names_(closure_names(reader)), children_(nodes_.size()) {
    for (uint32_t i = 1; i < nodes_.size(); ++i) {
      if (nodes_[i].retained != 0) children_[nodes_[i].parent].push_back(i);
    }
    for (auto& each : children_) {
      std::stable_sort(each.begin(), each.end(),
                       [&](uint32_t a, uint32_t b) { return nodes_[a].retained > nodes_[b].retained; });
    }
  }

  std::string draw() {
    constexpr double kWidth = 1600, kHeight = 1000, kHead = 34;
    svg_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n"
        "<text x=\"8\" y=\"22\" font-size=\"15\">{2}: {3} by what keeps them; point at a rectangle for its name and "
        "bytes</text>\n",
        kWidth, kHeight, xml(checked(reader_.string(reader_.view().header->image_name))),
        tools::human_size(nodes_[0].retained));
    fill(0, {6, kHead, kWidth - 12, kHeight - kHead - 6});
    svg_ += "</svg>\n";
    return std::move(svg_);
  }
  uint64_t rectangles() const { return rectangles_; }

 private:
  static constexpr double kTitle = 15, kMargin = 2, kLeast = 3;
  static constexpr uint32_t kDeepest = 60;

  std::string title(const PathTree::Node& node) const {
    if (node.target == PathTree::kShared) return "reached from several roots";
    if (node.target == PathTree::kRoot) {
      const wire::Root& root = reader_.view().roots[node.root];
      return checked(reader_.string(root.name)) + " :: " + checked(reader_.string(root.type_name));
    }
    return names_[node.target].qualified();
  }

  // Colours tell packages and modules apart, and are paler further in.
  std::string colour(const PathTree::Node& node) const {
    if (node.target >= PathTree::kShared) return "hsl(0 0% 92%)";
    const ClosureName& name = names_[node.target];
    uint32_t hash = 2166136261u;
    for (const char c : name.package + ":" + name.module) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
    uint32_t shade = hash;
    for (const char c : name.name) shade = (shade ^ static_cast<uint8_t>(c)) * 16777619u;
    return fmt::format("hsl({} {}% {}%)", hash % 360, 45 + shade % 25, 68 + shade / 32 % 16);
  }

  void draw(uint32_t i, Rectangle room) {
    const PathTree::Node& node = nodes_[i];
    ++rectangles_;
    svg_ += fmt::format(
        "<g><title>{}\n{} ({}) retained, {} own, {} closure{}</title><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
        "height=\"{:.1f}\" fill=\"{}\" stroke=\"#555\" stroke-width=\"0.6\"/>",
        xml(where(i)), tools::human_size(node.retained), percent(node.retained, nodes_[0].retained),
        tools::human_size(node.own), tools::grouped(node.closures), node.closures == 1 ? "" : "s", room.x, room.y,
        room.width, room.height, colour(node));
    const bool titled = room.width > 34 && room.height > kTitle + 2;
    if (titled) label(node, room);
    svg_ += "</g>\n";
    const double head = titled ? kTitle : kMargin;
    const Rectangle inside{room.x + kMargin, room.y + head, room.width - 2 * kMargin, room.height - head - kMargin};
    if (node.depth < kDeepest && inside.width > kLeast && inside.height > kLeast) fill(i, inside);
  }

  void label(const PathTree::Node& node, const Rectangle& room) {
    constexpr double kLetter = 6.1;
    const auto fits = static_cast<size_t>(std::max(0.0, (room.width - 8) / kLetter));
    std::string text = title(node);
    const std::string with_size = text + "  " + tools::human_size(node.retained);
    if (tools::display_width(with_size) <= fits) {
      text = with_size;
    } else if (tools::display_width(text) > fits) {
      // The end of a name tells more than its modules.
      const std::string last = node.target < PathTree::kShared ? names_[node.target].name : text;
      text = tools::display_width(last) <= fits ? last : fits > 2 ? last.substr(0, fits - 1) + "…" : "";
    }
    svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", room.x + 4, room.y + 11.5, xml(text));
  }

  // From the root to the node, at most the last few names.
  std::string where(uint32_t i) const {
    std::vector<std::string> names;
    constexpr size_t kMost = 8;
    for (; i != 0 && names.size() < kMost; i = nodes_[i].parent) names.push_back(title(nodes_[i]));
    std::string out = i == 0 ? "" : "... > ";
    for (size_t k = names.size(); k-- > 0;) out += names[k] + (k == 0 ? "" : " > ");
    return out;
  }

  // The children of `i` share the room by what they retain; what is left over is the node's own.
  void fill(uint32_t i, Rectangle room) {
    const std::vector<uint32_t>& all = children_[i];
    const double scale = room.width * room.height / std::max(1.0, static_cast<double>(nodes_[i].retained));
    std::vector<double> areas;
    std::vector<uint32_t> shown;
    bool own_placed = nodes_[i].own == 0;
    const auto own = static_cast<double>(nodes_[i].own) * scale;
    for (const uint32_t child : all) {
      const double area = static_cast<double>(nodes_[child].retained) * scale;
      if (area < kLeast * kLeast) break;
      if (!own_placed && own >= area) {
        areas.push_back(own);
        shown.push_back(0);
        own_placed = true;
      }
      areas.push_back(area);
      shown.push_back(child);
    }
    const std::vector<Rectangle> placed = squarify(areas, room);
    for (size_t k = 0; k < placed.size(); ++k) {
      if (shown[k] != 0) draw(shown[k], placed[k]);
    }
  }

  const format::Reader& reader_;
  const std::vector<PathTree::Node>& nodes_;
  std::vector<ClosureName> names_;
  std::vector<std::vector<uint32_t>> children_;
  std::string svg_;
  uint64_t rectangles_ = 0;
};

}  // namespace

format::Result<Treemap> Treemap::make(const format::Reader& reader, const RetainedSizes& retained,
                                      const std::string& path) {
  const auto tree = PathTree::make(reader, retained);
  if (!tree) return tl::unexpected(tree.error());
  Picture picture(reader, *tree);
  const std::string svg = picture.draw();
  if (auto written = format::write_text(path, svg); !written) return tl::unexpected(written.error());
  Treemap treemap;
  treemap.path_ = path;
  treemap.rectangles_ = picture.rectangles();
  treemap.bytes_ = tree->nodes()[0].retained;
  return treemap;
}

void Treemap::text(tools::Output* out) const {
  out->print("\nWrote {}: {} in {} rectangles\n", tools::printable(path_), tools::human_size(bytes_),
             tools::grouped(rectangles_));
}

void Treemap::json(tools::Json* json) const {
  json->key("treemap");
  json->begin_object();
  json->text("file", path_);
  json->number("bytes", bytes_);
  json->number("rectangles", rectangles_);
  json->end_object();
}

}  // namespace fastboot::inspect
