#include "tests/support/npz.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace mirin::testing {
namespace {

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "npz: %s\n", message.c_str());
  std::abort();
}

template <typename T>
T Load(const std::string& s, size_t at) {
  T v;
  if (at + sizeof v > s.size()) Die("truncated");
  std::memcpy(&v, s.data() + at, sizeof v);
  return v;
}

std::string Between(const std::string& s, const std::string& from, const std::string& to) {
  const size_t a = s.find(from);
  if (a == std::string::npos) Die("no " + from);
  const size_t b = s.find(to, a + from.size());
  return s.substr(a + from.size(), b - a - from.size());
}

Array ParseNpy(const std::string& npy) {
  if (npy.compare(0, 6, "\x93NUMPY") != 0) Die("not a .npy");
  const bool v1 = npy[6] == 1;
  const size_t header_bytes = v1 ? Load<uint16_t>(npy, 8) : Load<uint32_t>(npy, 8);
  const size_t begin = v1 ? 10 : 12;
  const std::string header = npy.substr(begin, header_bytes);
  Array a;
  a.descr = Between(header, "'descr': '", "'");
  if (Between(header, "'fortran_order': ", ",") != "False") Die("Fortran order");
  std::stringstream dims(Between(header, "'shape': (", ")"));
  for (std::string d; std::getline(dims, d, ',');) {
    if (d.find_first_of("0123456789") != std::string::npos) a.dims.push_back(std::atoll(d.c_str()));
  }
  a.bytes = npy.substr(begin + header_bytes);
  return a;
}

float HalfToFloat(uint16_t h) {
  const int exponent = (h >> 10) & 31;
  const float mantissa = static_cast<float>(h & 1023);
  const float sign = (h & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 31) return mantissa != 0 ? NAN : sign * INFINITY;
  return exponent == 0 ? sign * std::ldexp(mantissa, -24) : sign * std::ldexp(1024 + mantissa, exponent - 25);
}

}  // namespace

int64_t Array::elements() const {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  return n;
}

int Array::dtype() const {
  static const std::map<std::string, int> kTypes = {{"f4", 43}, {"f8", 44}, {"f2", 42}, {"i1", 32}, {"i2", 33}, {"i4", 34},
                                                    {"i8", 35}, {"u1", 37}, {"u2", 38}, {"u4", 39}, {"u8", 40}, {"b1", 30}};
  auto it = kTypes.find(descr.substr(1));
  return it == kTypes.end() ? 0 : it->second;
}

double NumberAt(int dtype, const void* data, int64_t i) {
  const auto as = [&](auto zero) {
    decltype(zero) v;
    std::memcpy(&v, static_cast<const char*>(data) + i * static_cast<int64_t>(sizeof v), sizeof v);
    return v;
  };
  switch (dtype) {
    case 30: return as(uint8_t{0}) != 0;
    case 32: return as(int8_t{0});
    case 33: return as(int16_t{0});
    case 34: return as(int32_t{0});
    case 35: return static_cast<double>(as(int64_t{0}));
    case 37: return as(uint8_t{0});
    case 38: return as(uint16_t{0});
    case 39: return as(uint32_t{0});
    case 40: return static_cast<double>(as(uint64_t{0}));
    case 42: return HalfToFloat(as(uint16_t{0}));
    case 43: return as(0.0f);
    case 44: return as(0.0);
    default: Die("dtype " + std::to_string(dtype));
  }
}

double Array::Number(int64_t i) const { return NumberAt(dtype(), bytes.data(), i); }

std::string Array::Text() const {
  std::string out;
  for (size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    const uint32_t c = Load<uint32_t>(bytes, i);
    if (c == 0) break;
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xc0 | c >> 6);
      out += static_cast<char>(0x80 | (c & 63));
    } else {
      out += static_cast<char>(0xe0 | c >> 12);
      out += static_cast<char>(0x80 | (c >> 6 & 63));
      out += static_cast<char>(0x80 | (c & 63));
    }
  }
  return out;
}

std::map<std::string, Array> ReadNpz(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Die("cannot open " + path);
  const std::string zip((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  size_t end = zip.rfind("PK\x05\x06");
  if (end == std::string::npos) Die("not a zip: " + path);
  const int count = Load<uint16_t>(zip, end + 10);
  size_t at = Load<uint32_t>(zip, end + 16);
  std::map<std::string, Array> arrays;
  for (int i = 0; i < count; ++i) {  // central directory
    if (Load<uint16_t>(zip, at + 10) != 0) Die("compressed member in " + path);
    const size_t size = Load<uint32_t>(zip, at + 24);
    const size_t name_bytes = Load<uint16_t>(zip, at + 28);
    const size_t local = Load<uint32_t>(zip, at + 42);
    std::string name = zip.substr(at + 46, name_bytes);
    const size_t data = local + 30 + Load<uint16_t>(zip, local + 26) + Load<uint16_t>(zip, local + 28);
    name.resize(name.size() - 4);
    arrays[name] = ParseNpy(zip.substr(data, size));
    at += 46 + name_bytes + Load<uint16_t>(zip, at + 30) + Load<uint16_t>(zip, at + 32);
  }
  return arrays;
}

}  // namespace mirin::testing
