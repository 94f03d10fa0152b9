// Einstein sums: products of two operands become a product of matrices, several are multiplied one after the other.
#include "core/ops/einsum.h"

#include <algorithm>

#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

using Labels = std::vector<int>;

bool Holds(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// A tensor whose axes have names, which do not repeat.
struct Named {
  ir::Value* value = nullptr;
  Labels labels;
};

// The same with the axes in another order.
Named Ordered(GraphBuilder& b, const Named& x, const Labels& order) {
  if (x.labels == order) return x;
  std::vector<int64_t> perm;
  for (const int label : order)
    perm.push_back(std::find(x.labels.begin(), x.labels.end(), label) - x.labels.begin());
  return {b.Transpose(x.value, perm), order};
}

// The sum over the axes that are not wanted.
Named Summed(GraphBuilder& b, const Named& x, const Labels& wanted) {
  Named y;
  std::vector<int64_t> axes;
  for (size_t i = 0; i < x.labels.size(); ++i) {
    if (Holds(wanted, x.labels[i])) {
      y.labels.push_back(x.labels[i]);
    } else {
      axes.push_back(static_cast<int64_t>(i));
    }
  }
  y.value = axes.empty() ? x.value : b.Op("ReduceSum", {x.value, b.Ints(axes)});
  return y;
}

// The diagonal of axes that have one name.
Named WithoutRepeats(GraphBuilder& b, ir::Value* value, const Labels& labels) {
  Named x{value, {}};
  for (const int label : labels) {
    if (!Holds(x.labels, label)) x.labels.push_back(label);
  }
  if (x.labels.size() == labels.size()) return x;
  ops::EinsumPlan plan;
  plan.terms = {labels};
  plan.output = x.labels;
  x.value = b.Op("Einsum", {value}, {{"equation", ops::EquationOf(plan)}});
  return x;
}

// The sizes of the named axes of x, as int64[n].
ir::Value* SizesOf(GraphBuilder& b, const Named& x, const Labels& labels) {
  std::vector<ir::Value*> sizes;
  for (const int label : labels)
    sizes.push_back(b.Reshape(
        b.DimOf(x.value, std::find(x.labels.begin(), x.labels.end(), label) - x.labels.begin()),
        {1}));
  return sizes.empty() ? b.Ints({}) : sizes.size() == 1 ? sizes[0] : b.Concat(sizes, 0);
}

// x as matrices [batch.., rows, columns], each of the two the product of its axes.
ir::Value* AsMatrices(GraphBuilder& b, const Named& x, const Labels& batch, const Labels& rows,
                      const Labels& columns) {
  Labels order = batch;
  order.insert(order.end(), rows.begin(), rows.end());
  order.insert(order.end(), columns.begin(), columns.end());
  const Named ordered = Ordered(b, x, order);
  if (rows.size() == 1 && columns.size() == 1) return ordered.value;
  const auto product = [&](const Labels& labels) {
    return b.Op("ReduceProd", {SizesOf(b, x, labels)}, {{"keep_dims", true}});
  };
  return b.Op("Reshape", {ordered.value,
                          b.Concat({SizesOf(b, x, batch), product(rows), product(columns)}, 0)});
}

// x with an axis of one element for every label that it has not.
ir::Value* Spread(GraphBuilder& b, const Named& x, const Labels& labels) {
  Labels own;
  std::vector<int64_t> missing;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (Holds(x.labels, labels[i])) {
      own.push_back(labels[i]);
    } else {
      missing.push_back(static_cast<int64_t>(i));
    }
  }
  return b.Unsqueeze(Ordered(b, x, own).value, missing);
}

// The product of two, summed over the axes that are not wanted.
Named Multiplied(GraphBuilder& b, const Named& left, const Named& right, const Labels& wanted) {
  Labels keep = wanted;
  keep.insert(keep.end(), right.labels.begin(), right.labels.end());
  const Named x = Summed(b, left, keep);
  keep = wanted;
  keep.insert(keep.end(), x.labels.begin(), x.labels.end());
  const Named y = Summed(b, right, keep);
  Labels batch, rows, inner, columns;
  for (const int label : x.labels)
    (!Holds(y.labels, label) ? rows : Holds(wanted, label) ? batch : inner).push_back(label);
  for (const int label : y.labels) {
    if (!Holds(x.labels, label)) columns.push_back(label);
  }
  Labels all = batch;
  all.insert(all.end(), rows.begin(), rows.end());
  all.insert(all.end(), columns.begin(), columns.end());
  if (inner.empty()) return {b.Mul(Spread(b, x, all), Spread(b, y, all)), all};
  ir::Value* product =
      b.Op(batch.empty() ? "MatMul" : "BatchMatMul",
           {AsMatrices(b, x, batch, rows, inner), AsMatrices(b, y, batch, inner, columns)});
  if (rows.size() == 1 && columns.size() == 1) return {product, all};
  std::vector<ir::Value*> sizes;
  for (size_t i = 0; i < batch.size(); ++i)
    sizes.push_back(b.Reshape(b.DimOf(product, static_cast<int64_t>(i)), {1}));
  sizes.push_back(SizesOf(b, x, rows));
  sizes.push_back(SizesOf(b, y, columns));
  return {b.Op("Reshape", {product, b.Concat(sizes, 0)}), all};
}

}  // namespace

namespace translate {

absl::Status Einsum(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  GraphBuilder& b = c.builder();
  const std::string equation = c.String("equation", "");
  std::vector<int> ranks;
  for (int i = 0; i < c.num_inputs(); ++i) {
    MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(i));
    ranks.push_back(rank);
  }
  MIRIN_ASSIGN_OR_RETURN(const ops::EinsumPlan plan, ops::PlanEinsum(equation, ranks));
  Named product = WithoutRepeats(b, c.input(0), plan.terms[0]);
  for (size_t i = 1; i < plan.terms.size(); ++i) {
    // What the result or a later operand has stays.
    Labels wanted = plan.output;
    for (size_t k = i + 1; k < plan.terms.size(); ++k)
      wanted.insert(wanted.end(), plan.terms[k].begin(), plan.terms[k].end());
    product = Multiplied(b, product, WithoutRepeats(b, c.input(static_cast<int>(i)), plan.terms[i]),
                         wanted);
    if (!b.status().ok()) return absl::OkStatus();
  }
  c.SetOutput(0, Ordered(b, Summed(b, product, plan.output), plan.output).value);
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
