#include "core/serving/worker/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::serving::worker {
namespace {

constexpr size_t kMaxQueued = size_t{2} << 30;  // of a worker that does not read
constexpr size_t kMaxFds = 64;                  // that wait for their BUFFER frame
constexpr size_t kMaxIncoming = 16384;
constexpr uint64_t kMaxIncomingBytes = uint64_t{16} << 30;
constexpr size_t kReadBytes = 64u << 10;
constexpr int kReadsAtOnce = 16;  // then other workers have their turn

}  // namespace

// Copies tensors into segments, and collects what tells the worker of new ones.
struct Channel::Placement : TensorPlacer {
  explicit Placement(SegmentPool* pool) : pool(pool) {}
  std::optional<uint32_t> Place(const Buffer& data) override {
    std::optional<SegmentPool::Lent> lent = pool->Lend(data);
    if (!lent) return std::nullopt;
    segments.push_back(lent->segment);
    if (lent->fd.valid())
      frames.push_back({EncodeBuffer(lent->segment, lent->size), std::move(lent->fd)});
    return lent->segment;
  }
  SegmentPool* pool;
  std::vector<uint32_t> segments;
  std::vector<Outgoing> frames;
};

std::shared_ptr<Channel> Channel::Create(Descriptor socket) {
  std::shared_ptr<Channel> channel(new Channel(std::move(socket)));
  channel->lent_ =
      std::make_shared<SegmentPool>([weak = std::weak_ptr<Channel>(channel)](uint32_t segment) {
        if (const std::shared_ptr<Channel> self = weak.lock()) {
          self->Send(EncodeSegmentFrame(FrameType::kDrop, segment));
        }
      });
  return channel;
}

void Channel::SetWantWrite(std::function<void(bool)> want_write) {
  absl::MutexLock lock(&mutex_);
  want_write_ = std::move(want_write);
  if (waiting_ && want_write_) want_write_(true);
}

void Channel::Send(std::string frame, bool secret) {
  std::vector<Outgoing> frames(1);
  frames[0].bytes = std::move(frame);
  frames[0].secret = secret;
  Enqueue(std::move(frames));
}

absl::Status Channel::SendCall(uint64_t id, const StageCall& call) {
  Placement placement(lent_.get());
  return Finish(EncodeCall(id, call, &placement), &placement);
}

void Channel::SendModelReply(uint64_t id, const absl::StatusOr<std::vector<StageResult>>& results) {
  Placement placement(lent_.get());
  const absl::Status sent = Finish(EncodeModelReply(id, results, &placement), &placement);
  if (!sent.ok()) SendModelReply(id, sent);
}

absl::Status Channel::Finish(absl::StatusOr<std::string> frame, Placement* placement) {
  if (frame.ok()) placement->frames.push_back({*std::move(frame), Descriptor()});
  // without a frame they are announced all the same: they can be used for the next one
  Enqueue(std::move(placement->frames));
  if (!frame.ok()) {
    for (uint32_t segment : placement->segments) (void)lent_->Release(segment);
  }
  return frame.status();
}

void Channel::Enqueue(std::vector<Outgoing> frames) {
  absl::MutexLock lock(&mutex_);
  if (closed_) return;
  for (Outgoing& frame : frames) {
    queued_bytes_ += frame.bytes.size();
    queue_.push_back(std::move(frame));
  }
  if (!waiting_) FlushLocked();
  if (queued_bytes_ > kMaxQueued) Break();
}

void Channel::Flush() {
  absl::MutexLock lock(&mutex_);
  if (!closed_) FlushLocked();
}

void Channel::FlushLocked() {
  while (!queue_.empty() && SendOne(&queue_.front())) {
    Outgoing& sent = queue_.front();
    if (sent.secret) ::explicit_bzero(&sent.bytes[0], sent.bytes.size());
    queued_bytes_ -= sent.bytes.size();
    queue_.pop_front();
  }
  const bool wait = !queue_.empty();
  if (wait == waiting_) return;
  waiting_ = wait;
  if (want_write_) want_write_(wait);
}

bool Channel::SendOne(Outgoing* frame) {
  while (frame->sent < frame->bytes.size()) {
    iovec part{&frame->bytes[frame->sent], frame->bytes.size() - frame->sent};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (frame->fd.valid()) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      const int fd = frame->fd.get();
      std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    }
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      if (errno != EAGAIN) Break();
      return false;
    }
    frame->fd.Reset();
    frame->sent += static_cast<size_t>(sent);
  }
  return true;
}

// The reader sees the end of the worker then, and ends it.
void Channel::Break() {
  queue_.clear();
  queued_bytes_ = 0;
  ::shutdown(socket_.get(), SHUT_RDWR);
}

void Channel::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  want_write_ = nullptr;
  for (Outgoing& frame : queue_) {
    if (frame.secret) ::explicit_bzero(&frame.bytes[0], frame.bytes.size());
  }
  queue_.clear();
}

absl::StatusOr<bool> Channel::Read(absl::FunctionRef<absl::Status(const Frame&)> take) {
  for (int i = 0; i < kReadsAtOnce; ++i) {
    MIRIN_ASSIGN_OR_RETURN(const size_t got, Receive());
    if (got == 0) return false;
    if (got == SIZE_MAX) return true;
    MIRIN_RETURN_IF_ERROR(TakeFrames(take));
  }
  return true;
}

// Bytes; 0 at the end, SIZE_MAX when there are none now.
absl::StatusOr<size_t> Channel::Receive() {
  // grows with what came, not with what a frame says its size is
  if (in_.size() - in_size_ < kReadBytes)
    in_.resize(std::max(in_size_ + kReadBytes, in_.size() * 2));
  iovec part{&in_[in_size_], in_.size() - in_size_};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t got;
  do {
    got = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return errno == EAGAIN ? SIZE_MAX : 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      in_fds_.emplace_back(fd);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0 || in_fds_.size() > kMaxFds) {
    return absl::InvalidArgumentError("too many descriptors");
  }
  in_size_ += static_cast<size_t>(got);
  return static_cast<size_t>(got);
}

absl::Status Channel::TakeFrames(absl::FunctionRef<absl::Status(const Frame&)> take) {
  size_t at = 0;
  while (true) {
    const absl::string_view rest(&in_[at], in_size_ - at);
    MIRIN_ASSIGN_OR_RETURN(const size_t bytes, FrameBytes(rest));
    if (bytes == 0 || bytes > rest.size()) break;
    MIRIN_RETURN_IF_ERROR(TakeFrame(ParseFrame(rest.substr(0, bytes)), take));
    at += bytes;
  }
  if (at == 0) return absl::OkStatus();
  in_size_ -= at;
  if (in_.size() > 4 * kReadBytes && in_size_ <= kReadBytes) {
    in_ = std::string(&in_[at], in_size_);  // gives the memory of a large frame back
  } else {
    std::memmove(&in_[0], &in_[at], in_size_);
  }
  return absl::OkStatus();
}

absl::Status Channel::TakeFrame(const Frame& frame,
                                absl::FunctionRef<absl::Status(const Frame&)> take) {
  switch (frame.type) {
    case FrameType::kBuffer:
      return AddIncoming(frame);
    case FrameType::kDrop:
      return DropIncoming(frame);
    case FrameType::kRelease: {
      MIRIN_ASSIGN_OR_RETURN(const uint32_t segment, DecodeSegment(frame.payload));
      return lent_->Release(segment);
    }
    default: {
      absl::Status taken = take(frame);
      frame_uses_.clear();
      return taken;
    }
  }
}

absl::Status Channel::AddIncoming(const Frame& frame) {
  MIRIN_ASSIGN_OR_RETURN(const BufferFrame buffer, DecodeBuffer(frame.payload));
  if (in_fds_.empty()) return absl::InvalidArgumentError("a segment without a descriptor");
  Descriptor fd = std::move(in_fds_.front());
  in_fds_.pop_front();
  if (incoming_.contains(buffer.segment)) {
    return absl::InvalidArgumentError(absl::StrCat("a second segment ", buffer.segment));
  }
  if (incoming_.size() >= kMaxIncoming || buffer.size > kMaxIncomingBytes - incoming_bytes_) {
    return absl::InvalidArgumentError("too many segments");
  }
  auto incoming = std::make_shared<Incoming>();
  MIRIN_ASSIGN_OR_RETURN(incoming->mapping, Mapping::Open(fd, buffer.size));
  incoming_bytes_ += buffer.size;
  incoming_[buffer.segment] = std::move(incoming);
  return absl::OkStatus();
}

absl::Status Channel::DropIncoming(const Frame& frame) {
  MIRIN_ASSIGN_OR_RETURN(const uint32_t segment, DecodeSegment(frame.payload));
  const auto it = incoming_.find(segment);
  if (it == incoming_.end())
    return absl::InvalidArgumentError(absl::StrCat("no segment ", segment));
  {
    absl::MutexLock lock(&it->second->mutex);
    it->second->dropped = true;
  }
  incoming_bytes_ -= it->second->mapping->size();
  incoming_.erase(it);
  return absl::OkStatus();
}

absl::StatusOr<Buffer> Channel::Find(bool own, uint32_t segment, uint64_t offset, uint64_t size) {
  if (own) return lent_->Share(segment, offset, size);
  const auto it = incoming_.find(segment);
  if (it == incoming_.end())
    return absl::InvalidArgumentError(absl::StrCat("no segment ", segment));
  const std::shared_ptr<Incoming>& incoming = it->second;
  if (offset > incoming->mapping->size() || size > incoming->mapping->size() - offset) {
    return absl::InvalidArgumentError(absl::StrCat("a tensor beyond the end of segment ", segment));
  }
  std::shared_ptr<const void>& use = frame_uses_[segment];
  if (use == nullptr) {
    {
      absl::MutexLock lock(&incoming->mutex);
      if (incoming->used) {
        return absl::InvalidArgumentError(
            absl::StrCat("segment ", segment, " is used before its release"));
      }
      incoming->used = true;
    }
    use = std::shared_ptr<const void>(incoming->mapping->data(),
                                      [weak = weak_from_this(), incoming, segment](const void*) {
                                        if (const std::shared_ptr<Channel> self = weak.lock())
                                          self->EndUse(segment, incoming.get());
                                      });
  }
  return Buffer(incoming->mapping->data() + offset, size, use);
}

void Channel::EndUse(uint32_t segment, Incoming* incoming) {
  {
    absl::MutexLock lock(&incoming->mutex);
    incoming->used = false;
    if (incoming->dropped) return;
  }
  Send(EncodeSegmentFrame(FrameType::kRelease, segment));
}

}  // namespace mirin::serving::worker
