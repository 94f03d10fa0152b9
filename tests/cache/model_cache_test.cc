// The cache of packed weights: what it saves, what it never does, and what it survives. Also a program of its own:
//   model_cache_test --child MODEL CACHE OUTPUT
// loads and runs the model, writes the bits of its output, and ends with 0 if all weights came from the cache, 1 if some were packed.
#include "core/runtime/model_cache.h"

#include <dirent.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/backends/all.h"
#include "core/ir/text.h"
#include "core/mindir/writer.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"
#include "core/runtime/compiled_model.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "gtest/gtest.h"

namespace mirin::runtime {
namespace {

std::string g_program;  // this one

std::string NewFolder() {
  std::string path = testing::TempDir() + "/cache_XXXXXX";
  EXPECT_NE(mkdtemp(&path[0]), nullptr);
  return path;
}

std::string Floats(int count, int seed) {
  std::vector<std::string> numbers;
  for (int i = 0; i < count; ++i)
    numbers.push_back(absl::StrCat((i * 37 + seed * 11) % 23 - 11, ".", (i * 7 + seed) % 10));
  return absl::StrJoin(numbers, ", ");
}

// A convolution by Winograd or oneDNN, a product, and a fold of constants whose result is packed too.
std::unique_ptr<ir::Module> Network(int seed) {
  auto module =
      ir::Parse(absl::StrCat("const %k : float32[32,32,3,3] = {", Floats(9216, seed), "}\n",
                             "const %p : float32[32,32,1,1] = {", Floats(1024, seed + 1), "}\n",
                             "const %a : float32[32,24] = {", Floats(768, seed + 2), "}\n",
                             "const %b : float32[32,24] = {", Floats(768, seed + 3), "}\n",
                             "const %axis : int64[2] = {2, 3}\n"
                             "graph @main(%x : float32[1,32,16,16]) {\n"
                             "  %w = Add(%a, %b)\n"
                             "  %c = Conv2D(%x, %k) {pad_mode = \"same\"}\n"
                             "  %d = Conv2D(%c, %p)\n"
                             "  %m = ReduceMean(%d, %axis) {keep_dims = false}\n"
                             "  %y = MatMul(%m, %w)\n"
                             "  return %y\n}\n"));
  EXPECT_TRUE(module.ok()) << module.status();
  for (const auto& node : (*module)->entry()->nodes()) {
    const absl::Status normal = ops::Normalize(node.get());
    EXPECT_TRUE(normal.ok()) << normal;
  }
  const absl::Status inferred = ops::InferModule(module->get());
  EXPECT_TRUE(inferred.ok()) << inferred;
  return *std::move(module);
}

std::string WriteNetwork(const std::string& folder, int seed,
                         const mindir::WriteOptions& options = {}) {
  auto path = mindir::WriteFile(*Network(seed), folder + "/net.mindir", options);
  EXPECT_TRUE(path.ok()) << path.status();
  return *path;
}

struct Result {
  std::string bits;
  WeightCache::Counts counts;
};

absl::StatusOr<Result> RunModel(const std::shared_ptr<const Model>& model, bool fp16 = false) {
  SessionOptions options;
  options.threads = 1;
  options.prefer_fp16 = fp16;
  auto session = Session::Create(model, options);
  if (!session.ok()) return session.status();
  std::vector<float> x(32 * 16 * 16);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) / 8 - 1;
  const std::vector<Tensor> inputs = {Tensor::FromValues<float>({1, 32, 16, 16}, x)};
  const auto outputs = (*session)->Run(inputs);
  if (!outputs.ok()) return outputs.status();
  Result result;
  for (const Tensor& t : *outputs)
    result.bits.append(static_cast<const char*>(t.data()), t.bytes());
  auto devices = model->compiled().Devices({"cpu"}, {fp16, false});
  if (!devices.ok()) return devices.status();
  result.counts = (*devices)->weights.counts();
  return result;
}

absl::StatusOr<Result> TryLoadAndRun(const std::string& path, const std::string& cache,
                                     const std::string& key = "") {
  InstallAllBackends();
  ModelOptions options;
  options.cache_directory = cache;
  options.read.key = key;
  auto model = Model::LoadFile(path, options);
  if (!model.ok()) return model.status();
  return RunModel(*model);
}

Result LoadAndRun(const std::string& path, const std::string& cache, const std::string& key = "") {
  auto result = TryLoadAndRun(path, cache, key);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : Result();
}

std::vector<std::string> FilesIn(const std::string& folder) {
  std::vector<std::string> names;
  DIR* listing = opendir(folder.c_str());
  if (listing == nullptr) return names;
  while (const dirent* entry = readdir(listing)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(listing);
  return names;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}
void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// The only entry of weights.
std::string EntryOf(const std::string& cache) {
  std::string found;
  for (const std::string& name : FilesIn(cache)) {
    if (!absl::EndsWith(name, ".weights")) continue;
    EXPECT_EQ(found, "");
    found = absl::StrCat(cache, "/", name);
  }
  EXPECT_NE(found, "");
  return found;
}

pid_t StartChild(const std::string& model, const std::string& cache, const std::string& output,
                 const std::string& isa = "") {
  std::string texts[] = {g_program, "--child", model, cache, output};
  char* arguments[] = {&texts[0][0], &texts[1][0], &texts[2][0],
                       &texts[3][0], &texts[4][0], nullptr};
  std::vector<char*> environment;
  std::string wanted = absl::StrCat("MIRIN_ISA=", isa);
  for (char** e = environ; *e != nullptr; ++e) {
    if (!absl::StartsWith(*e, "MIRIN_ISA=")) environment.push_back(*e);
  }
  if (!isa.empty()) environment.push_back(&wanted[0]);
  environment.push_back(nullptr);
  pid_t child = -1;
  EXPECT_EQ(posix_spawn(&child, g_program.c_str(), nullptr, nullptr, arguments, environment.data()),
            0);
  return child;
}

// The exit status; -1 when a signal ended it.
int Wait(pid_t child) {
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class ModelCacheTest : public testing::Test {
 protected:
  const std::string folder_ = NewFolder(), cache_ = NewFolder();
  const std::string model_ = WriteNetwork(folder_, 1);
  const std::string plain_ = LoadAndRun(model_, "").bits;
};

TEST_F(ModelCacheTest, SecondLoadPacksNothingAndGivesTheSameBits) {
  const Result first = LoadAndRun(model_, cache_);
  EXPECT_EQ(first.bits, plain_);
  EXPECT_GE(first.counts.packed, 3);
  EXPECT_EQ(first.counts.reused, 0);
  const Result second = LoadAndRun(model_, cache_);
  EXPECT_EQ(second.bits, plain_);
  EXPECT_EQ(second.counts.packed, 0);
  EXPECT_EQ(second.counts.reused, first.counts.packed);
}

TEST_F(ModelCacheTest, IsOffWithoutAFolder) {
  EXPECT_GE(LoadAndRun(model_, "").counts.packed, 3);
  EXPECT_EQ(LoadAndRun(model_, "").counts.reused, 0);
}

TEST_F(ModelCacheTest, FindsTheSameContentsElsewhereAndInMemory) {
  LoadAndRun(model_, cache_);
  const std::string copy = folder_ + "/copy.mindir", bytes = ReadAll(model_);
  WriteAll(copy, bytes);
  EXPECT_EQ(LoadAndRun(copy, cache_).counts.packed, 0);
  ModelOptions options;
  options.cache_directory = cache_;
  auto model = Model::LoadBuffer(bytes, nullptr, options);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto result = RunModel(*model);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->counts.packed, 0);
  EXPECT_EQ(result->bits, plain_);
}

TEST_F(ModelCacheTest, OtherWeightsAreAnotherEntry) {
  LoadAndRun(model_, cache_);
  const std::string other = WriteNetwork(folder_, 2);  // in the same place
  const std::string expected = LoadAndRun(other, "").bits;
  EXPECT_NE(expected, plain_);
  const Result result = LoadAndRun(other, cache_);
  EXPECT_EQ(result.bits, expected);
  EXPECT_EQ(result.counts.reused, 0);
}

TEST_F(ModelCacheTest, WeightsInFilesOfTheirOwnCountToo) {
  mindir::WriteOptions options;
  options.max_inline_weights = 0;
  const std::string folder = NewFolder();
  const std::string model = WriteNetwork(folder, 1, options);
  EXPECT_EQ(LoadAndRun(model, cache_).bits, plain_);
  EXPECT_EQ(LoadAndRun(model, cache_).counts.packed, 0);
  const std::string expected = LoadAndRun(WriteNetwork(folder, 2, options), "").bits;
  const Result result = LoadAndRun(model, cache_);
  EXPECT_EQ(result.bits, expected);
  EXPECT_EQ(result.counts.reused, 0);
}

TEST_F(ModelCacheTest, HalfWeightsAreAnotherEntry) {
  InstallAllBackends();
  ModelOptions options;
  options.cache_directory = cache_;
  for (const int packed : {1, 0}) {
    for (const bool fp16 : {false, true}) {
      auto model = Model::LoadFile(model_, options);
      ASSERT_TRUE(model.ok()) << model.status();
      const auto result = RunModel(*model, fp16);
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->counts.packed > 0, packed == 1);
    }
  }
}

TEST_F(ModelCacheTest, DamageAnywhereIsMended) {
  const int weights = LoadAndRun(model_, cache_).counts.packed;
  const std::string entry = EntryOf(cache_), good = ReadAll(entry);
  // The header, the table, and places of every run.
  for (size_t at = 0; at < good.size(); at += at < 64 ? 7 : at < 2048 ? 101 : 3989) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    WriteAll(entry, bad);
    ASSERT_EQ(LoadAndRun(model_, cache_).bits, plain_) << at;
    const Result again = LoadAndRun(model_, cache_);
    ASSERT_EQ(again.bits, plain_) << at;
    ASSERT_EQ(again.counts.reused, weights) << at;
  }
}

TEST_F(ModelCacheTest, TornEntriesAreMended) {
  const int weights = LoadAndRun(model_, cache_).counts.packed;
  const std::string entry = EntryOf(cache_), good = ReadAll(entry);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{39}, size_t{40}, size_t{500},
                            good.size() / 2, good.size() - 1}) {
    WriteAll(entry, good.substr(0, size));
    ASSERT_EQ(LoadAndRun(model_, cache_).bits, plain_) << size;
    ASSERT_EQ(LoadAndRun(model_, cache_).counts.reused, weights) << size;
    WriteAll(entry, good.substr(0, size) + std::string(good.size() - size, '\0'));
    ASSERT_EQ(LoadAndRun(model_, cache_).bits, plain_) << size;
    ASSERT_EQ(LoadAndRun(model_, cache_).counts.reused, weights) << size;
  }
}

TEST_F(ModelCacheTest, AnEntryOfAnotherVersionIsReplaced) {
  const int weights = LoadAndRun(model_, cache_).counts.packed;
  const std::string entry = EntryOf(cache_);
  const auto directory = CacheDirectory::Open(cache_);
  ASSERT_TRUE(directory.ok());
  const std::string name = entry.substr(cache_.size() + 1);
  ASSERT_TRUE(WritePackedFile(**directory, name, "mirin of another build", {}).ok());
  EXPECT_EQ(LoadAndRun(model_, cache_).counts.packed, weights);
  EXPECT_EQ(LoadAndRun(model_, cache_).counts.reused, weights);
}

TEST_F(ModelCacheTest, AnotherInstructionSetIsAnotherEntry) {
  const std::string output = folder_ + "/output";
  EXPECT_EQ(Wait(StartChild(model_, cache_, output, "avx2")), 1);
  const std::string avx2 = ReadAll(output);
  EXPECT_EQ(Wait(StartChild(model_, cache_, output, "portable")), 1);
  EXPECT_EQ(FilesIn(cache_).size(), 2u);
  EXPECT_EQ(Wait(StartChild(model_, cache_, output, "avx2")), 0);
  EXPECT_EQ(ReadAll(output), avx2);
}

TEST_F(ModelCacheTest, ProcessesShareOneFolder) {
  constexpr int kRounds = 3, kProcesses = 6;
  for (int round = 0; round < kRounds; ++round) {
    // The last round finds a damaged entry.
    if (round == 2) WriteAll(EntryOf(cache_), "torn");
    std::vector<pid_t> children;
    for (int i = 0; i < kProcesses; ++i)
      children.push_back(StartChild(model_, cache_, absl::StrCat(folder_, "/output", i)));
    for (int i = 0; i < kProcesses; ++i) {
      const int status = Wait(children[static_cast<size_t>(i)]);
      EXPECT_TRUE(status == 0 || (status == 1 && round != 1)) << status;
      EXPECT_EQ(ReadAll(absl::StrCat(folder_, "/output", i)), plain_);
    }
  }
  for (const std::string& name : FilesIn(cache_)) EXPECT_FALSE(absl::EndsWith(name, ".tmp"));
  EXPECT_EQ(LoadAndRun(model_, cache_).counts.packed, 0);
}

TEST_F(ModelCacheTest, KilledProcessesLeaveNoWrongEntry) {
  for (int i = 0; i < 8; ++i) {
    const pid_t child = StartChild(model_, cache_, folder_ + "/output");
    if (i % 2 == 0) LoadAndRun(model_, cache_);  // as long as that takes
    kill(child, SIGKILL);
    Wait(child);
    EXPECT_EQ(LoadAndRun(model_, cache_).bits, plain_);
    unlink(EntryOf(cache_).c_str());
  }
}

TEST_F(ModelCacheTest, EncryptedModelsLeaveNothing) {
  mindir::WriteOptions options;
  options.key = "0123456789abcdef";
  const std::string model = WriteNetwork(NewFolder(), 1, options);
  EXPECT_EQ(LoadAndRun(model, cache_, options.key).bits, plain_);
  EXPECT_TRUE(FilesIn(cache_).empty());
  options.max_inline_weights = 0;
  const std::string external = WriteNetwork(NewFolder(), 1, options);
  EXPECT_EQ(LoadAndRun(external, cache_, options.key).bits, plain_);
  EXPECT_TRUE(FilesIn(cache_).empty());
}

TEST_F(ModelCacheTest, AFolderThatOthersMayWriteIsRefused) {
  ASSERT_EQ(chmod(cache_.c_str(), 0777), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(TryLoadAndRun(model_, cache_).status()));
  EXPECT_TRUE(absl::IsNotFound(TryLoadAndRun(model_, cache_ + "/no/folder").status()));
}

TEST_F(ModelCacheTest, ReadsFromAFolderThatItMayNotWrite) {
  const int weights = LoadAndRun(model_, cache_).counts.packed;
  const std::string empty = NewFolder();
  for (const std::string& folder : {cache_, empty}) ASSERT_EQ(chmod(folder.c_str(), 0500), 0);
  EXPECT_EQ(LoadAndRun(model_, cache_).counts.reused, weights);
  EXPECT_EQ(LoadAndRun(model_, empty).bits, plain_);
  for (const std::string& folder : {cache_, empty}) ASSERT_EQ(chmod(folder.c_str(), 0700), 0);
}

TEST_F(ModelCacheTest, AFullDiskIsNoError) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit before, small;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 1000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Result result = LoadAndRun(model_, cache_);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(result.bits, plain_);
  EXPECT_TRUE(FilesIn(cache_).empty());
}

TEST_F(ModelCacheTest, ADigestIsKeptForAFileThatHasSettled) {
  const auto directory = CacheDirectory::Open(cache_);
  ASSERT_TRUE(directory.ok());
  const auto file = MapFile(model_, SIZE_MAX);
  ASSERT_TRUE(file.ok());
  const int64_t changed = file->stamp.changed, later = changed + 10'000'000'000;
  const std::string digest = DigestOf(**directory, *file, changed);
  EXPECT_EQ(digest.size(), 32u);
  EXPECT_TRUE(FilesIn(cache_).empty());
  EXPECT_EQ(DigestOf(**directory, *file, later), digest);
  ASSERT_EQ(FilesIn(cache_).size(), 1u);
  // It is believed for this stamp, and for no other.
  FileBytes same = *file;
  same.bytes = "other bytes";
  EXPECT_EQ(DigestOf(**directory, same, later), digest);
  same.stamp.modified += 1;
  EXPECT_NE(DigestOf(**directory, same, later), digest);
}

// An entry in one folder that is opened at will, and the constant of its runs.
class PackedWeightsTest : public testing::Test {
 protected:
  static constexpr char kEntry[] = "some.weights";
  static constexpr int64_t kLater = 10'000'000'000;

  PackedWeights Open(int64_t now) const {
    return PackedWeights(directory_, std::make_shared<const mindir::Sources>(), kEntry, "purpose",
                         now);
  }
  // Writes an entry of these runs, each of its number of bytes.
  void Write(const std::vector<std::pair<std::string, size_t>>& runs) const {
    PackedWeights weights = Open(0);
    for (const auto& [key, bytes] : runs) weights.Keep(constant(), key, Zeros(bytes), bytes);
    weights.Flush();
  }
  static std::shared_ptr<const void> Zeros(size_t bytes) {
    auto data = std::make_shared<std::string>(bytes, '\0');
    const void* at = data->data();
    return {std::move(data), at};
  }
  FileStamp Stamp() const {
    const auto file = directory_->Map(kEntry);
    EXPECT_TRUE(file.ok()) << file.status();
    return file->stamp;
  }
  const ir::Value& constant() const { return *module_->constants().front(); }

  const std::string folder_ = NewFolder();
  const std::shared_ptr<const CacheDirectory> directory_ = *CacheDirectory::Open(folder_);
  const std::unique_ptr<ir::Module> module_ = Network(1);
};

TEST_F(PackedWeightsTest, RunsFoundGoodAreNotedOnceTheEntryHasSettled) {
  Write({{"a", 1000}, {"b", 1000}});
  const FileStamp stamp = Stamp();
  for (const int64_t now : {stamp.changed, stamp.changed + kLater}) {
    PackedWeights weights = Open(now);
    EXPECT_NE(weights.Find(constant(), "a", 1000), nullptr);
    EXPECT_EQ(weights.Find(constant(), "a", 999), nullptr);
    weights.Flush();
    EXPECT_EQ(NotedRuns(*directory_, kEntry, stamp, stamp.changed + kLater).size(),
              now == stamp.changed ? 0u : 1u);
  }
  EXPECT_TRUE(NotedRuns(*directory_, kEntry, stamp, stamp.changed).empty());
  FileStamp other = stamp;
  other.modified -= 1;
  EXPECT_TRUE(NotedRuns(*directory_, kEntry, other, stamp.changed + kLater).empty());
  // The next process notes the other run besides.
  PackedWeights weights = Open(stamp.changed + kLater);
  EXPECT_NE(weights.Find(constant(), "b", 1000), nullptr);
  weights.Flush();
  EXPECT_EQ(NotedRuns(*directory_, kEntry, stamp, stamp.changed + kLater).size(), 2u);
}

TEST_F(PackedWeightsTest, ANoteIsBelievedForItsStampAlone) {
  Write({{"a", 1000}});
  const int64_t now = Stamp().changed + kLater;
  {
    PackedWeights weights = Open(now);
    EXPECT_NE(weights.Find(constant(), "a", 1000), nullptr);
    weights.Flush();
  }
  const auto noted = NotedRuns(*directory_, kEntry, Stamp(), now);
  ASSERT_EQ(noted.size(), 1u);
  const std::string path = absl::StrCat(folder_, "/", kEntry);
  std::string bytes = ReadAll(path);
  bytes[bytes.size() - 100] ^= 1;
  WriteAll(path, bytes);
  const FileStamp stamp = Stamp();
  EXPECT_EQ(Open(stamp.changed + kLater).Find(constant(), "a", 1000), nullptr);
  // Not compared again, or the damage would be seen.
  NoteRuns(*directory_, kEntry, stamp, stamp.changed + kLater, noted);
  EXPECT_NE(Open(stamp.changed + kLater).Find(constant(), "a", 1000), nullptr);
  EXPECT_EQ(Open(stamp.changed).Find(constant(), "a", 1000), nullptr);
}

TEST_F(PackedWeightsTest, NotedRunsThatNobodyUsesGoWithTheOthers) {
  Write({{"small", 1000}, {"large", 10'000}});
  const int64_t now = Stamp().changed + kLater;
  for (const auto& [key, bytes] :
       {std::pair<const char*, size_t>{"small", 1000}, {"large", 10'000}}) {
    PackedWeights weights = Open(now);
    EXPECT_NE(weights.Find(constant(), key, bytes), nullptr);
    weights.Flush();
  }
  PackedWeights weights = Open(now);
  EXPECT_NE(weights.Find(constant(), "small", 1000), nullptr);
  weights.Keep(constant(), "new", Zeros(1000), 1000);
  weights.Flush();
  PackedWeights again = Open(Stamp().changed);
  EXPECT_NE(again.Find(constant(), "small", 1000), nullptr);
  EXPECT_NE(again.Find(constant(), "new", 1000), nullptr);
  EXPECT_EQ(again.Find(constant(), "large", 10'000), nullptr);
}

int Child(const std::string& model, const std::string& cache, const std::string& output) {
  const auto result = TryLoadAndRun(model, cache);
  if (!result.ok()) return 2;
  WriteAll(output, result->bits);
  return result->counts.packed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mirin::runtime

int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "--child")
    return mirin::runtime::Child(argv[2], argv[3], argv[4]);
  testing::InitGoogleTest(&argc, argv);
  mirin::runtime::g_program = argv[0];
  return RUN_ALL_TESTS();
}
