#include "core/ops/ml.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

namespace mirin::reference::kernels {
namespace {

// Where each key of `x` stands last in `keys`, or -1.
template <typename N, typename IsNan>
std::vector<int64_t> Find(absl::Span<const N> x, absl::Span<const N> keys, IsNan is_nan) {
  std::map<N, int64_t> places;
  int64_t nan = -1;
  for (size_t i = 0; i < keys.size(); ++i)
    (is_nan(keys[i]) ? nan : places[keys[i]]) = static_cast<int64_t>(i);
  std::vector<int64_t> out;
  for (const N& v : x) {
    const auto it = is_nan(v) ? places.end() : places.find(v);
    out.push_back(is_nan(v) ? nan : it == places.end() ? -1 : it->second);
  }
  return out;
}

enum Mode { kLessEqual, kLess, kGreaterEqual, kGreater, kEqual, kNotEqual, kMember };

class Trees {
 public:
  // InvalidArgument when members do not fit the nodes.
  absl::Status Read(const ir::Node& node, const KernelContext& c) {
    const ir::Attributes& a = node.attrs();
    modes_ = a.Ints("nodes_modes");
    features_ = a.Ints("nodes_featureids");
    next_[0] = a.Ints("nodes_falsenodeids");
    next_[1] = a.Ints("nodes_truenodeids");
    leaf_[0] = a.Ints("nodes_falseleafs");
    leaf_[1] = a.Ints("nodes_trueleafs");
    nan_true_ = a.Ints("nodes_missing_value_tracks_true");
    splits_ = ReadAll<double>(c.input(1));
    const std::vector<double> members =
        c.has_input(3) ? ReadAll<double>(c.input(3)) : std::vector<double>();
    size_t at = 0;
    for (size_t n = 0; n < modes_.size(); ++n) {
      if (modes_[n] != kMember) continue;
      std::set<double>& set = members_[n];
      while (at < members.size() && !std::isnan(members[at])) set.insert(members[at++]);
      if (at == members.size())
        return absl::InvalidArgumentError("a node of mode BRANCH_MEMBER has no members");
      ++at;
    }
    return absl::OkStatus();
  }

  // The leaf that a sample falls to; -1 when the nodes lead around in a circle.
  int64_t Fall(int64_t root, const double* x) const {
    auto n = static_cast<size_t>(root);
    for (size_t step = 0; step < modes_.size(); ++step) {
      const int side = Passes(n, x[features_[n]]) ? 1 : 0;
      const int64_t next = next_[side][n];
      if (leaf_[side][n] != 0) return next;
      n = static_cast<size_t>(next);
    }
    return -1;
  }

 private:
  bool Passes(size_t n, double v) const {
    if (std::isnan(v) && !nan_true_.empty() && nan_true_[n] != 0) return true;
    const double split = splits_[n];
    switch (modes_[n]) {
      case kLessEqual:
        return v <= split;
      case kLess:
        return v < split;
      case kGreaterEqual:
        return v >= split;
      case kGreater:
        return v > split;
      case kEqual:
        return v == split;
      case kNotEqual:
        return v != split;
      default:
        return !std::isnan(v) && members_.at(n).count(v) > 0;
    }
  }

  std::vector<int64_t> modes_, features_, next_[2], leaf_[2], nan_true_;
  std::vector<double> splits_;
  std::map<size_t, std::set<double>> members_;
};

}  // namespace

absl::Status LookUp(const ir::Node& node, const KernelContext& c) {
  const TensorView& x = c.input(0);
  std::vector<int64_t> found;
  if (x.dtype == DType::kString) {
    const std::vector<std::string>& texts = ops::Texts(node.attrs(), "key_texts");
    const std::vector<absl::string_view> keys(texts.begin(), texts.end());
    const auto wanted =
        absl::MakeConstSpan(x.as<absl::string_view>(), static_cast<size_t>(x.elements()));
    found = Find(wanted, absl::MakeConstSpan(keys), [](absl::string_view) { return false; });
  } else {
    WithExact(x.dtype, [&](auto zero) {
      using N = decltype(zero);
      const std::vector<N> wanted = ReadAll<N>(x), keys = ReadAll<N>(c.input(1));
      found =
          Find(absl::MakeConstSpan(wanted), absl::MakeConstSpan(keys), [](N v) { return v != v; });
    });
  }
  if (!c.has_input(2)) {
    const std::vector<std::string>& texts = ops::Texts(node.attrs(), "value_texts");
    const auto* fallback = std::get_if<std::string>(node.attrs().Find("fallback_text"));
    auto* to = c.output(0).as<absl::string_view>();
    for (size_t i = 0; i < found.size(); ++i)
      to[i] = found[i] >= 0         ? absl::string_view(texts[static_cast<size_t>(found[i])])
              : fallback == nullptr ? ""
                                    : *fallback;
    return absl::OkStatus();
  }
  const ElementMover value(c.input(2), c.output(0)), fallback(c.input(3), c.output(0));
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] < 0) {
      fallback.Move(0, static_cast<int64_t>(i));
    } else {
      value.Move(found[i], static_cast<int64_t>(i));
    }
  }
  return absl::OkStatus();
}

absl::Status TreeEnsemble(const ir::Node& node, const KernelContext& c) {
  Trees trees;
  MIRIN_RETURN_IF_ERROR(trees.Read(node, c));
  const std::vector<double> x = ReadAll<double>(c.input(0)), weights = ReadAll<double>(c.input(2));
  const std::vector<int64_t> roots = node.attrs().Ints("tree_roots"),
                             targets = node.attrs().Ints("leaf_targetids"),
                             begins = node.attrs().Ints("leaf_begins");
  const int64_t samples = c.input(0).dims[0], width = c.input(0).dims[1],
                outputs = c.output(0).dims[1];
  const int64_t aggregate = node.attrs().Int("aggregate_function");
  std::vector<double> y(static_cast<size_t>(samples * outputs), 0);
  for (int64_t s = 0; s < samples; ++s) {
    if (c.cancelled()) return absl::CancelledError("the run was cancelled");
    std::vector<bool> reached(static_cast<size_t>(outputs), false);
    for (const int64_t root : roots) {
      const int64_t leaf = trees.Fall(root, x.data() + s * width);
      if (leaf < 0)
        return absl::InvalidArgumentError(absl::StrCat("the tree at node ", root, " has a cycle"));
      const auto l = static_cast<size_t>(leaf);
      const int64_t end = begins.empty() ? leaf + 1 : begins[l + 1];
      for (auto vote = static_cast<size_t>(begins.empty() ? leaf : begins[l]);
           vote < static_cast<size_t>(end); ++vote) {
        const auto target = static_cast<size_t>(targets[vote]);
        double& sum = y[static_cast<size_t>(s * outputs) + target];
        if (aggregate <= 1) {
          sum += aggregate == 0 ? weights[vote] / static_cast<double>(roots.size()) : weights[vote];
        } else if (!reached[target]) {
          sum = weights[vote];
        } else {
          sum = aggregate == 2 ? std::min(sum, weights[vote]) : std::max(sum, weights[vote]);
        }
        reached[target] = true;
      }
    }
  }
  WriteAll(c.output(0), y);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
