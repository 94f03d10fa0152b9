#include "core/runtime/model_cache.h"

#include <openssl/sha.h>

#include <algorithm>
#include <ctime>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/build_id.h"
#include "core/base/log.h"

namespace mirin::runtime {
namespace {

// A file that changed so lately could change again without another time.
constexpr int64_t kSettledNanoseconds = 2'000'000'000;
// Unused runs of an entry are kept up to so many times the bytes of those in use.
constexpr size_t kMostUnused = 3;

std::string Digest(absl::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(&digest[0]));
  return digest;
}

absl::string_view AsBytes(const FileStamp& stamp) {
  return {reinterpret_cast<const char*>(&stamp), sizeof stamp};
}

int64_t Now() {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::string DigestOf(const CacheDirectory& directory, const FileBytes& file, int64_t now) {
  const FileStamp& stamp = file.stamp;
  const std::string name = absl::StrFormat("%x-%x.digest", stamp.device, stamp.inode);
  const bool settled =
      stamp.inode != 0 && now - std::max(stamp.modified, stamp.changed) > kSettledNanoseconds;
  constexpr absl::string_view kRun = "digest";
  if (settled) {
    const auto known = ReadPackedFile(directory, name, AsBytes(stamp));
    if (known.ok()) {
      const auto run = known->find(kRun);
      if (run != known->end() && run->second.bytes == SHA256_DIGEST_LENGTH) {
        std::string digest(static_cast<const char*>(run->second.data.get()), run->second.bytes);
        if (Checksum(digest) == run->second.checksum) return digest;
      }
    }
  }
  std::string digest = Digest(file.bytes);
  if (settled) {
    const std::shared_ptr<const void> data(std::shared_ptr<const void>(), digest.data());
    const PackedRuns runs = {{std::string(kRun), {data, digest.size(), Checksum(digest)}}};
    const absl::Status written = WritePackedFile(directory, name, AsBytes(stamp), runs);
    if (!written.ok()) Log(LogLevel::kInfo, written.message());
  }
  return digest;
}

ModelCache::ModelCache(std::shared_ptr<const CacheDirectory> directory,
                       std::shared_ptr<const mindir::Sources> sources, std::string variant)
    : directory_(std::move(directory)),
      sources_(std::move(sources)),
      variant_(std::move(variant)) {}

std::shared_ptr<PackedWeights> ModelCache::Open(absl::string_view packing) const {
  const std::string build = BuildId();
  if (build.empty()) {
    Log(LogLevel::kWarning, "this build of Mirin has no id: the model cache is off");
    return nullptr;
  }
  std::string purpose = absl::StrCat("mirin ", build, "\n", packing, "\n", variant_, "\n");
  const int64_t now = Now();
  for (const FileBytes& file : sources_->files)
    absl::StrAppend(&purpose, absl::BytesToHexString(DigestOf(*directory_, file, now)), "\n");
  std::string name =
      absl::StrCat(absl::BytesToHexString(Digest(purpose).substr(0, 16)), ".weights");
  return std::make_shared<PackedWeights>(directory_, sources_, std::move(name), std::move(purpose));
}

PackedWeights::PackedWeights(std::shared_ptr<const CacheDirectory> directory,
                             std::shared_ptr<const mindir::Sources> sources, std::string name,
                             std::string purpose)
    : directory_(std::move(directory)),
      sources_(std::move(sources)),
      name_(std::move(name)),
      purpose_(std::move(purpose)) {
  absl::StatusOr<PackedRuns> runs = ReadPackedFile(*directory_, name_, purpose_);
  if (!runs.ok()) {
    Log(absl::IsNotFound(runs.status()) ? LogLevel::kInfo : LogLevel::kWarning,
        absl::StrCat("model cache: ", runs.status().message()));
    return;
  }
  absl::MutexLock lock(&mutex_);
  for (auto& [key, run] : *runs) runs_[key] = {std::move(run), false, false};
}

std::string PackedWeights::NameOf(const ir::Value& constant, const std::string& key) const {
  const Tensor& tensor = constant.tensor();
  const auto* data = static_cast<const char*>(tensor.data());
  std::string from;
  for (size_t i = 0; i < sources_->files.size() && from.empty(); ++i) {
    const FileBytes& file = sources_->files[i];
    if (tensor.owner() == file.owner && data >= file.bytes.data() &&
        data + tensor.bytes() <= file.bytes.data() + file.bytes.size())
      from = absl::StrCat("file ", i, " at ", data - file.bytes.data());
  }
  // Passes make the same constants of the same files, but not in the same order.
  if (from.empty())
    from = absl::StrCat("made ", absl::Hex(Checksum({data, tensor.bytes()}), absl::kZeroPad16));
  return absl::StrCat(from, " ", TypeString(tensor), " ", key);
}

std::shared_ptr<const void> PackedWeights::Find(const ir::Value& constant, const std::string& key,
                                                size_t bytes) {
  const std::string name = NameOf(constant, key);
  PackedRun run;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = runs_.find(name);
    if (it == runs_.end() || it->second.run.bytes != bytes) return nullptr;
    if (it->second.checked) return it->second.run.data;
    run = it->second.run;
  }
  const bool good = Checksum({static_cast<const char*>(run.data.get()), bytes}) == run.checksum;
  if (!good)
    Log(LogLevel::kWarning, absl::StrCat("model cache: '", directory_->path(), "/", name_,
                                         "' has damaged weights: ", name));
  absl::MutexLock lock(&mutex_);
  const auto it = runs_.find(name);
  if (it == runs_.end()) return nullptr;
  if (!good) {
    if (!it->second.fresh) runs_.erase(it);
    return nullptr;
  }
  it->second.checked = true;
  return it->second.run.data;
}

void PackedWeights::Keep(const ir::Value& constant, const std::string& key,
                         std::shared_ptr<const void> data, size_t bytes) {
  std::string name = NameOf(constant, key);
  absl::MutexLock lock(&mutex_);
  runs_[std::move(name)] = {{std::move(data), bytes, 0}, true, true};
  dirty_ = true;
}

PackedRuns PackedWeights::Wanted() {
  absl::MutexLock lock(&mutex_);
  size_t used = 0, unused = 0;
  PackedRuns wanted;
  for (auto& [key, run] : runs_) {
    (run.checked ? used : unused) += run.run.bytes;
    if (run.fresh && run.run.checksum == 0)
      run.run.checksum = Checksum({static_cast<const char*>(run.run.data.get()), run.run.bytes});
  }
  for (const auto& [key, run] : runs_) {
    if (run.checked || (unused <= kMostUnused * used &&
                        Checksum({static_cast<const char*>(run.run.data.get()), run.run.bytes}) ==
                            run.run.checksum))
      wanted[key] = run.run;
  }
  return wanted;
}

void PackedWeights::Flush() {
  absl::MutexLock flushing(&flush_mutex_);
  {
    absl::MutexLock lock(&mutex_);
    if (!dirty_) return;
    dirty_ = false;
  }
  const absl::Status written = WritePackedFile(*directory_, name_, purpose_, Wanted());
  if (!written.ok()) Log(LogLevel::kWarning, absl::StrCat("model cache: ", written.message()));
}

}  // namespace mirin::runtime
