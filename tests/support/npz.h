// core/base/npz.h for tests, where a file that is not what is expected ends the program with a message.
#ifndef TESTS_SUPPORT_NPZ_H_
#define TESTS_SUPPORT_NPZ_H_

#include <cstdint>
#include <map>
#include <string>

#include "core/base/npz.h"

namespace mirin::testing {

struct Array : NpzArray {
  // Element i of a numeric array.
  double Number(int64_t i) const { return NumberAt(dtype(), bytes.data(), i); }
};

std::map<std::string, Array> ReadNpz(const std::string& path);

}  // namespace mirin::testing

#endif  // TESTS_SUPPORT_NPZ_H_
