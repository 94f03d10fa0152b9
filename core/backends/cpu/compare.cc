// Comparisons, logic and selection: results that are bool, or chosen by bool.
#include <algorithm>

#include "core/backends/cpu/broadcast.h"
#include "core/backends/cpu/kernel.h"

namespace mirin::cpu {
namespace {

// y[k] = fn(a, b) over a broadcast, on the session's threads.
template <typename T, typename R, typename Fn>
void Combine(const BroadcastPlan& plan, const T* a, const T* b, R* y, const ThreadShare& threads,
             Fn fn) {
  const int64_t n = plan.inner.n, sa = plan.inner.a, sb = plan.inner.b;
  threads.ParallelFor(LinesOf(plan), std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, n)),
                      [&](int64_t begin, int64_t end) {
                        ForEachLine(plan, begin, end, [&](int64_t i, int64_t j, int64_t k) {
                          const T *p = a + i, *q = b + j;
                          R* to = y + k;
                          if (sa == 1 && sb == 1) {
                            for (int64_t l = 0; l < n; ++l) to[l] = fn(p[l], q[l]);
                          } else if (sa == 1 && sb == 0) {
                            const T right = *q;
                            for (int64_t l = 0; l < n; ++l) to[l] = fn(p[l], right);
                          } else {
                            for (int64_t l = 0; l < n; ++l) to[l] = fn(p[l * sa], q[l * sb]);
                          }
                        });
                      });
}

template <typename T, typename Fn>
KernelResult MakeWith(const KernelRequest& r, Fn fn) {
  const BroadcastPlan plan =
      PlanBroadcast(r.inputs[0].shape.dims(), r.inputs[1].shape.dims(), r.outputs[0].shape.dims());
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", r.node->op());
  return FromFunction(traits, [plan, fn](const KernelContext& c) {
    Combine(plan, c.input(0).as<T>(), c.input(1).as<T>(), c.output(0).as<bool>(), c.threads(), fn);
  });
}

template <typename T>
KernelResult MakeComparison(const KernelRequest& r) {
  const std::string& op = r.node->op();
  if (op == "Equal" || op == "EqScalar") return MakeWith<T>(r, [](T a, T b) { return a == b; });
  if (op == "NotEqual") return MakeWith<T>(r, [](T a, T b) { return a != b; });
  if (op == "Less" || op == "LessScalar") return MakeWith<T>(r, [](T a, T b) { return a < b; });
  if (op == "LessEqual") return MakeWith<T>(r, [](T a, T b) { return a <= b; });
  if (op == "Greater") return MakeWith<T>(r, [](T a, T b) { return a > b; });
  return MakeWith<T>(r, [](T a, T b) { return a >= b; });
}

template <typename T>
KernelResult SelectOf(const KernelRequest& r) {
  // The condition with each side in turn: two broadcasts into the same result.
  const Dims &condition = r.inputs[0].shape.dims(), &y = r.outputs[0].shape.dims();
  const BroadcastPlan left = PlanBroadcast(condition, r.inputs[1].shape.dims(), y),
                      right = PlanBroadcast(condition, r.inputs[2].shape.dims(), y);
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", r.node->op());
  return FromFunction(traits, [left, right](const KernelContext& c) {
    const auto pass = [&](const BroadcastPlan& plan, const T* from, bool when) {
      const bool* condition_data = c.input(0).as<bool>();
      T* y_data = c.output(0).as<T>();
      c.threads().ParallelFor(
          LinesOf(plan), std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, plan.inner.n)),
          [&](int64_t begin, int64_t end) {
            ForEachLine(plan, begin, end, [&](int64_t i, int64_t j, int64_t k) {
              for (int64_t l = 0; l < plan.inner.n; ++l) {
                if (condition_data[i + l * plan.inner.a] == when)
                  y_data[k + l] = from[j + l * plan.inner.b];
              }
            });
          });
    };
    pass(left, c.input(1).as<T>(), true);
    pass(right, c.input(2).as<T>(), false);
  });
}

}  // namespace

KernelResult MakeCompare(const KernelRequest& r) {
  if (r.inputs[0].dtype != r.inputs[1].dtype) return Refuse(r.inputs[1]);
  switch (r.inputs[0].dtype) {
    case DType::kFloat32:
      return MakeComparison<float>(r);
    case DType::kInt32:
      return MakeComparison<int32_t>(r);
    case DType::kInt64:
      return MakeComparison<int64_t>(r);
    case DType::kBool:
      return MakeComparison<bool>(r);
    default:
      return Refuse(r.inputs[0]);
  }
}

// IsNan and LogicalNot.
KernelResult MakePredicate(const KernelRequest& r) {
  const bool negates = r.node->op() == "LogicalNot";
  if (r.inputs[0].dtype != (negates ? DType::kBool : DType::kFloat32)) return Refuse(r.inputs[0]);
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", r.node->op());
  const int64_t n = NumElements(r.inputs[0].shape.dims());
  return FromFunction(traits, [=](const KernelContext& c) {
    bool* y = c.output(0).as<bool>();
    c.threads().ParallelFor(n, kElementGrain, [&](int64_t b, int64_t e) {
      if (negates) {
        const bool* x = c.input(0).as<bool>();
        for (int64_t i = b; i < e; ++i) y[i] = !x[i];
      } else {
        const float* x = c.input(0).as<float>();
        for (int64_t i = b; i < e; ++i) y[i] = x[i] != x[i];
      }
    });
  });
}

KernelResult MakeLogical(const KernelRequest& r) {
  if (r.inputs[0].dtype != DType::kBool || r.inputs[1].dtype != DType::kBool)
    return Refuse(r.inputs[0]);
  const std::string& op = r.node->op();
  if (op == "LogicalAnd") return MakeWith<bool>(r, [](bool a, bool b) { return a && b; });
  if (op == "LogicalOr") return MakeWith<bool>(r, [](bool a, bool b) { return a || b; });
  return MakeWith<bool>(r, [](bool a, bool b) { return a != b; });
}

KernelResult MakeSelect(const KernelRequest& r) {
  const DType dtype = r.outputs[0].dtype;
  if (r.inputs[0].dtype != DType::kBool || r.inputs[1].dtype != dtype || r.inputs[2].dtype != dtype)
    return Refuse(r.inputs[1]);
  switch (dtype) {
    case DType::kFloat32:
      return SelectOf<float>(r);
    case DType::kInt32:
      return SelectOf<int32_t>(r);
    case DType::kInt64:
      return SelectOf<int64_t>(r);
    default:
      return Refuse(r.outputs[0]);
  }
}

}  // namespace mirin::cpu
