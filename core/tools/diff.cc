#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/json.h"
#include "core/base/status.h"
#include "core/tools/commands.h"
#include "core/tools/conversion.h"
#include "core/tools/flags.h"
#include "core/tools/node_values.h"

namespace mirin::tools {
namespace {

enum { kSame = 0, kDifferent = 1, kFailed = 2 };

constexpr Flag kFlags[] = {
    {"inputs", "NPZ", "", "arrays by input name; random numbers when left out"},
    {"inputShape", "NAME:D,D..;NAME:..", "", "sizes of open dims for random inputs (1)"},
    {"seed", "N", "1", "of random inputs"},
    {"reference", "mirin|onnxruntime", "mirin",
     "who computes A: Mirin's plain loops, or ONNX Runtime (A is an .onnx)"},
    {"python", "PATH", "python3", "a Python with numpy and onnxruntime"},
    {"device", "NAME", "cpu", "what B runs on"},
    {"tolerance", "NUMBER", "1e-4",
     "largest difference that is fine, as a part of the reference's largest magnitude"},
    {"decryptKey", "HEX", "", "key of encrypted MindIRs"},
    {"decryptMode", "AES-GCM|AES-CBC|SM4-CBC", "AES-GCM", "their cipher"},
    {"report", "text|json", "text", "form of the table"},
    {"help", "true|false", "false", "this text"},
};

std::string Usage() {
  return absl::StrCat(
      "usage: mirin diff A B [flags]\n"
      "Runs two models, .onnx or .mindir, on the same inputs and compares every value that has one "
      "name in both: largest\n"
      "difference, ULP (steps between neighbouring numbers), cosine; tells the first that is too "
      "far off. A is the reference and runs\n"
      "as it is; B runs as it is, and its outputs once more with all passes.\n"
      "Exit status: 0 they agree, 1 they differ, 2 they could not be compared.\n\n",
      HelpText(kFlags));
}

int Wrong(absl::string_view what) {
  std::fprintf(stderr, "mirin diff: %s\n", std::string(what).c_str());
  return kFailed;
}

struct Row {
  std::string name, type;
  Distance distance;
  std::string problem;  // "" when it is fine
};

Row CompareValues(const NamedValue& b, const NamedValue& a, double tolerance) {
  Row row{b.name, absl::StrCat(mirin_dtype_name(b.dtype), ToString(b.dims)), {}, ""};
  if (a.dtype != b.dtype || a.dims != b.dims) {
    row.problem = absl::StrCat("the reference is ", mirin_dtype_name(a.dtype), ToString(a.dims));
    return row;
  }
  if (b.dtype == MIRIN_DTYPE_STRING) {
    if (a.bytes != b.bytes) row.problem = "texts differ";
    return row;
  }
  row.distance = Compare(b.dtype, b.bytes.data(), a.bytes.data(),
                         static_cast<int64_t>(b.bytes.size() / mirin_dtype_size(b.dtype)));
  const bool is_float = b.dtype == MIRIN_DTYPE_F16 || b.dtype == MIRIN_DTYPE_F32 ||
                        b.dtype == MIRIN_DTYPE_F64 || b.dtype == MIRIN_DTYPE_BF16;
  const double allowed =
      is_float ? tolerance * (row.distance.largest > 0 ? row.distance.largest : 1) : 0;
  if (row.distance.special > 0) {
    row.problem =
        absl::StrCat(row.distance.special, " elements are NaN or infinite on one side only");
  } else if (row.distance.max_abs > allowed) {
    row.problem =
        absl::StrFormat("differs by %.3g, %.3g is allowed", row.distance.max_abs, allowed);
  }
  return row;
}

struct Comparison {
  std::vector<Row> rows;
  int only_in_a = 0, only_in_b = 0;

  const Row* first_bad() const {
    for (const Row& r : rows) {
      if (!r.problem.empty()) return &r;
    }
    return nullptr;
  }
};

Comparison CompareAll(const NamedValues& a, const NamedValues& b, const NamedValues& optimised,
                      double tolerance) {
  std::map<std::string, const NamedValue*> reference;
  for (const NamedValue& v : a) reference[v.name] = &v;
  Comparison result;
  std::set<std::string> seen;
  for (const NamedValue& v : b) {
    const auto it = reference.find(v.name);
    if (it == reference.end()) {
      ++result.only_in_b;
      continue;
    }
    seen.insert(v.name);
    result.rows.push_back(CompareValues(v, *it->second, tolerance));
  }
  result.only_in_a = static_cast<int>(reference.size() - seen.size());
  for (const NamedValue& v : optimised) {
    const auto it = reference.find(v.name);
    if (it == reference.end()) continue;
    result.rows.push_back(CompareValues(v, *it->second, tolerance));
    result.rows.back().name += " (all passes)";
  }
  return result;
}

void PrintText(const Comparison& c) {
  std::printf("%-48s %-28s %12s %12s %12s\n", "value", "type", "max-abs", "ulp", "cosine");
  for (const Row& r : c.rows) {
    std::printf("%-48s %-28s %12.4g %12.4g %12.9f%s%s\n", r.name.c_str(), r.type.c_str(),
                r.distance.max_abs, r.distance.max_ulp, r.distance.cosine,
                r.problem.empty() ? "" : "  BAD: ", r.problem.c_str());
  }
  int bad = 0;
  for (const Row& r : c.rows) bad += r.problem.empty() ? 0 : 1;
  std::printf("%zu values compared, %d bad; %d only in A, %d only in B\n", c.rows.size(), bad,
              c.only_in_a, c.only_in_b);
  if (const Row* first = c.first_bad())
    std::printf("first bad: '%s' %s\n", first->name.c_str(), first->problem.c_str());
}

void PrintJson(const Comparison& c) {
  std::string out = "{\n  \"values\": [";
  for (size_t i = 0; i < c.rows.size(); ++i) {
    const Row& r = c.rows[i];
    absl::StrAppend(&out, i == 0 ? "\n" : ",\n", "    {\"name\": ", JsonString(r.name),
                    ", \"type\": ", JsonString(r.type), ", \"max_abs\": ", r.distance.max_abs,
                    ", \"ulp\": ", r.distance.max_ulp, ", \"cosine\": ", r.distance.cosine,
                    ", \"problem\": ", JsonString(r.problem), "}");
  }
  const Row* first = c.first_bad();
  absl::StrAppend(
      &out, "\n  ],\n  \"only_in_a\": ", c.only_in_a, ",\n  \"only_in_b\": ", c.only_in_b,
      ",\n  \"first_bad\": ", first == nullptr ? "null" : JsonString(first->name), "\n}\n");
  std::fputs(out.c_str(), stdout);
}

absl::StatusOr<std::vector<TensorPtr>> MakeInputs(const Flags& flags,
                                                  const std::vector<TensorSpec>& specs) {
  std::vector<TensorPtr> inputs;
  if (flags.Has("inputs")) {
    MIRIN_ASSIGN_OR_RETURN(const auto arrays, ReadNpz(flags.Get("inputs")));
    for (const TensorSpec& spec : specs) {
      const auto it = arrays.find(spec.name);
      if (it == arrays.end())
        return absl::NotFoundError(
            absl::StrCat("'", flags.Get("inputs"), "' has no array '", spec.name, "'"));
      MIRIN_ASSIGN_OR_RETURN(TensorPtr tensor, FromArray(it->second, spec));
      inputs.push_back(std::move(tensor));
    }
    return inputs;
  }
  MIRIN_ASSIGN_OR_RETURN(const Shapes shapes, ParseNamedShapes(flags.Get("inputShape")));
  MIRIN_ASSIGN_OR_RETURN(const int64_t seed, flags.Int("seed", 0, INT32_MAX));
  for (const TensorSpec& spec : specs) {
    MIRIN_ASSIGN_OR_RETURN(const Dims dims, Concrete(spec, shapes));
    MIRIN_ASSIGN_OR_RETURN(
        TensorPtr tensor,
        RandomTensor(spec.dtype, dims, static_cast<uint64_t>(seed) + inputs.size()));
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

absl::StatusOr<Comparison> DiffModels(const Flags& flags, const std::string& path_a,
                                      const std::string& path_b) {
  const auto source = [&](const std::string& path) {
    ModelSource s{path, {}};
    if (FrameworkOf(path) == "MINDIR" && flags.Has("decryptKey"))
      s.options = {{"decryptKey", flags.Get("decryptKey")},
                   {"decryptMode", flags.Get("decryptMode")}};
    return s;
  };
  MIRIN_ASSIGN_OR_RETURN(const double tolerance, flags.Number("tolerance"));
  MIRIN_ASSIGN_OR_RETURN(const ModelPtr plain, LoadPlain(source(path_b)));
  const std::vector<TensorSpec> specs = InputsOf(plain.get());
  MIRIN_ASSIGN_OR_RETURN(const std::vector<TensorPtr> inputs, MakeInputs(flags, specs));
  NamedValues a;
  if (flags.Get("reference") == "onnxruntime") {
    if (FrameworkOf(path_a) != "ONNX")
      return absl::InvalidArgumentError(
          absl::StrCat("--reference=onnxruntime: '", path_a, "' is no .onnx"));
    MIRIN_ASSIGN_OR_RETURN(a, RunOnnxRuntime(path_a, flags.Get("python"), specs, inputs));
  } else {
    auto values = RunMirin(source(path_a), "reference", inputs);
    if (!values.ok()) return Annotate(values.status(), path_a);
    a = *std::move(values);
  }
  auto b = RunMirin(source(path_b), flags.Get("device"), inputs);
  if (!b.ok()) return Annotate(b.status(), path_b);
  auto optimised = RunOutputs(plain.get(), flags.Get("device"), inputs);
  if (!optimised.ok()) return Annotate(optimised.status(), path_b);
  Comparison comparison = CompareAll(a, *b, *optimised, tolerance);
  if (comparison.rows.empty())
    return absl::InvalidArgumentError(
        "no value has the same name in both models, outputs included");
  return comparison;
}

}  // namespace

int Diff(const std::vector<std::string>& args) {
  absl::StatusOr<Flags> flags = Flags::Parse(kFlags, args);
  if (!flags.ok()) return Wrong(flags.status().message());
  if (flags->Bool("help")) {
    std::fputs(Usage().c_str(), stdout);
    return kSame;
  }
  if (flags->operands().size() != 2) {
    std::fputs(Usage().c_str(), stderr);
    return kFailed;
  }
  for (const std::string& path : flags->operands()) {
    if (FrameworkOf(path).empty())
      return Wrong(absl::StrCat("'", path, "' ends neither in .onnx nor in .mindir"));
    if (access(path.c_str(), R_OK) != 0)
      return Wrong(absl::StrCat("'", path, "': ", std::strerror(errno)));
  }
  absl::StatusOr<Comparison> comparison =
      DiffModels(*flags, flags->operands()[0], flags->operands()[1]);
  if (!comparison.ok()) return Wrong(comparison.status().message());
  (flags->Get("report") == "json" ? PrintJson : PrintText)(*comparison);
  return comparison->first_bad() == nullptr ? kSame : kDifferent;
}

}  // namespace mirin::tools
