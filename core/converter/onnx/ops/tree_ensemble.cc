// Trees of ai.onnx.ml: TreeEnsemble of version 5, and the regressor and classifier that it replaces.
#include <map>
#include <set>

#include "core/converter/onnx/ops/ml_scores.h"

namespace mirin::onnx {
namespace {

using Numbers = std::vector<int64_t>;

// Floats of an attribute, or of its twin for doubles (version 3).
Tensor FloatsOrTensor(OpContext& c, const std::string& name) {
  const Tensor* tensor = c.TensorAttribute(name + "_as_tensor");
  const std::vector<double> floats = c.Floats(name);
  return tensor != nullptr ? tensor->Reshaped({tensor->elements()}) : FloatTensor(floats);
}

// The older operators list nodes with tree and node numbers, leaves among them, and votes of the leaves.
class NodeList {
 public:
  // `votes` is the prefix of the attributes with the votes, `target` the one with the target of each.
  NodeList(OpContext& c, const std::string& votes, const char* target)
      : c_(c), votes_(votes), targets_(c.Ints(target)) {}

  // x [samples, features] to [samples, targets].
  absl::StatusOr<ir::Value*> Sum(int64_t targets, int64_t aggregate) {
    GraphBuilder& b = c_.builder();
    MIRIN_RETURN_IF_ERROR(ReadNodes());
    MIRIN_RETURN_IF_ERROR(ReadVotes());
    for (const char* name : {"nodes_hitrates", "nodes_hitrates_as_tensor"}) c_.Ignore(name);
    Tensor base = FloatsOrTensor(c_, "base_values");
    const Tensor splits = FloatsOrTensor(c_, "nodes_values");
    ir::Value* x = IsFloat(c_.dtype(0)) ? c_.input(0) : b.Cast(c_.input(0), DType::kFloat32);
    ir::Value* y =
        b.Op("TreeEnsemble",
             {x, b.Constant(splits), b.Constant(FloatsOrTensor(c_, votes_ + "_weights"))},
             {{"nodes_modes", modes_},
              {"nodes_featureids", features_},
              {"nodes_truenodeids", next_[1]},
              {"nodes_falsenodeids", next_[0]},
              {"nodes_trueleafs", is_leaf_},
              {"nodes_falseleafs", is_leaf_},
              {"nodes_missing_value_tracks_true", c_.Ints("nodes_missing_value_tracks_true")},
              {"leaf_targetids", targets_},
              {"leaf_begins", begins_},
              {"tree_roots", roots_},
              {"n_targets", targets},
              {"aggregate_function", aggregate}});
    if (base.elements() > 0) {
      if (base.elements() != 1 && base.elements() != targets)
        return absl::InvalidArgumentError(
            absl::StrCat(base.elements(), " base_values for ", targets, " targets"));
      y = b.Add(
          y, b.Cast(b.Constant(std::move(base)), y == nullptr ? DType::kFloat32 : y->type().dtype));
    }
    return b.Cast(y, DType::kFloat32);
  }

 private:
  // A leaf is a node with one leaf on both sides; branches lead to nodes only.
  absl::Status ReadNodes() {
    const Numbers trees = c_.Ints("nodes_treeids"), ids = c_.Ints("nodes_nodeids"),
                  if_true = c_.Ints("nodes_truenodeids"), if_false = c_.Ints("nodes_falsenodeids");
    const std::vector<std::string> modes = c_.Strings("nodes_modes");
    features_ = c_.Ints("nodes_featureids");
    for (const size_t count :
         {ids.size(), if_true.size(), if_false.size(), modes.size(), features_.size()}) {
      if (count != trees.size() || count == 0)
        return absl::InvalidArgumentError(
            absl::StrCat("attributes nodes_* of ", trees.size(), " and ", count, " entries"));
    }
    for (size_t n = 0; n < ids.size(); ++n) {
      if (!place_.emplace(std::make_pair(trees[n], ids[n]), static_cast<int64_t>(n)).second)
        return absl::InvalidArgumentError(
            absl::StrCat("tree ", trees[n], " has two nodes ", ids[n]));
    }
    static const auto* const kModes =
        new std::map<std::string, int64_t>{{"BRANCH_LEQ", 0}, {"BRANCH_LT", 1}, {"BRANCH_GTE", 2},
                                           {"BRANCH_GT", 3},  {"BRANCH_EQ", 4}, {"BRANCH_NEQ", 5}};
    std::set<int64_t> inner;  // nodes that others lead to
    for (size_t n = 0; n < ids.size(); ++n) {
      is_leaf_.push_back(modes[n] == "LEAF" ? 1 : 0);
      if (is_leaf_[n] != 0) {
        leaf_of_[static_cast<int64_t>(n)] = static_cast<int64_t>(leaf_of_.size());
        features_[n] = 0;
      }
      const auto mode = kModes->find(modes[n]);
      if (is_leaf_[n] == 0 && mode == kModes->end())
        return absl::InvalidArgumentError(absl::StrCat("unknown mode '", modes[n], "'"));
      modes_.push_back(is_leaf_[n] != 0 ? 0 : mode->second);
      for (const int side : {0, 1}) {
        const auto to = place_.find({trees[n], side == 0 ? if_false[n] : if_true[n]});
        if (is_leaf_[n] == 0 && to == place_.end())
          return absl::InvalidArgumentError(absl::StrCat("tree ", trees[n], " has no node ",
                                                         side == 0 ? if_false[n] : if_true[n]));
        next_[side].push_back(is_leaf_[n] != 0 ? leaf_of_[static_cast<int64_t>(n)] : to->second);
        if (is_leaf_[n] == 0) inner.insert(to->second);
      }
    }
    std::set<int64_t> rooted;
    for (size_t n = 0; n < ids.size(); ++n) {
      if (inner.count(static_cast<int64_t>(n)) > 0) continue;
      if (!rooted.insert(trees[n]).second)
        return absl::InvalidArgumentError(absl::StrCat("tree ", trees[n], " has several roots"));
      roots_.push_back(static_cast<int64_t>(n));
    }
    if (rooted.size() != std::set<int64_t>(trees.begin(), trees.end()).size())
      return absl::InvalidArgumentError("a tree has no root");
    return absl::OkStatus();
  }

  // Votes lie side by side for each leaf, in the order of leaves, as exporters write them.
  absl::Status ReadVotes() {
    const Numbers trees = c_.Ints(votes_ + "_treeids"), ids = c_.Ints(votes_ + "_nodeids");
    if (trees.size() != targets_.size() || ids.size() != targets_.size())
      return absl::InvalidArgumentError(absl::StrCat("attributes ", votes_, "_* of ", trees.size(),
                                                     ", ", ids.size(), " and ", targets_.size(),
                                                     " entries"));
    begins_.assign(leaf_of_.size() + 1, 0);
    int64_t before = -1;
    for (size_t v = 0; v < ids.size(); ++v) {
      const auto place = place_.find({trees[v], ids[v]});
      if (place == place_.end() || is_leaf_[static_cast<size_t>(place->second)] == 0)
        return absl::InvalidArgumentError(
            absl::StrCat("a vote of node ", ids[v], " of tree ", trees[v], ", which is no leaf"));
      const int64_t leaf = leaf_of_[place->second];
      if (leaf < before)
        return Refuse("votes in another order than the leaves", "list them leaf by leaf");
      before = leaf;
      ++begins_[static_cast<size_t>(leaf) + 1];
    }
    for (size_t i = 1; i < begins_.size(); ++i) begins_[i] += begins_[i - 1];
    return absl::OkStatus();
  }

  OpContext& c_;
  std::string votes_;
  Numbers targets_, modes_, features_, next_[2], is_leaf_, roots_, begins_;
  std::map<std::pair<int64_t, int64_t>, int64_t> place_;  // of (tree, node)
  std::map<int64_t, int64_t> leaf_of_;                    // by place
};

}  // namespace

namespace translate {

absl::Status TreeEnsemble(OpContext& c) {
  GraphBuilder& b = c.builder();
  const Tensor *splits = c.TensorAttribute("nodes_splits"),
               *weights = c.TensorAttribute("leaf_weights"),
               *members = c.TensorAttribute("membership_values");
  const Tensor* modes = c.TensorAttribute("nodes_modes");
  c.Ignore("nodes_hitrates");
  if (splits == nullptr || weights == nullptr || modes == nullptr)
    return absl::InvalidArgumentError("nodes_splits, leaf_weights and nodes_modes are needed");
  MIRIN_ASSIGN_OR_RETURN(const Numbers mode, modes->ToInt64s());
  const auto flat = [&](const Tensor& t) { return b.Constant(t.Reshaped({t.elements()})); };
  Attrs attributes = {{"nodes_modes", mode}};
  for (const char* name :
       {"nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs",
        "nodes_falseleafs", "nodes_missing_value_tracks_true", "leaf_targetids", "tree_roots"}) {
    attributes.push_back({name, c.Ints(name)});
  }
  attributes.push_back({"n_targets", c.Int("n_targets", 1)});
  attributes.push_back({"aggregate_function", c.Int("aggregate_function", 1)});
  ir::Value* y = b.Op("TreeEnsemble",
                      {c.input(0), flat(*splits), flat(*weights),
                       members == nullptr ? GraphBuilder::Absent() : flat(*members)},
                      attributes);
  static constexpr const char* kTransforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO",
                                                "PROBIT"};
  const int64_t transform = c.Int("post_transform", 0);
  if (transform < 0 || transform > 4)
    return absl::InvalidArgumentError(absl::StrCat("post_transform is ", transform));
  MIRIN_ASSIGN_OR_RETURN(y, PostTransform(b, y, kTransforms[transform]));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

absl::Status TreeEnsembleRegressor(OpContext& c) {
  static constexpr const char* kAggregates[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  const std::string name = c.String("aggregate_function", "SUM");
  const auto aggregate =
      std::find(std::begin(kAggregates), std::end(kAggregates), name) - std::begin(kAggregates);
  if (aggregate == 4)
    return absl::InvalidArgumentError(absl::StrCat("unknown aggregate_function '", name, "'"));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y,
                         NodeList(c, "target", "target_ids").Sum(c.Int("n_targets", 1), aggregate));
  MIRIN_ASSIGN_OR_RETURN(y, PostTransform(c.builder(), y, c.String("post_transform", "NONE")));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

absl::Status TreeEnsembleClassifier(OpContext& c) {
  NodeList list(c, "class", "class_ids");
  const auto classes = static_cast<int64_t>(
      std::max(c.Strings("classlabels_strings").size(), c.Ints("classlabels_int64s").size()));
  // Of two classes the label follows rules that differ between runtimes: the greater score, or the sign of the second one's.
  if (classes < 3)
    return Refuse(absl::StrCat("the label of ", classes, " classes"),
                  "use TreeEnsemble and ArgMax");
  MIRIN_ASSIGN_OR_RETURN(ir::Value * scores, list.Sum(classes, 1));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * label,
                         TopLabel(c, scores, "classlabels_strings", "classlabels_int64s"));
  c.SetOutput(0, label);
  MIRIN_ASSIGN_OR_RETURN(scores,
                         PostTransform(c.builder(), scores, c.String("post_transform", "NONE")));
  c.SetOutput(1, scores);
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
