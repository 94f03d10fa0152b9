// runner LIST OUT: runs the pairs of languages_test.py through MindSpore Lite's C++ API.
#include <openssl/sha.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "include/api/model.h"

namespace {

using mindspore::MSTensor;
using mindspore::Status;

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

mindspore::DataType TypeNamed(const std::string& name) {
  for (int number = 0; number < 64; ++number) {
    if (mirin_dtype_name(static_cast<mirin_dtype>(number)) == name) {
      return static_cast<mindspore::DataType>(number);
    }
  }
  return mindspore::DataType::kTypeUnknown;
}

// dtype:dims:file
MSTensor ReadInput(const std::string& field) {
  const std::vector<std::string> parts = Split(field, ':');
  std::vector<int64_t> shape;
  for (const std::string& size : Split(parts.at(1), ',')) shape.push_back(std::stoll(size));
  std::ifstream file(parts.at(2), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return MSTensor("", TypeNamed(parts[0]), shape, bytes.data(), bytes.size());
}

void PrintOutput(std::ostream& out, const std::string& name, size_t index, const MSTensor& tensor) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(static_cast<const unsigned char*>(tensor.Data().get()), tensor.DataSize(), digest.data());
  out << name << '\t' << index << '\t'
      << mirin_dtype_name(static_cast<mirin_dtype>(tensor.DataType())) << '\t';
  for (size_t i = 0; i < tensor.Shape().size(); ++i)
    out << (i == 0 ? "" : ",") << tensor.Shape()[i];
  out << '\t';
  for (const unsigned char byte : digest) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", byte);
    out << hex;
  }
  out << '\n';
}

Status Run(const std::vector<std::string>& fields, std::vector<MSTensor>* outputs) {
  mindspore::Key key;
  if (fields[2] != "-") {
    for (size_t i = 0; 2 * i + 1 < fields[2].size() && i < key.max_key_len; ++i) {
      key.key[key.len++] =
          static_cast<unsigned char>(std::stoi(fields[2].substr(2 * i, 2), nullptr, 16));
    }
  }
  mindspore::Model model;
  const Status built =
      model.Build(fields[1], mindspore::kMindIR, nullptr, key, mindspore::kDecModeAesGcm);
  if (built.IsError()) return built;
  std::vector<MSTensor> inputs;
  for (size_t i = 3; i < fields.size(); ++i) inputs.push_back(ReadInput(fields[i]));
  return model.Predict(inputs, outputs);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: runner LIST OUT\n";
    return 1;
  }
  std::ifstream list(argv[1]);
  std::ofstream out(argv[2]);
  for (std::string line; std::getline(list, line);) {
    const std::vector<std::string> fields = Split(line, '\t');
    std::vector<MSTensor> outputs;
    const Status status = Run(fields, &outputs);
    if (status.IsError()) {
      out << fields[0] << "\terror\t" << mirin_code_name(status.MirinCode()) << '\n';
    } else {
      for (size_t i = 0; i < outputs.size(); ++i) PrintOutput(out, fields[0], i, outputs[i]);
    }
  }
  out.close();
  return list.eof() && out ? 0 : 1;
}
