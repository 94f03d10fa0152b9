// Source compatibility with MindSpore Lite's C++ API: a loaded graph, and the cell that carries it
// to Model::Build.
#ifndef MINDSPORE_INCLUDE_API_GRAPH_H
#define MINDSPORE_INCLUDE_API_GRAPH_H

#include <memory>
#include <utility>

#include "include/api/types.h"

namespace mindspore {

class Graph {
 public:
  Graph() = default;
  explicit Graph(std::shared_ptr<mirin_model> model) : model_(std::move(model)) {}
  explicit Graph(std::nullptr_t) {}
  enum ModelType ModelType() const { return model_ == nullptr ? kUnknownType : kMindIR; }
  bool operator==(std::nullptr_t) const { return model_ == nullptr; }
  bool operator!=(std::nullptr_t) const { return model_ != nullptr; }
  const std::shared_ptr<mirin_model>& model() const { return model_; }

 private:
  std::shared_ptr<mirin_model> model_;
};

class GraphCell {
 public:
  GraphCell() = default;
  explicit GraphCell(Graph graph) : graph_(std::move(graph)) {}
  const Graph& graph() const { return graph_; }

 private:
  Graph graph_;
};

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_GRAPH_H
