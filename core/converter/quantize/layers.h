// What quantisation did to each layer: the source of the report's notes and of the table for debug_info_save_path.
#ifndef CORE_CONVERTER_QUANTIZE_LAYERS_H_
#define CORE_CONVERTER_QUANTIZE_LAYERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/converter/report.h"
#include "core/ir/graph.h"

namespace mirin::converter {

struct Layer {
  std::string node, op;
  int64_t elements = 0;  // of the weight
  int bits = 0;          // 0: left as it is
  double error = 0;      // StoredWeight::error
  std::string reason;    // why it was left
};

class Layers {
 public:
  void Quantised(const ir::Node& node, int64_t elements, int bits, double error) {
    layers_.push_back({node.name(), node.op(), elements, bits, error, ""});
  }
  void Left(const ir::Node& node, int64_t elements, std::string reason) {
    layers_.push_back({node.name(), node.op(), elements, 0, 0, std::move(reason)});
  }
  int quantised() const;

  // Counts, bytes, the largest errors and the reasons for what was left.
  void AddNotes(Report* report) const;
  // One line a layer.
  std::string ToCsv() const;

 private:
  std::vector<Layer> layers_;
};

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_QUANTIZE_LAYERS_H_
