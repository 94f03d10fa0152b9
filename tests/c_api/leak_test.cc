// Memory after many rounds of loading, running and failing is what it was after a few. Under AddressSanitizer every byte counts.
#include <malloc.h>

#include <fstream>
#include <sstream>

#include "gtest/gtest.h"
#include "tests/support/c_api.h"

namespace mirin::testing {
namespace {

size_t BytesInUse() {
  malloc_trim(0);
  return mallinfo2().uordblks + mallinfo2().hblkhd;
}

void OneRound(const std::string& damaged) {
  mirin_model* model = nullptr;
  ASSERT_EQ(Text(mirin_model_load_file("tests/models/mindir/bert_tiny.mindir", nullptr, &model)),
            "OK");
  const ModelPtr owner(model);
  std::vector<TensorPtr> inputs;
  for (size_t i = 0; i < mirin_model_input_count(model); ++i) {
    const int64_t* dims = mirin_model_input_dims(model, i);
    inputs.push_back(MakeTensor(mirin_model_input_dtype(model, i),
                                {dims, dims + mirin_model_input_rank(model, i)}, nullptr));
  }
  const auto pointers = Pointers(inputs);
  std::vector<mirin_tensor*> outputs(mirin_model_output_count(model));
  ASSERT_EQ(Text(mirin_model_run(model, nullptr, pointers.data(), pointers.size(), outputs.data(),
                                 outputs.size())),
            "OK");
  for (mirin_tensor* o : outputs) mirin_tensor_destroy(o);
  mirin_session* session = nullptr;
  ASSERT_EQ(Text(mirin_session_create(model, nullptr, &session)), "OK");
  const SessionPtr session_owner(session);
  std::vector<const mirin_tensor*> borrowed(outputs.size());
  ASSERT_EQ(Text(mirin_session_run(session, pointers.data(), pointers.size(), borrowed.data(),
                                   borrowed.size())),
            "OK");
  EXPECT_NE(Text(mirin_session_run(session, pointers.data(), 1, borrowed.data(), borrowed.size())),
            "OK");
  mirin_model* none = nullptr;
  EXPECT_NE(Text(mirin_model_load_memory(damaged.data(), damaged.size(), nullptr, &none)), "OK");
  EXPECT_NE(Text(mirin_model_load_file("nowhere.mindir", nullptr, &none)), "OK");
}

TEST(Leak, RoundsLeaveNothingBehind) {
  std::ifstream in("tests/models/mindir/bert_tiny.mindir", std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  const std::string damaged = bytes.str().substr(0, bytes.str().size() / 2);
  for (int i = 0; i < 5; ++i) OneRound(damaged);
  const size_t before = BytesInUse();
  for (int i = 0; i < 50; ++i) OneRound(damaged);
  const size_t after = BytesInUse();
  EXPECT_LE(after, before + 64 * 1024) << "from " << before << " bytes in use";
}

}  // namespace
}  // namespace mirin::testing
