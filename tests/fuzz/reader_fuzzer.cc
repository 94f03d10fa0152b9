// libFuzzer target of the MindIR reader, inference and passes:
//   ./bazelw run --config=fuzz //tests/fuzz:reader_fuzzer -- -max_total_time=60 -rss_limit_mb=1024 CORPUS_DIRECTORY
#include <cstddef>
#include <cstdint>

#include "core/mindir/reader.h"
#include "core/passes/pipeline.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mirin::mindir::ReadOptions options;
  options.key = "0123456789abcdef";
  auto module = mirin::mindir::ReadBuffer(
      absl::string_view(reinterpret_cast<const char*>(data), size), nullptr, options);
  if (!module.ok()) {
    if (module.status().message().empty()) __builtin_trap();
    return 0;
  }
  if (!mirin::ir::Verify(**module).ok()) __builtin_trap();
  mirin::passes::PassContext context{module->get(), nullptr};
  // What was read is sound, so the passes must leave it sound.
  const absl::Status status = mirin::passes::RunPipeline({}, context, nullptr);
  if (!status.ok()) __builtin_trap();
  return 0;
}
