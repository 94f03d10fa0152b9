#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/tools/benchmark.h"

namespace mirin::tools {
namespace {

constexpr size_t kPrinted = 50;

struct Expected {
  std::string name;
  Dims dims;
  std::vector<double> values;
};

// Pairs of lines: "name rank d0 d1 ..", then the values.
absl::StatusOr<std::vector<Expected>> ReadExpected(const std::string& path) {
  std::ifstream in(path);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot open '", path, "'"));
  std::vector<Expected> all;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto wrong = [&](absl::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat("'", path, "' line ", number, ": ", what));
    };
    std::istringstream head(line);
    Expected e;
    int64_t rank = -1;
    if (!(head >> e.name >> rank) || rank < 0 || rank > MIRIN_MAX_RANK)
      return wrong("expected 'name rank d0 d1 ..'");
    int64_t elements = 1;
    for (int64_t i = 0, d = 0; i < rank; ++i) {
      if (!(head >> d) || d < 0 || __builtin_mul_overflow(elements, d, &elements))
        return wrong("a size is missing or wrong");
      e.dims.push_back(d);
    }
    ++number;
    if (!std::getline(in, line)) return wrong("the values are missing");
    std::istringstream values(line);
    for (std::string word; values >> word;) {
      double v = 0;
      if (!absl::SimpleAtod(word, &v)) return wrong(absl::StrCat("'", word, "' is no number"));
      e.values.push_back(v);
    }
    if (static_cast<int64_t>(e.values.size()) != elements)
      return wrong(absl::StrCat("has ", e.values.size(), " values, the shape has ", elements));
    all.push_back(std::move(e));
  }
  return all;
}

struct Agreement {
  double bias = 0;  // mean of |a - b| / |b|
  double cosine = 1;
};

Agreement Agree(const mirin_tensor* tensor, const Expected& expected) {
  Agreement result;
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    const double a = NumberAt(mirin_tensor_dtype(tensor), mirin_tensor_data(tensor),
                              static_cast<int64_t>(i)),
                 b = expected.values[i];
    const double difference = std::fabs(a - b);
    result.bias += b == 0 ? difference : difference / std::fabs(b);
    dot += a * b;
    aa += a * a;
    bb += b * b;
  }
  if (!expected.values.empty()) result.bias /= static_cast<double>(expected.values.size());
  if (aa > 0 || bb > 0) result.cosine = aa > 0 && bb > 0 ? dot / std::sqrt(aa) / std::sqrt(bb) : 0;
  return result;
}

void PrintData(const Expected& expected, const mirin_tensor* tensor) {
  std::printf("Data of node %s : ", expected.name.c_str());
  for (size_t i = 0; i < std::min(kPrinted, expected.values.size()); ++i) {
    std::printf("%g ", NumberAt(mirin_tensor_dtype(tensor), mirin_tensor_data(tensor),
                                static_cast<int64_t>(i)));
  }
  std::printf("\n");
}

}  // namespace

absl::Status CompareWithFile(const BenchmarkSettings& settings,
                             const std::vector<TensorSpec>& outputs,
                             const std::vector<const mirin_tensor*>& tensors) {
  MIRIN_ASSIGN_OR_RETURN(const std::vector<Expected> all, ReadExpected(settings.expected_file));
  if (all.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("'", settings.expected_file, "' expects nothing"));
  std::printf("================ Comparing Output data ================\n");
  double total = 0, least_cosine = 1;
  for (const Expected& e : all) {
    size_t i = 0;
    while (i < outputs.size() && outputs[i].name != e.name) ++i;
    if (i == outputs.size())
      return absl::NotFoundError(absl::StrCat("the model has no output '", e.name, "'"));
    const int64_t* dims = mirin_tensor_dims(tensors[i]);
    if (Dims(dims, dims + mirin_tensor_rank(tensors[i])) != e.dims)
      return absl::InvalidArgumentError(
          absl::StrCat("output '", e.name, "' is not ", ToString(e.dims)));
    if (mirin_tensor_data(tensors[i]) == nullptr && !e.values.empty())
      return absl::InvalidArgumentError(absl::StrCat("output '", e.name, "' holds no numbers"));
    PrintData(e, tensors[i]);
    const Agreement agreement = Agree(tensors[i], e);
    std::printf("Mean bias of node %s : %g%%\n", e.name.c_str(), agreement.bias * 100);
    if (settings.cosine_threshold >= -1)
      std::printf("Cosine distance of node %s : %g\n", e.name.c_str(), agreement.cosine);
    total += agreement.bias;
    least_cosine = std::min(least_cosine, agreement.cosine);
  }
  const double mean = total / static_cast<double>(all.size()) * 100;
  std::printf(
      "Mean bias of all nodes/tensors: "
      "%g%%\n=======================================================\n",
      mean);
  if (!(mean <= settings.accuracy_threshold)) {
    return absl::OutOfRangeError(absl::StrCat("Mean bias of all nodes/tensors is too big: ", mean,
                                              "%, accuracyThreshold is ",
                                              settings.accuracy_threshold, "%"));
  }
  if (settings.cosine_threshold >= -1 && !(least_cosine >= settings.cosine_threshold)) {
    return absl::OutOfRangeError(absl::StrCat("the cosine is ", least_cosine,
                                              ", cosineDistanceThreshold is ",
                                              settings.cosine_threshold));
  }
  return absl::OkStatus();
}

}  // namespace mirin::tools
