// libFuzzer target of the ONNX importer, the folding of constants and the MindIR writer:
//   ./bazelw run --config=fuzz //tests/fuzz:onnx_fuzzer -- -max_total_time=60 -rss_limit_mb=2048 CORPUS_DIRECTORY
#include <cstddef>
#include <cstdint>

#include "core/backends/reference/backend.h"
#include "core/converter/onnx/importer.h"
#include "core/mindir/reader.h"
#include "core/mindir/writer.h"
#include "core/plan/evaluate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static mirin::Backend* const kReference = mirin::reference::CreateBackend().release();
  const mirin::passes::Evaluator evaluate =
      [](const mirin::ir::Node& node, absl::Span<const mirin::Tensor> inputs, size_t max_bytes) {
        return mirin::plan::Evaluate(*kReference, node, inputs, max_bytes);
      };
  const auto model =
      mirin::onnx::Model::Parse(absl::string_view(reinterpret_cast<const char*>(data), size), "");
  if (!model.ok()) {
    if (model.status().message().empty()) __builtin_trap();
    return 0;
  }
  mirin::onnx::ImportOptions options;
  options.max_nodes = 2000;
  mirin::converter::Report report;
  const auto module = mirin::onnx::Import(*model, options, evaluate, &report);
  if (!module.ok()) {
    if (report.errors() == 0 || module.status().message().empty()) __builtin_trap();
    return 0;
  }
  if (!mirin::ir::Verify(**module).ok()) __builtin_trap();
  // What was imported can be written, and what was written be read.
  const auto bytes = mirin::mindir::Write(**module, {});
  if (!bytes.ok() || !mirin::mindir::ReadBuffer(*bytes, nullptr, {}).ok()) __builtin_trap();
  return 0;
}
