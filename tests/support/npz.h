// Reads NumPy's .npz archives (stored, not compressed) for tests.
#ifndef TESTS_SUPPORT_NPZ_H_
#define TESTS_SUPPORT_NPZ_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mirin::testing {

struct Array {
  std::string descr;  // NumPy's dtype text: "<f4", "|b1", "<U5" ..
  std::vector<int64_t> dims;
  std::string bytes;  // C order

  int64_t elements() const;
  // As mirin dtype number; 0 for text.
  int dtype() const;
  // Element i of a numeric array.
  double Number(int64_t i) const;
  // Element 0 of a text array, as UTF-8.
  std::string Text() const;
};

// Arrays by name, without ".npy". Aborts the test program with a message when the file is not what is expected.
std::map<std::string, Array> ReadNpz(const std::string& path);

// A number of a raw tensor element; dtype is a mirin dtype number.
double NumberAt(int dtype, const void* data, int64_t i);

}  // namespace mirin::testing

#endif  // TESTS_SUPPORT_NPZ_H_
