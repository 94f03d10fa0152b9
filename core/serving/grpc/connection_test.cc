// HTTP/2 itself: what clients that are no gRPC library send.
#include <gtest/gtest.h>
#include <zlib.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/serving/grpc/raw_client.h"
#include "core/serving/grpc/server_fixture.h"

namespace mirin::serving {
namespace {

constexpr char kInfer[] = "/inference.GRPCInferenceService/ModelInfer";
constexpr char kStream[] = "/inference.GRPCInferenceService/ModelStreamInfer";
constexpr char kLive[] = "/inference.GRPCInferenceService/ServerLive";

std::string Compressed(const std::string& text) {
  uLongf size = compressBound(text.size());
  std::string out(size, '\0');
  EXPECT_EQ(compress(reinterpret_cast<Bytef*>(&out[0]), &size,
                     reinterpret_cast<const Bytef*>(text.data()), text.size()),
            Z_OK);
  out.resize(size);
  return out;
}

class ConnectionTest : public ServerTest {
 protected:
  // A call of ServerLive is answered.
  void ExpectLive(RawClient* client, uint32_t stream) {
    client->Send(client->CallFrames(stream, kLive, Framed("")));
    const RawClient::Answer answer = client->ReadAnswer(stream);
    EXPECT_EQ(answer.status, "0") << answer.message;
    EXPECT_EQ(answer.body, Framed("\x08\x01"));
  }
  std::string Error(RawClient* client, uint32_t stream) {
    const RawClient::Answer answer = client->ReadAnswer(stream);
    return absl::StrCat(answer.http_status, " ", answer.status, " ", answer.message);
  }
  void ExpectOthersAreServed() {
    RawClient other(socket_);
    other.Begin();
    ExpectLive(&other, 1);
  }
  // Calls that `reset` makes the server drop as soon as they have begun.
  void ExpectResetsEndTheConnection(std::string (*reset)(uint32_t stream)) {
    Start();
    RawClient client(socket_);
    client.Begin();
    const std::string held = Framed(InferOf("add.hold").SerializeAsString());
    for (uint32_t stream = 1; stream < 10001; stream += 2)
      client.Send(client.CallFrames(stream, kInfer, held) + reset(stream));
    EXPECT_EQ(client.ReadTo(NGHTTP2_GOAWAY).type, NGHTTP2_GOAWAY);
    EXPECT_TRUE(client.Ended());
    EXPECT_LT(engine_.requests(), 5000);
    ExpectOthersAreServed();
  }
};

TEST_F(ConnectionTest, AnswersInOnePieceWhateverTheRequestsPieces) {
  Start();
  const std::string message = InferOf("add", "id").SerializeAsString();
  for (size_t step : {1u, 2u, 3u, 7u, 100000u}) {
    RawClient client(socket_);
    const std::string all = kPreface + Frame(NGHTTP2_SETTINGS, 0, 0, "") +
                            client.CallFrames(1, kInfer, Framed(message)) +
                            client.CallFrames(3, kInfer, Framed(message));
    for (size_t at = 0; at < all.size(); at += step)
      ASSERT_TRUE(client.Send(absl::string_view(all).substr(at, step)));
    for (uint32_t stream : {1u, 3u}) {
      const RawClient::Answer answer = client.ReadAnswer(stream);
      ASSERT_EQ(answer.status, "0") << answer.message;
      inference::ModelInferResponse response;
      ASSERT_GT(answer.body.size(), 5u);
      ASSERT_TRUE(response.ParseFromString(answer.body.substr(5)));
      EXPECT_EQ(response.id(), "id");
    }
  }
}

TEST_F(ConnectionTest, MessagesInManyFramesArrive) {
  Start();
  RawClient client(socket_);
  client.Begin();
  const std::string body = Framed(InferOf("add", "id").SerializeAsString());
  client.Send(client.HeadersFrame(1, RawClient::CallHeaders(kInfer)));
  for (char byte : body) client.Send(Frame(NGHTTP2_DATA, 0, 1, absl::string_view(&byte, 1)));
  client.Send(Frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, ""));
  EXPECT_EQ(client.ReadAnswer(1).status, "0");
}

TEST_F(ConnectionTest, RefusesWhatIsNoGrpc) {
  Start();
  RawClient client(socket_);
  client.Begin();
  uint32_t stream = 1;
  const auto status = [&](const Headers& headers) {
    client.Send(client.HeadersFrame(stream, headers, true));
    const std::string error = Error(&client, stream);
    stream += 2;
    return error;
  };
  const auto with = [](const std::string& name, const std::string& value) {
    Headers headers = RawClient::CallHeaders(kLive);
    for (auto& header : headers) {
      if (header.first == name) header.second = value;
    }
    return headers;
  };
  EXPECT_EQ(status(with(":method", "GET")), "405  ");
  EXPECT_EQ(status(with("content-type", "application/json")), "415  ");
  EXPECT_EQ(status(with("content-type", "application/grpc+json")), "415  ");
  EXPECT_EQ(status(with("content-type", "application/grpcish")), "415  ");
  Headers no_te = RawClient::CallHeaders(kLive);
  no_te.erase(no_te.begin() + 4);
  EXPECT_EQ(status(no_te), "400  ");
  EXPECT_EQ(status(with(":path", "/inference.GRPCInferenceService/Nope")), "200 12 ");
  EXPECT_EQ(status(with(":path", "/")), "200 12 ");
  EXPECT_EQ(status(with("content-type", "application/grpc+proto")), "200 13 there is no message");
  client.Send(client.CallFrames(stream, kLive, Framed("") + Framed("")));
  EXPECT_EQ(Error(&client, stream), "200 13 there is more than one message");
  stream += 2;
  client.Send(client.CallFrames(stream, kLive, Framed("abc").substr(0, 7)));
  EXPECT_EQ(Error(&client, stream), "200 13 the last message is not complete");
  stream += 2;
  client.Send(client.CallFrames(stream, kLive, Framed("", 7)));
  EXPECT_EQ(Error(&client, stream), "200 13 a message begins with an unknown flag");
  ExpectLive(&client, stream + 2);
}

TEST_F(ConnectionTest, SaysWhatIsWrongInTextThatHeadersCanHold) {
  Start();
  engine_.failure.text = "50 % of h\xc3\xa9\n";
  RawClient client(socket_);
  client.Begin();
  client.Send(client.CallFrames(1, kInfer, Framed(InferOf("add.fail").SerializeAsString())));
  EXPECT_EQ(client.ReadAnswer(1).message, "50 %25 of h%C3%A9%0A");
}

TEST_F(ConnectionTest, SizesAreLimitedBeforeMemoryIsTaken) {
  TransportOptions options;
  options.max_message_bytes = 1000;
  Start(std::move(options));
  RawClient client(socket_);
  client.Begin();
  client.Send(client.HeadersFrame(1, RawClient::CallHeaders(kInfer)));
  client.Send(Frame(NGHTTP2_DATA, 0, 1, std::string("\0", 1) + Number(1001)));
  EXPECT_EQ(Error(&client, 1), "200 8 Received message larger than max (1001 vs. 1000)");
  // the client need not go on sending
  const ServerFrame reset = client.ReadTo(NGHTTP2_RST_STREAM);
  EXPECT_EQ(reset.payload, Number(NGHTTP2_NO_ERROR));
  ExpectLive(&client, 3);
}

TEST_F(ConnectionTest, MemoryOfAllMessagesHasALimit) {
  TransportOptions options;
  options.memory_quota = 1 << 20;
  Start(std::move(options));
  RawClient client(socket_);
  client.Begin();
  const std::string start = std::string("\0", 1) + Number(700000) + "x";
  client.Send(client.HeadersFrame(1, RawClient::CallHeaders(kInfer)) +
              Frame(NGHTTP2_DATA, 0, 1, start));
  client.Send(client.HeadersFrame(3, RawClient::CallHeaders(kInfer)) +
              Frame(NGHTTP2_DATA, 0, 3, start));
  EXPECT_EQ(Error(&client, 3), "200 8 the server has no memory left for messages");
  // what is given up is there again
  client.Send(Frame(NGHTTP2_RST_STREAM, 0, 1, Number(NGHTTP2_CANCEL)));
  client.Send(client.HeadersFrame(5, RawClient::CallHeaders(kInfer)) +
              Frame(NGHTTP2_DATA, 0, 5, start));
  client.Send(Frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 5, ""));
  EXPECT_EQ(Error(&client, 5), "200 13 the last message is not complete");
}

TEST_F(ConnectionTest, CompressedMessagesAreTaken) {
  TransportOptions options;
  options.max_message_bytes = 100000;
  Start(std::move(options));
  RawClient client(socket_);
  client.Begin();
  uint32_t stream = 1;
  const auto send = [&](const std::string& encoding, const std::string& body) {
    client.Send(client.CallFrames(stream, kInfer, body, {{"grpc-encoding", encoding}}));
    const std::string error = Error(&client, stream);
    stream += 2;
    return error;
  };
  const std::string message = InferOf("add").SerializeAsString();
  EXPECT_EQ(send("deflate", Framed(Compressed(message), 1)), "200 0 ");
  EXPECT_EQ(send("deflate", Framed(message)), "200 0 ");
  EXPECT_EQ(send("identity", Framed(message, 1)),
            "200 13 a message is compressed, but not said how");
  EXPECT_TRUE(absl::StartsWith(send("deflate", Framed(Compressed(message).substr(0, 20), 1)),
                               "200 13 the compressed body "));
  EXPECT_EQ(send("snappy", Framed(message, 1)),
            "200 12 Compression algorithm 'snappy' is not supported");
  EXPECT_EQ(send("deflate", Framed(Compressed(std::string(10000000, 'a')), 1)),
            "200 8 Received message larger than max (decompressed, vs. 100000)");
}

TEST_F(ConnectionTest, DeadlinesEndCallsWithoutTheEngine) {
  Start();
  RawClient client(socket_);
  client.Begin();
  const std::string held = Framed(InferOf("add.hold").SerializeAsString());
  client.Send(client.CallFrames(1, kInfer, held, {{"grpc-timeout", "20m"}}));
  EXPECT_EQ(Error(&client, 1), "200 4 Deadline Exceeded");
  engine_.AwaitCancelled(engine_.requests());  // none, where it came too late already
  client.Send(client.CallFrames(3, kInfer, held, {{"grpc-timeout", "0n"}}));
  EXPECT_EQ(Error(&client, 3), "200 4 Deadline Exceeded");
  uint32_t stream = 5;
  for (const char* bad : {"", "m", "1", "123456789m", "1x", "-1m", "1 m", "+1m"}) {
    client.Send(client.CallFrames(stream, kLive, Framed(""), {{"grpc-timeout", bad}}));
    EXPECT_EQ(Error(&client, stream), "200 13 grpc-timeout is malformed") << bad;
    stream += 2;
  }
  client.Send(client.CallFrames(stream, kLive, Framed(""), {{"grpc-timeout", "99999999H"}}));
  EXPECT_EQ(Error(&client, stream), "200 0 ");
}

TEST_F(ConnectionTest, AnswersAfterTheDeadlineAreTooLate) {
  Start();
  engine_.set_override([](std::unique_ptr<InferRequest> request, const InferCallback& done) {
    while (absl::Now() < request->deadline) {
    }
    InferReply reply;
    reply.failure = {Code::kFailed, absl::StatusCode::kDeadlineExceeded, "late"};
    done(std::move(reply));
  });
  RawClient client(socket_);
  client.Begin();
  client.Send(client.CallFrames(1, "/mindspore.serving.proto.MSService/Predict",
                                Framed(PredictOf("echo").SerializeAsString()),
                                {{"grpc-timeout", "100m"}}));
  EXPECT_EQ(Error(&client, 1), "200 4 Deadline Exceeded");
  engine_.set_override(nullptr);
}

TEST_F(ConnectionTest, ResetsAndGoneConnectionsCancel) {
  Start();
  RawClient client(socket_);
  client.Begin();
  const std::string held = Framed(InferOf("add.hold").SerializeAsString());
  client.Send(client.CallFrames(1, kInfer, held));
  engine_.AwaitHeld(1);
  client.Send(Frame(NGHTTP2_RST_STREAM, 0, 1, Number(NGHTTP2_CANCEL)));
  engine_.AwaitCancelled(1);
  client.Send(client.CallFrames(3, kInfer, held));
  engine_.AwaitHeld(2);
  client.Close();
  engine_.AwaitCancelled(2);
  ExpectOthersAreServed();
}

// --- windows -------------------------------------------------------------------------------------------------------------------

TEST_F(ConnectionTest, SendsNoMoreThanTheWindow) {
  Start();
  RawClient client(socket_);
  // INITIAL_WINDOW_SIZE 10
  client.Begin(std::string("\0\4", 2) + Number(10));
  client.Send(client.CallFrames(1, kInfer, Framed(InferOf("add", "id").SerializeAsString())));
  std::string body;
  ServerFrame frame = client.ReadTo(NGHTTP2_DATA);
  body += frame.payload;
  EXPECT_EQ(body.size(), 10u);
  // other calls are answered meanwhile
  ASSERT_TRUE(client.Send(Frame(NGHTTP2_PING, 0, 0, "12345678")));
  EXPECT_EQ(client.Read().type, NGHTTP2_PING);
  while (true) {
    client.Send(Frame(NGHTTP2_WINDOW_UPDATE, 0, 1, Number(7)));
    frame = client.Read();
    if (frame.type != NGHTTP2_DATA) break;
    EXPECT_LE(frame.payload.size(), 7u);
    body += frame.payload;
  }
  EXPECT_EQ(frame.headers["grpc-status"], "0");
  inference::ModelInferResponse response;
  ASSERT_TRUE(response.ParseFromString(body.substr(5)));
  EXPECT_EQ(response.id(), "id");
}

TEST_F(ConnectionTest, WhoDoesNotReadIsNotReadFrom) {
  Start();
  RawClient client(socket_);
  client.Begin(std::string("\0\4", 2) + Number(0));
  client.Send(client.HeadersFrame(1, RawClient::CallHeaders(kStream)));
  const std::string message = Framed(InferOf("add", "id").SerializeAsString());
  // More than is taken at once, and within the window.
  constexpr int kMessages = 200;
  for (int i = 0; i < kMessages; ++i) client.Send(Frame(NGHTTP2_DATA, 0, 1, message));
  client.Send(Frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, ""));
  ASSERT_TRUE(client.Send(Frame(NGHTTP2_PING, 0, 0, "12345678")));
  client.ReadTo(NGHTTP2_PING);
  EXPECT_EQ(engine_.requests(), 64);
  client.Send(Frame(NGHTTP2_WINDOW_UPDATE, 0, 1, Number(1 << 20)));
  const RawClient::Answer answer = client.ReadAnswer(1);
  EXPECT_EQ(answer.status, "0") << answer.message;
  EXPECT_EQ(engine_.requests(), kMessages);
  size_t count = 0;
  for (size_t at = 0; at < answer.body.size(); ++count) {
    uint32_t size = 0;
    for (size_t i = 1; i < 5; ++i) size = size << 8 | static_cast<uint8_t>(answer.body[at + i]);
    at += 5 + size;
  }
  EXPECT_EQ(count, size_t{kMessages});
}

TEST_F(ConnectionTest, WhoOverrunsTheWindowIsEnded) {
  Start();
  RawClient client(socket_);
  client.Begin(std::string("\0\4", 2) + Number(0));
  client.Send(client.HeadersFrame(1, RawClient::CallHeaders(kStream)));
  // 64 are taken, the others fill the window
  const std::string message = Framed(InferOf("add", "id").SerializeAsString());
  for (int i = 0; i < 64; ++i) client.Send(Frame(NGHTTP2_DATA, 0, 1, message));
  const std::string filler(1 << 20, 'x');
  client.Send(Frame(NGHTTP2_DATA, 0, 1, filler));
  client.Send(Frame(NGHTTP2_DATA, 0, 1, filler));
  const ServerFrame frame = client.ReadTo(NGHTTP2_RST_STREAM);
  ASSERT_EQ(frame.type, NGHTTP2_RST_STREAM);
  EXPECT_EQ(frame.payload, Number(NGHTTP2_FLOW_CONTROL_ERROR));
  ExpectOthersAreServed();
}

// --- floods --------------------------------------------------------------------------------------------------------------------

TEST_F(ConnectionTest, PingsTooOftenEndTheConnection) {
  Start();
  RawClient client(socket_);
  client.Begin();
  ExpectLive(&client, 1);
  for (int i = 0; i < 10; ++i) client.Send(Frame(NGHTTP2_PING, 0, 0, "12345678"));
  const ServerFrame frame = client.ReadTo(NGHTTP2_GOAWAY);
  ASSERT_EQ(frame.type, NGHTTP2_GOAWAY);
  EXPECT_EQ(frame.payload, Number(1) + Number(NGHTTP2_ENHANCE_YOUR_CALM) + "too_many_pings");
  EXPECT_TRUE(client.Ended());
}

TEST_F(ConnectionTest, PingsBetweenAnswersAreFine) {
  Start();
  RawClient client(socket_);
  client.Begin();
  for (uint32_t stream = 1; stream < 41; stream += 2) {
    client.Send(Frame(NGHTTP2_PING, 0, 0, "12345678"));
    EXPECT_EQ(client.Read().type, NGHTTP2_PING);
    ExpectLive(&client, stream);
  }
}

TEST_F(ConnectionTest, ManyResetsEndTheConnection) {
  ExpectResetsEndTheConnection(
      [](uint32_t stream) { return Frame(NGHTTP2_RST_STREAM, 0, stream, Number(NGHTTP2_CANCEL)); });
}

TEST_F(ConnectionTest, ResetsThatTheServerIsMadeToSendCountToo) {
  // an increment of zero is an error of the stream
  ExpectResetsEndTheConnection(
      [](uint32_t stream) { return Frame(NGHTTP2_WINDOW_UPDATE, 0, stream, Number(0)); });
}

TEST_F(ConnectionTest, HeadersAreLimited) {
  Start();
  RawClient client(socket_);
  client.Begin();
  Headers headers = RawClient::CallHeaders(kLive);
  for (int i = 0; i < 20; ++i) headers.emplace_back("x-filler", std::string(1000, 'x'));
  client.Send(client.HeadersFrame(1, headers, true));
  EXPECT_EQ(Error(&client, 1), "200 8 the headers are bigger than 16384");
  ExpectLive(&client, 3);
}

TEST_F(ConnectionTest, HeaderBombsEndTheConnection) {
  Start();
  RawClient client(socket_);
  client.Begin();
  // One entry of the table, and many references to it, a byte each.
  std::string block = client.Block(RawClient::CallHeaders(kLive));
  block += std::string("\x40\x01x\x7f\xa1\x1e", 6) + std::string(4000, 'y');
  block += std::string(100000, '\xbe');
  client.Send(Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block));
  const ServerFrame frame = client.ReadTo(NGHTTP2_GOAWAY);
  ASSERT_EQ(frame.type, NGHTTP2_GOAWAY);
  EXPECT_EQ(frame.payload.substr(4, 4), Number(NGHTTP2_ENHANCE_YOUR_CALM));
  EXPECT_TRUE(client.Ended());
  ExpectOthersAreServed();
}

TEST_F(ConnectionTest, ContinuationFloodsEndTheConnection) {
  Start();
  RawClient client(socket_);
  client.Begin();
  client.Send(Frame(NGHTTP2_HEADERS, 0, 1, client.Block(RawClient::CallHeaders(kLive))));
  bool open = true;
  for (int i = 0; open && i < 100000; ++i)
    open = client.Send(Frame(NGHTTP2_CONTINUATION, 0, 1, ""));
  EXPECT_TRUE(client.Ended());
  ExpectOthersAreServed();
}

TEST_F(ConnectionTest, SettingsFloodsAreBounded) {
  Start();
  RawClient client(socket_);
  client.Begin();
  // Nobody reads the acknowledgements.
  const std::string settings = Frame(NGHTTP2_SETTINGS, 0, 0, "");
  std::string many;
  for (int i = 0; i < 10000; ++i) many += settings;
  for (int i = 0; i < 100; ++i) client.Send(many);
  EXPECT_EQ(client.ReadTo(NGHTTP2_GOAWAY).type, NGHTTP2_GOAWAY);
  EXPECT_TRUE(client.Ended());
  ExpectOthersAreServed();
}

TEST_F(ConnectionTest, CallsAtOnceAreLimited) {
  TransportOptions options;
  options.max_streams = 2;
  Start(std::move(options));
  RawClient client(socket_);
  client.Begin("", /*acknowledge=*/false);  // then more is not refused, but an error
  const std::string held = Framed(InferOf("add.hold").SerializeAsString());
  for (uint32_t stream : {1u, 3u, 5u}) client.Send(client.CallFrames(stream, kInfer, held));
  const ServerFrame frame = client.ReadTo(NGHTTP2_RST_STREAM);
  EXPECT_EQ(frame.stream, 5u);
  EXPECT_EQ(frame.payload, Number(NGHTTP2_REFUSED_STREAM));
  engine_.AwaitHeld(2);
  engine_.Release();
  EXPECT_EQ(client.ReadAnswer(1).status, "0");
}

// --- time ----------------------------------------------------------------------------------------------------------------------

TEST_F(ConnectionTest, WhoSaysNothingIsLeft) {
  TransportOptions options;
  options.header_timeout = absl::Milliseconds(50);
  Start(std::move(options));
  RawClient silent(socket_);
  EXPECT_TRUE(silent.Ended());
  RawClient half(socket_);
  half.Send(absl::string_view(kPreface).substr(0, 10));
  EXPECT_TRUE(half.Ended());
  RawClient head(socket_);
  head.Begin();
  head.Send(Frame(NGHTTP2_HEADERS, 0, 1, head.Block(RawClient::CallHeaders(kLive))));
  EXPECT_TRUE(head.Ended());
}

TEST_F(ConnectionTest, IdleConnectionsEndWithAWord) {
  TransportOptions options;
  options.idle_timeout = absl::Milliseconds(50);
  Start(std::move(options));
  RawClient idle(socket_);
  idle.Begin();
  EXPECT_EQ(idle.ReadTo(NGHTTP2_GOAWAY).type, NGHTTP2_GOAWAY);
  EXPECT_TRUE(idle.Ended());
}

TEST_F(ConnectionTest, MessagesMustComeInTime) {
  TransportOptions options;
  options.body_timeout = absl::Milliseconds(50);
  Start(std::move(options));
  RawClient stream(socket_);
  stream.Begin();
  stream.Send(stream.HeadersFrame(1, RawClient::CallHeaders(kStream)));
  RawClient client(socket_);
  client.Begin();
  client.Send(client.HeadersFrame(1, RawClient::CallHeaders(kInfer)) +
              Frame(NGHTTP2_DATA, 0, 1, Framed("abcdef").substr(0, 8)));
  EXPECT_EQ(Error(&client, 1), "200 4 the message takes too long to come");
  // between the messages of a stream there is no hurry, but for keepalive
  stream.Send(Frame(NGHTTP2_DATA, 0, 1, Framed(InferOf("add").SerializeAsString())));
  EXPECT_EQ(stream.ReadTo(NGHTTP2_DATA).type, NGHTTP2_DATA);
  stream.Send(Frame(NGHTTP2_DATA, 0, 1, Framed("abcdef").substr(0, 8)));
  EXPECT_EQ(Error(&stream, 1), " 4 the message takes too long to come");
}

TEST_F(ConnectionTest, SilentClientsArePinged) {
  TransportOptions options;
  options.keepalive_time = absl::Milliseconds(20);
  options.keepalive_timeout = absl::Seconds(1);
  Start(std::move(options));
  RawClient client(socket_);
  client.Begin();
  client.Send(client.CallFrames(1, kInfer, Framed(InferOf("add.hold").SerializeAsString())));
  for (int i = 0; i < 3; ++i) {
    const ServerFrame ping = client.ReadTo(NGHTTP2_PING);
    ASSERT_EQ(ping.type, NGHTTP2_PING);
    client.Send(Frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, ping.payload));
  }
  EXPECT_EQ(client.ReadTo(NGHTTP2_PING).type, NGHTTP2_PING);
  EXPECT_TRUE(client.Ended());  // not answered
  engine_.AwaitCancelled(1);
}

// --- the end -------------------------------------------------------------------------------------------------------------------

TEST_F(ConnectionTest, StopLosesNoCallThatIsOnItsWay) {
  Start();
  RawClient client(socket_);
  client.Begin();
  client.Send(client.CallFrames(1, kInfer, Framed(InferOf("add.hold").SerializeAsString())));
  engine_.AwaitHeld(1);
  std::thread stop([&] { transport_->Stop(absl::InfiniteFuture()); });
  const ServerFrame notice = client.ReadTo(NGHTTP2_GOAWAY);
  EXPECT_EQ(notice.payload.substr(0, 4), Number(0x7fffffff));
  const ServerFrame ping = client.ReadTo(NGHTTP2_PING);
  // it was sent before the client saw the notice
  client.Send(client.CallFrames(3, kLive, Framed("")));
  EXPECT_EQ(client.ReadAnswer(3).status, "0");
  client.Send(Frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, ping.payload));
  const ServerFrame last = client.ReadTo(NGHTTP2_GOAWAY);
  EXPECT_EQ(last.payload.substr(0, 4), Number(3));
  engine_.Release();
  EXPECT_EQ(client.ReadAnswer(1).status, "0");
  EXPECT_TRUE(client.Ended());
  client.Close();
  stop.join();
}

TEST_F(ConnectionTest, ConnectionsAreLimited) {
  TransportOptions options;
  options.max_connections = 1;
  Start(std::move(options));
  {
    RawClient first(socket_);
    first.Begin();
    ExpectLive(&first, 1);
    RawClient second(socket_);
    EXPECT_TRUE(second.Ended());
    ExpectLive(&first, 3);
  }
}

}  // namespace
}  // namespace mirin::serving
