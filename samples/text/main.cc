// Reads film reviews, sentences of any length, with a MindIR model of token ids through MindSpore
// Lite's C++ API.
//   text_cc [DIRECTORY]   DIRECTORY holds reviews.mindir, vocabulary.txt and reviews.txt (default:
//   the data of this sample)
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "include/api/model.h"

namespace {

using Vocabulary = std::map<std::string, int64_t>;

Vocabulary ReadVocabulary(const std::string& path) {
  Vocabulary ids;
  std::ifstream file(path);
  for (std::string word; file >> word;) ids.emplace(word, static_cast<int64_t>(ids.size()));
  return ids;
}

mindspore::Status Judge(mindspore::Model* model, const Vocabulary& vocabulary,
                        const std::string& line) {
  std::vector<std::string> words;
  std::istringstream text(line);
  for (std::string word; text >> word;) words.push_back(word);
  const auto length = static_cast<int64_t>(words.size());

  // [START run]
  std::vector<mindspore::MSTensor> inputs = model->GetInputs(), outputs;
  mindspore::Status status = model->Resize(inputs, {{1, length}});
  if (status.IsError()) return status;
  auto* ids = static_cast<int64_t*>(inputs[0].MutableData());
  for (const std::string& word : words) {
    const auto found = vocabulary.find(word);
    *ids++ = found == vocabulary.end() ? 0 : found->second;
  }
  status = model->Predict(inputs, &outputs);
  if (status.IsError()) return status;

  const auto* probabilities = static_cast<const float*>(outputs[0].Data().get());
  const auto* weights = static_cast<const float*>(outputs[1].Data().get());
  // [END run]
  const int64_t heaviest = std::max_element(weights, weights + length) - weights;
  const int positive = probabilities[1] > probabilities[0] ? 1 : 0;
  std::printf("[1, %d] -> [%d, %d]  %s %.2f  %s %.2f\n", static_cast<int>(length),
              static_cast<int>(outputs[1].Shape()[0]), static_cast<int>(outputs[1].Shape()[1]),
              positive == 1 ? "positive" : "negative", probabilities[positive],
              words[static_cast<size_t>(heaviest)].c_str(), weights[heaviest]);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "samples/text/data";
  const Vocabulary vocabulary = ReadVocabulary(directory + "/vocabulary.txt");
  std::ifstream reviews(directory + "/reviews.txt");
  if (vocabulary.empty() || !reviews) {
    std::cerr << "text: cannot read " << directory << "\n";
    return 1;
  }
  // [START load]
  mindspore::Model model;
  mindspore::Status status = model.Build(directory + "/reviews.mindir", mindspore::kMindIR);
  // [END load]
  for (std::string line; status.IsOk() && std::getline(reviews, line);)
    status = Judge(&model, vocabulary, line);
  if (status.IsError()) std::cerr << "text: " << status << "\n";
  return status.IsOk() ? 0 : 1;
}
