#include "core/serving/grpc/call.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mirin::serving {
namespace {

constexpr size_t kMaxStatusText = 2000;
constexpr size_t kMaxHeader = 256;

// "8 hex digits of this process-8 of the request": unlike those of other servers, cheap to make.
std::string MakeRequestId() {
  static const uint32_t process = std::random_device()();
  static std::atomic<uint32_t> next{0};
  return absl::StrCat(absl::Hex(process, absl::kZeroPad8), "-",
                      absl::Hex(next.fetch_add(1), absl::kZeroPad8));
}

std::string Header(const grpc::CallbackServerContext& context, const char* name) {
  const auto found = context.client_metadata().find(name);
  if (found == context.client_metadata().end() || found->second.size() > kMaxHeader) return "";
  return std::string(found->second.data(), found->second.size());
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  absl::string_view text = status.message();
  std::string cut;
  if (text.size() > kMaxStatusText) {
    size_t end = kMaxStatusText;
    while (end > 0 && (text[end] & 0xc0) == 0x80) --end;  // not inside a character
    cut = absl::StrCat(text.substr(0, end), " ..");
    text = cut;
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(text));
}

void ReadCallContext(const grpc::CallbackServerContext& context, InferRequest* request) {
  const std::chrono::system_clock::time_point deadline = context.deadline();
  // gRPC says "none" by the end of time
  if (deadline < std::chrono::system_clock::time_point::max())
    request->deadline = absl::FromChrono(deadline);
  request->id = Header(context, "x-request-id");
  if (request->id.empty()) request->id = MakeRequestId();
  request->traceparent = Header(context, "traceparent");
}

Pieces::Pieces(const grpc::ByteBuffer& message) {
  if (!message.Valid()) return;
  slices_.emplace_back();
  if (!message.TrySingleSlice(&slices_[0]).ok()) {
    slices_.clear();
    if (!message.Dump(&slices_).ok()) slices_.clear();
  }
  pieces_.reserve(slices_.size());
  for (const grpc::Slice& slice : slices_) {
    pieces_.emplace_back(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
}

grpc::ByteBuffer ToByteBuffer(std::vector<ReplyWriter::Piece> pieces) {
  std::vector<grpc::Slice> slices;
  slices.reserve(pieces.size());
  for (ReplyWriter::Piece& piece : pieces) {
    if (!piece.text.empty()) {
      slices.emplace_back(piece.text);
      continue;
    }
    auto* owner = new Buffer(std::move(piece.buffer));
    slices.emplace_back(
        const_cast<uint8_t*>(owner->data()), owner->size(),
        [](void* buffer) { delete static_cast<Buffer*>(buffer); }, owner);
  }
  if (slices.empty()) slices.emplace_back();
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::shared_ptr<UnaryCall> UnaryCall::Create() {
  auto call = std::make_shared<UnaryCall>();
  call->self_ = call;
  return call;
}

void UnaryCall::OnCancel() {
  // before Finish: after it this may be gone
  const std::shared_ptr<Cancellation> cancellation = cancellation_;
  if (Claim()) Finish(grpc::Status::CANCELLED);
  cancellation->Cancel();
}

void UnaryCall::OnDone() { std::shared_ptr<UnaryCall>().swap(self_); }

void Streams::Add(const std::shared_ptr<Stream>& stream) {
  {
    absl::MutexLock lock(&mutex_);
    streams_.emplace(stream.get(), stream);
  }
  if (draining_) stream->Drain();
}

void Streams::Remove(Stream* stream) {
  absl::MutexLock lock(&mutex_);
  streams_.erase(stream);
}

void Streams::Drain() {
  draining_ = true;
  std::vector<std::shared_ptr<Stream>> all;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [key, stream] : streams_) all.push_back(stream.lock());
  }
  for (const std::shared_ptr<Stream>& stream : all) {
    if (stream != nullptr) stream->Drain();
  }
}

}  // namespace mirin::serving
