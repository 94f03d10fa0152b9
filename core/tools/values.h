// Tensors of programs: made for a model's inputs, read from files, compared, printed.
#ifndef CORE_TOOLS_VALUES_H_
#define CORE_TOOLS_VALUES_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/npz.h"
#include "core/tools/handles.h"

namespace mirin::tools {

using Dims = std::vector<int64_t>;
using Shapes = std::map<std::string, Dims>;  // by input name

struct TensorSpec {
  std::string name;
  mirin_dtype dtype = MIRIN_DTYPE_UNKNOWN;
  bool rank_known = false;
  Dims dims;  // -1 where open
};

std::vector<TensorSpec> InputsOf(const mirin_model* model);
std::vector<TensorSpec> OutputsOf(const mirin_model* model);
// "float32[2,?]"
std::string ToString(const TensorSpec& spec);
std::string ToString(const Dims& dims);

// "n1:1,32;n2:4": the last colon of each part splits.
absl::StatusOr<Shapes> ParseNamedShapes(absl::string_view text);

// The spec's dims with the open ones from `shapes`, else 1. InvalidArgument for a shape that does not fit.
absl::StatusOr<Dims> Concrete(const TensorSpec& spec, const Shapes& shapes);

// Numbers that every dtype and most models take: floats in [-1, 1), integers 0 and 1. The same for the same seed.
absl::StatusOr<TensorPtr> RandomTensor(mirin_dtype dtype, const Dims& dims, uint64_t seed);
// From the bytes of an array, whose dtype must be the spec's and whose shape must fit.
absl::StatusOr<TensorPtr> FromArray(const NpzArray& array, const TensorSpec& spec);
// A raw file of exactly the bytes that the shape needs.
absl::StatusOr<TensorPtr> FromFile(const std::string& path, mirin_dtype dtype, const Dims& dims);

// How far a tensor is from a reference. Both hold `elements` numbers of one dtype.
struct Distance {
  double max_abs = 0;
  double max_ulp =
      0;  // steps between neighbouring numbers of the dtype; for integers the same as max_abs
  double cosine = 1;
  double relative_bias = 0;  // mean of |a - b| / |b|
  double largest = 0;        // magnitude in the reference
  int64_t special = 0;       // elements of which one only is NaN, or infinities differ
};
Distance Compare(mirin_dtype dtype, const void* tensor, const void* reference, int64_t elements);

}  // namespace mirin::tools

#endif  // CORE_TOOLS_VALUES_H_
