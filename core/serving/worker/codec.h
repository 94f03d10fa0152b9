// Frames between the server and a worker: docs/decisions/0005-serving-workers.md. A worker is trusted less than the server: whatever it
// sends is InvalidArgument or what it should be.
#ifndef CORE_SERVING_WORKER_CODEC_H_
#define CORE_SERVING_WORKER_CODEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/serving/stage_runner.h"

namespace mirin::serving::worker {

enum class FrameType : uint32_t {
  kHello = 1,
  kDescribe = 2,
  kStart = 3,
  kReady = 4,
  kFailed = 5,
  kCall = 6,
  kReply = 7,
  kModelCall = 8,
  kModelReply = 9,
  kBuffer = 10,
  kRelease = 11,
  kDrop = 12,
  kExit = 13,
  kPing = 14,
  kPong = 15,
};

constexpr uint32_t kMaxFrameSize = 1u << 30;  // the size field
constexpr size_t kFrameHead = 16;             // size, type, id
constexpr size_t kLargeTensor = 64u << 10;    // bytes from which on a tensor goes to a segment

struct Frame {
  FrameType type;
  uint64_t id;
  absl::string_view payload;
};
// The whole bytes, head included, of the frame that `bytes` begins with; 0 when its head is not all there.
absl::StatusOr<size_t> FrameBytes(absl::string_view bytes);
// bytes: one whole frame.
Frame ParseFrame(absl::string_view bytes);

// Puts large tensors into segments.
class TensorPlacer {
 public:
  virtual ~TensorPlacer() = default;
  // The segment that a copy of `data` now begins; nullopt: it goes inline.
  virtual std::optional<uint32_t> Place(const Buffer& data) = 0;
};

// Finds the bytes of tensors in segments.
class TensorFinder {
 public:
  virtual ~TensorFinder() = default;
  // own: the segment is one of this side's, handed back. InvalidArgument when there is no such part of such a segment.
  virtual absl::StatusOr<Buffer> Find(bool own, uint32_t segment, uint64_t offset,
                                      uint64_t size) = 0;
};

// Whole frames. ResourceExhausted when one gets too large.
std::string EncodeFrame(FrameType type, uint64_t id = 0, absl::string_view payload = "");
std::string EncodeHello(absl::string_view json, absl::string_view key);
std::string EncodeBuffer(uint32_t segment, uint64_t size);
std::string EncodeSegmentFrame(FrameType type, uint32_t segment);  // RELEASE, DROP
absl::StatusOr<std::string> EncodeCall(uint64_t id, const StageCall& call, TensorPlacer* placer);
absl::StatusOr<std::string> EncodeModelReply(
    uint64_t id, const absl::StatusOr<std::vector<StageResult>>& results, TensorPlacer* placer);

// Payloads.
struct BufferFrame {
  uint32_t segment;
  uint64_t size;
};
absl::StatusOr<BufferFrame> DecodeBuffer(absl::string_view payload);
absl::StatusOr<uint32_t> DecodeSegment(absl::string_view payload);
// instances: that were asked for.
absl::StatusOr<std::vector<StageResult>> DecodeReply(absl::string_view payload, size_t instances,
                                                     TensorFinder* finder);
absl::StatusOr<ModelCall> DecodeModelCall(absl::string_view payload, TensorFinder* finder);

// A worker's text as UTF-8, its end left off when it is very long.
std::string CleanText(absl::string_view text);

}  // namespace mirin::serving::worker

#endif  // CORE_SERVING_WORKER_CODEC_H_
