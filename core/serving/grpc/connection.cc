#include "core/serving/grpc/connection.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "core/base/log.h"

namespace mirin::serving {
namespace {

using Clock = Loop::Clock;
using Error = boost::system::error_code;

constexpr uint32_t kStreamWindow = 1 << 20;
constexpr uint32_t kMaxFrame = 1 << 20;
constexpr size_t kSentFrame = 256 << 10;   // at most, when the client allows more
constexpr size_t kBatch = 512 << 10;       // taken from nghttp2 before a write
constexpr size_t kMaxPieces = 64;          // of a write
constexpr size_t kMaxQueuedFrames = 1000;  // of a client that does not read
constexpr int kReadsInARow = 8;            // then other connections have their turn
constexpr int kMaxPingStrikes = 2;
constexpr double kResets = 1000;  // of streams, at once
constexpr double kResetsPerSecond = 200;
constexpr size_t kMaxSettings = 32;
constexpr auto kDrainWait = absl::Seconds(1);
constexpr auto kLinger = absl::Seconds(1);
constexpr uint8_t kDrainPing[8] = {'d', 'r', 'a', 'i', 'n', 0, 0, 0};

absl::string_view View(const uint8_t* bytes, size_t size) {
  return absl::string_view(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace

// Never throws through nghttp2.
struct GrpcConnection::Callbacks {
  static GrpcConnection& Self(void* connection) {
    return *static_cast<GrpcConnection*>(connection);
  }
  static Call* CallOf(nghttp2_session* session, int32_t stream) {
    return static_cast<Call*>(nghttp2_session_get_stream_user_data(session, stream));
  }

  static int BeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
      Self(self).OnBeginHeaders(frame->hd.stream_id);
    return 0;
  }
  static int Header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                    size_t name_size, const uint8_t* value, size_t value_size, uint8_t, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Call* const call = CallOf(session, frame->hd.stream_id);
    if (call == nullptr) return 0;
    call->OnHeader(View(name, name_size), View(value, value_size));
    return call->excessive_head() ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }
  static int FrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Self(self).OnFrame(*frame);
    return 0;
  }
  static int DataChunk(nghttp2_session* session, uint8_t, int32_t stream, const uint8_t* data,
                       size_t size, void*) {
    nghttp2_session_consume_connection(session, size);
    if (Call* const call = CallOf(session, stream)) call->OnData(View(data, size));
    return 0;
  }
  static int FrameSent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    Self(self).OnFrameSent(*frame);
    return 0;
  }
  static int StreamClose(nghttp2_session*, int32_t stream, uint32_t error, void* self) {
    Self(self).OnStreamClose(stream, error);
    return 0;
  }
  static int SendData(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t size,
                      nghttp2_data_source* source, void* self) {
    return Self(self).MoveData(*frame, head, size, static_cast<Call*>(source->ptr));
  }
  static ssize_t DataLength(nghttp2_session*, uint8_t, int32_t, int32_t session_window,
                            int32_t stream_window, uint32_t max_frame, void*) {
    return std::min<int64_t>({session_window, stream_window, max_frame, kSentFrame});
  }

  static const nghttp2_session_callbacks* All() {
    static const nghttp2_session_callbacks* const all = [] {
      nghttp2_session_callbacks* c;
      if (nghttp2_session_callbacks_new(&c) != 0) throw std::bad_alloc();
      nghttp2_session_callbacks_set_on_begin_headers_callback(c, BeginHeaders);
      nghttp2_session_callbacks_set_on_header_callback(c, Header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(c, FrameReceived);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, DataChunk);
      nghttp2_session_callbacks_set_on_frame_send_callback(c, FrameSent);
      nghttp2_session_callbacks_set_on_stream_close_callback(c, StreamClose);
      nghttp2_session_callbacks_set_send_data_callback(c, SendData);
      nghttp2_session_callbacks_set_data_source_read_length_callback(c, DataLength);
      return c;
    }();
    return all;
  }
  static const nghttp2_option* Options() {
    static const nghttp2_option* const options = [] {
      nghttp2_option* o;
      if (nghttp2_option_new(&o) != 0) throw std::bad_alloc();
      nghttp2_option_set_no_auto_window_update(o, 1);
      nghttp2_option_set_no_closed_streams(o, 1);
      nghttp2_option_set_max_settings(o, kMaxSettings);
      nghttp2_option_set_stream_reset_rate_limit(o, static_cast<uint64_t>(kResets),
                                                 static_cast<uint64_t>(kResetsPerSecond));
      return o;
    }();
    return options;
  }
};

GrpcConnection::GrpcConnection(std::shared_ptr<Loop> loop, GrpcState* state, Socket socket)
    : Connection(std::move(loop), state, std::move(socket)),
      grpc_state_(state),
      budget_(state->budget),
      limit_(state->limit),
      output_(/*copy_all=*/stream_.tls()),
      resets_(kResets, kResetsPerSecond),
      timer_(loop_->context()) {}

GrpcConnection::~GrpcConnection() = default;

void GrpcConnection::Start() {
  Begin();
  last_read_ = idle_since_ = Clock::now();
  preface_deadline_ = After(state_->options.header_timeout);
  Sooner(preface_deadline_);
  if (!StartSession()) return Close();
  Flush();
  if (!closed_) WaitRead();
}

bool GrpcConnection::StartSession() {
  nghttp2_session* session;
  if (nghttp2_session_server_new2(&session, Callbacks::All(), this, Callbacks::Options()) != 0)
    return false;
  session_.reset(session);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, state_->options.max_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, kMaxFrame},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeadSize},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  // Of the connection nothing is kept waiting: streams are, each for itself.
  return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0 &&
         nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                               std::numeric_limits<int32_t>::max()) == 0;
}

void GrpcConnection::Close() {
  if (std::exchange(closed_, true)) return;
  timer_.cancel();
  const auto calls = std::exchange(calls_, {});
  for (const auto& [stream, call] : calls) call->OnClose();
  sent_.clear();
  kept_.Clear();
  if (!in_session_) session_.reset();
  End();
}

// --- reading ---

bool GrpcConnection::WantsRead() const {
  return !closed_ && !(write_blocked_ &&
                       nghttp2_session_get_outbound_queue_size(session_.get()) > kMaxQueuedFrames);
}

void GrpcConnection::WaitRead() {
  if (waiting_read_ || !(WantsRead() || write_wants_read_)) return;
  waiting_read_ = true;
  const auto ready = [self = Self()](const Error& error) {
    self->waiting_read_ = false;
    if (!error && !self->closed_) self->OnReadable();
  };
  if (stream_.HasPending()) {
    loop_->Post([ready] { ready(Error()); });
  } else {
    socket_.async_wait(Socket::wait_read, ready);
  }
}

void GrpcConnection::OnReadable() {
  if (std::exchange(write_wants_read_, false)) {
    write_blocked_ = false;
    Flush();
  }
  for (int i = 0; i < kReadsInARow && WantsRead(); ++i) {
    if (!ReadSome()) break;
  }
  if (!closed_) WaitRead();
}

bool GrpcConnection::ReadSome() {
  const bool was_ready = stream_.ready();
  const int64_t read = stream_.Read(loop_->scratch(), loop_->scratch_size());
  if (!was_ready && stream_.ready() && stream_.protocol() != "h2") {
    Close();
    return false;
  }
  if (read == SocketStream::kWantRead) return false;
  if (read == SocketStream::kWantWrite) {
    read_wants_write_ = true;
    WaitWrite();
    return false;
  }
  if (read <= 0) {
    Close();
    return false;
  }
  if (lingering_ || broken_) return true;
  Receive(absl::string_view(loop_->scratch(), static_cast<size_t>(read)));
  return static_cast<size_t>(read) == loop_->scratch_size() || stream_.tls();
}

void GrpcConnection::Receive(absl::string_view bytes) {
  last_read_ = Clock::now();
  // it lives, whether or not it gets to answering
  ping_sent_ = false;
  ping_deadline_ = kForever;
  in_session_ = true;
  const ssize_t used = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  in_session_ = false;
  if (used == NGHTTP2_ERR_BAD_CLIENT_MAGIC) return Close();  // it would not understand a GOAWAY
  if (used < 0) {
    broken_ = true;
    const bool flood =
        used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_CALLBACK_FAILURE;  // ours: of headers
    Terminate(flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR, nghttp2_strerror(used));
  }
  Flush();
  // nobody reads the reason
  if (broken_ && write_blocked_) Close();
}

void GrpcConnection::Run(absl::AnyInvocable<void()> work) {
  if (loop_->OnThread() && in_session_) return closed_ ? void() : work();
  {
    absl::MutexLock lock(&posted_mutex_);
    posted_.push_back(std::move(work));
    if (posted_.size() > 1) return;  // who posted the first one takes them all
  }
  if (loop_->Post([self = Self()] { self->RunPosted(); })) return;
  // The loop has ended. What was posted holds calls, and they this.
  std::vector<absl::AnyInvocable<void()>> dropped;
  absl::MutexLock lock(&posted_mutex_);
  dropped.swap(posted_);
}

void GrpcConnection::RunPosted() {
  std::vector<absl::AnyInvocable<void()>> posted;
  {
    absl::MutexLock lock(&posted_mutex_);
    posted.swap(posted_);
  }
  if (closed_) return;
  in_session_ = true;
  for (auto& work : posted) work();
  in_session_ = false;
  Flush();
}

void GrpcConnection::Consume(int32_t stream, size_t bytes) {
  if (!closed_ && bytes != 0) nghttp2_session_consume_stream(session_.get(), stream, bytes);
}

// --- writing ---

// Writes what there is to say, until the socket takes no more.
void GrpcConnection::Flush() {
  if (closed_ || in_session_ || std::exchange(flushing_, true)) return;
  const auto end = absl::MakeCleanup([this] { flushing_ = false; });
  while (!write_blocked_ && !lingering_) {
    if (!Fill()) return Close();
    if (output_.empty()) {
      // nghttp2 is done with the connection: it ends
      if (!nghttp2_session_want_read(session_.get()) &&
          !nghttp2_session_want_write(session_.get())) {
        Linger();
      }
      return;
    }
    if (!WriteSome()) return;
    if (!sent_.empty()) {
      in_session_ = true;
      for (const auto& call : std::exchange(sent_, {})) call->OnSent();
      in_session_ = false;
    }
  }
}

// Takes frames from nghttp2.
bool GrpcConnection::Fill() {
  in_session_ = true;
  ssize_t size = 1;
  while (size > 0 && output_.size() < kBatch) {
    const uint8_t* bytes;
    size = nghttp2_session_mem_send(session_.get(), &bytes);
    if (size > 0) output_.Append(View(bytes, static_cast<size_t>(size)));
  }
  in_session_ = false;
  return size >= 0;
}

bool GrpcConnection::WriteSome() {
  while (!output_.empty()) {
    absl::string_view pieces[kMaxPieces];
    const size_t count = output_.Front(pieces, kMaxPieces);
    const int64_t written = stream_.Write(pieces, count);
    if (written > 0) {
      output_.Remove(static_cast<size_t>(written));
      write_deadline_ = kForever;
      continue;
    }
    if (written == SocketStream::kWantRead) {
      write_wants_read_ = true;
      WaitRead();
    } else if (written == SocketStream::kWantWrite) {
      WaitWrite();
    } else {
      Close();
      return false;
    }
    write_blocked_ = true;
    if (write_deadline_ == kForever) {
      write_deadline_ = After(state_->options.body_timeout);
      Sooner(write_deadline_);
    }
    return false;
  }
  return true;
}

void GrpcConnection::WaitWrite() {
  if (waiting_write_) return;
  waiting_write_ = true;
  socket_.async_wait(Socket::wait_write, [self = Self()](const Error& error) {
    self->waiting_write_ = false;
    if (error || self->closed_) return;
    self->write_blocked_ = false;
    self->Flush();
    if (!self->closed_ && std::exchange(self->read_wants_write_, false)) self->OnReadable();
    if (!self->closed_) self->WaitRead();
  });
}

// Closing now would reset the connection if the client still sends, and it might never read what was said last.
void GrpcConnection::Linger() {
  lingering_ = true;
  stream_.ShutdownWrite();
  linger_deadline_ = After(kLinger);
  ArmTimer(linger_deadline_);
}

// --- what nghttp2 tells ---

void GrpcConnection::OnBeginHeaders(int32_t stream) {
  if (closed_) return;
  const auto call = std::make_shared<Call>(Self(), stream);
  nghttp2_session_set_stream_user_data(session_.get(), stream, call.get());
  const nghttp2_extpri fair = {NGHTTP2_EXTPRI_DEFAULT_URGENCY, /*inc=*/1};
  nghttp2_session_change_extpri_stream_priority(session_.get(), stream, &fair,
                                                /*ignore_client_signal=*/1);
  if (calls_.empty()) Sooner(After(last_read_, state_->options.keepalive_time));
  calls_.emplace(stream, call);
  head_stream_ = stream;
  head_deadline_ = After(state_->options.header_timeout);
  Sooner(head_deadline_);
}

void GrpcConnection::OnFrame(const nghttp2_frame& frame) {
  if (closed_) return;
  switch (frame.hd.type) {
    case NGHTTP2_SETTINGS:
      has_preface_ = true;
      preface_deadline_ = kForever;
      if (calls_.empty()) Sooner(After(state_->options.idle_timeout));
      return;
    case NGHTTP2_PING:
      return OnPing(frame.ping);
    case NGHTTP2_HEADERS:
      head_deadline_ = kForever;
      break;
    case NGHTTP2_DATA:
      break;
    default:
      return;
  }
  const auto found = calls_.find(frame.hd.stream_id);
  if (found == calls_.end()) return;
  const std::shared_ptr<Call> call = found->second;
  if (frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST) call->OnHead();
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) call->OnEnd();
}

void GrpcConnection::OnFrameSent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA) ping_strikes_ = 0;
  // A client whose call is answered has nothing to send any more.
  if (frame.hd.type == NGHTTP2_HEADERS && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
      nghttp2_session_get_stream_remote_close(session_.get(), frame.hd.stream_id) == 0) {
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                              NGHTTP2_NO_ERROR);
  }
}

void GrpcConnection::OnPing(const nghttp2_ping& ping) {
  if ((ping.hd.flags & NGHTTP2_FLAG_ACK) != 0) {
    if (std::equal(std::begin(kDrainPing), std::end(kDrainPing), ping.opaque_data) && draining_)
      SendLastGoAway();
    return;
  }
  // Pings are for long silences. Who gets answers may look how fast they come.
  const Time now = Clock::now();
  if (now < After(last_ping_, state_->options.min_ping_interval) &&
      ++ping_strikes_ > kMaxPingStrikes) {
    Terminate(NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings");
  }
  last_ping_ = now;
}

void GrpcConnection::OnStreamClose(int32_t stream, uint32_t error) {
  const auto found = calls_.find(stream);
  if (found == calls_.end()) return;
  const std::shared_ptr<Call> call = std::move(found->second);
  calls_.erase(found);
  if (stream == head_stream_) head_deadline_ = kForever;
  call->OnClose();
  if (calls_.empty()) {
    idle_since_ = Clock::now();
    Sooner(After(idle_since_, state_->options.idle_timeout));
  }
  // Whoever ends it: opening and ending streams costs us more than the client.
  if (error != NGHTTP2_NO_ERROR && !resets_.Take())
    Terminate(NGHTTP2_ENHANCE_YOUR_CALM, "too many streams were reset");
}

int GrpcConnection::MoveData(const nghttp2_frame& frame, const uint8_t* head, size_t size,
                             Call* call) {
  if (frame.data.padlen != 0) return NGHTTP2_ERR_CALLBACK_FAILURE;  // we ask for none
  constexpr size_t kHead = 9;
  output_.Append(View(head, kHead));
  if (call->Move(size, &output_)) sent_.push_back(call->shared_from_this());
  return 0;
}

// --- the end ---

void GrpcConnection::Terminate(uint32_t error, absl::string_view reason) {
  if (LogEnabled(LogLevel::kDebug)) Log(LogLevel::kDebug, absl::StrCat("grpc: ", reason));
  state_->Refused("connection");
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_.get()), error,
                        reinterpret_cast<const uint8_t*>(reason.data()), reason.size());
  nghttp2_session_terminate_session(session_.get(), error);
}

// In two steps, so that calls which are on their way are not lost: first the client hears that it should begin no more.
void GrpcConnection::Drain() {
  if (closed_ || std::exchange(draining_, true)) return;
  nghttp2_submit_shutdown_notice(session_.get());
  Flush();  // nghttp2 would send the ping first
  if (closed_) return;
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, kDrainPing);
  drain_deadline_ = After(kDrainWait);
  ArmTimer(drain_deadline_);
  in_session_ = true;
  std::vector<std::shared_ptr<Call>> calls;
  for (const auto& [stream, call] : calls_) calls.push_back(call);
  for (const auto& call : calls) call->OnDrain();
  in_session_ = false;
  Flush();
}

void GrpcConnection::SendLastGoAway() {
  drain_deadline_ = kForever;
  if (std::exchange(last_goaway_, true)) return;
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_.get()), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

void GrpcConnection::ArmTimer(Time at) {
  if (at >= timer_at_) return;
  timer_at_ = at;
  timer_.expires_at(at);
  timer_.async_wait([self = Self()](const Error& error) {
    if (error || self->closed_) return;
    self->timer_at_ = kForever;
    self->OnTimeout();
  });
}

// When to look at the client's silence again; sends the ping.
Clock::time_point GrpcConnection::CheckKeepalive(Time now) {
  if (calls_.empty() || ping_sent_) return ping_deadline_;
  const Time due = After(last_read_, state_->options.keepalive_time);
  if (due > now) return due;
  ping_sent_ = true;
  ping_deadline_ = After(state_->options.keepalive_timeout);
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
  return ping_deadline_;
}

void GrpcConnection::OnTimeout() {
  if (closed_) return;
  const Time now = Clock::now();
  if (std::min({preface_deadline_, head_deadline_, write_deadline_, linger_deadline_,
                ping_deadline_}) <= now) {
    return Close();
  }
  if (drain_deadline_ <= now) SendLastGoAway();
  Time precise = std::min(drain_deadline_, linger_deadline_);
  Time next = CheckKeepalive(now);
  if (calls_.empty() && has_preface_) {
    const Time idle = After(idle_since_, state_->options.idle_timeout);
    if (idle <= now) {
      nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR);
    } else {
      next = std::min(next, idle);
    }
  }
  in_session_ = true;
  std::vector<std::shared_ptr<Call>> calls;
  for (const auto& [stream, call] : calls_) {
    if (call->next_timeout() <= now) calls.push_back(call);
  }
  for (const auto& call : calls) call->OnTimeout(now);
  for (const auto& [stream, call] : calls_) {
    precise = std::min(precise, call->next_deadline());
    next = std::min(next, call->next_timeout());
  }
  in_session_ = false;
  deadline_ = std::min({next, preface_deadline_, head_deadline_, write_deadline_});
  if (precise != kForever) ArmTimer(precise);
  Flush();
}

}  // namespace mirin::serving
