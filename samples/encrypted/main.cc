// Runs an encrypted MindIR model through MindSpore Lite's C++ API; the key comes from a file.
//   encrypted_cc [DIRECTORY]   DIRECTORY holds digits_encrypted.mindir, key.txt and digits.bin
//   (default: the data of this sample)
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "include/api/model.h"

namespace {

constexpr int kDigits = 10;

// A key file has the key's bytes as hexadecimal digits.
mindspore::Key ReadKey(const std::string& path) {
  std::string digits, bytes;
  std::ifstream(path) >> digits;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return mindspore::Key(bytes.data(), bytes.size());
}

mindspore::Status Build(mindspore::Model* model, const std::string& path,
                        const mindspore::Key& key) {
  return model->Build(path, mindspore::kMindIR, nullptr, key, mindspore::kDecModeAesGcm);
}

// Tells that a model without its key is of no use.
void ShowRefusal(const std::string& path, const mindspore::Key& key, const char* what) {
  mindspore::Model model;
  std::printf("%s: %s\n", what, Build(&model, path, key).IsOk() ? "loaded" : "refused");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "samples/encrypted/data";
  const std::string path = directory + "/digits_encrypted.mindir";
  const mindspore::Key key = ReadKey(directory + "/key.txt");
  mindspore::Key another = key;
  another.key[0] ^= 1;
  ShowRefusal(path, mindspore::Key(), "without a key");
  ShowRefusal(path, another, "with another key");

  mindspore::Model model;
  mindspore::Status status = Build(&model, path, key);
  std::ifstream images(directory + "/digits.bin", std::ios::binary);
  std::array<char, 65> record;  // a label and 8 x 8 pixels
  while (status.IsOk() && images.read(record.data(), record.size())) {
    std::vector<mindspore::MSTensor> inputs = model.GetInputs(), outputs;
    auto* values = static_cast<float*>(inputs[0].MutableData());
    for (size_t k = 1; k < record.size(); ++k)
      *values++ = static_cast<float>(static_cast<unsigned char>(record[k])) / 255.0f;
    status = model.Predict(inputs, &outputs);
    if (status.IsError()) break;
    const auto* logits = static_cast<const float*>(outputs[0].Data().get());
    std::printf("%d read as %d\n", record[0],
                static_cast<int>(std::max_element(logits, logits + kDigits) - logits));
  }
  if (status.IsError()) std::cerr << "encrypted: " << status << "\n";
  return status.IsOk() ? 0 : 1;
}
