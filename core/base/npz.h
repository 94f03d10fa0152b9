// Reads NumPy's .npz archives. Knows nothing of tensors: what it gives is NumPy's own description and the bytes.
#ifndef CORE_BASE_NPZ_H_
#define CORE_BASE_NPZ_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mirin {

struct NpzArray {
  std::string descr;  // NumPy's dtype text: "<f4", "|b1", "<U5" ..
  std::vector<int64_t> dims;
  std::string bytes;  // C order, little endian

  int64_t elements() const;
  // The number of its DType, which is the C API's; 0 for texts and anything else that is no such type.
  int dtype() const;
  // Element i of a text array, as UTF-8.
  std::string Text(int64_t i = 0) const;
  bool is_text() const { return descr.size() > 1 && (descr[1] == 'U' || descr[1] == 'S'); }
};

// Arrays by name, without ".npy". NotFound, DataLoss for what is no such archive; Unimplemented for compressed members
// (numpy.savez_compressed), big-endian and object arrays. Fortran order is put right.
absl::StatusOr<std::map<std::string, NpzArray>> ReadNpz(const std::string& path);
absl::StatusOr<std::map<std::string, NpzArray>> ParseNpz(absl::string_view zip);

// Element i of packed numbers as a double; dtype is a DType number. 0 for texts.
double NumberAt(int dtype, const void* data, int64_t i);

}  // namespace mirin

#endif  // CORE_BASE_NPZ_H_
