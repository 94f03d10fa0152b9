#include "core/runtime/model_cache.h"

#include <openssl/sha.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <utility>

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

bool HasSettled(const FileStamp& stamp, int64_t now) {
  return stamp.inode != 0 && now - std::max(stamp.modified, stamp.changed) > kSettledNanoseconds;
}

// Another one after each start of the system; empty where it has none.
const std::string& BootId() {
  static const auto* const kId = [] {
    auto* id = new std::string;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> *id;
    return id;
  }();
  return *kId;
}

// What the note for a stamp is for; empty where none can be believed.
std::string NotePurpose(const FileStamp& stamp, int64_t now) {
  if (BootId().empty() || !HasSettled(stamp, now)) return "";
  return absl::StrCat(AsBytes(stamp), BootId());
}
std::string NoteOf(const std::string& entry) { return entry + ".checked"; }

int64_t Now() {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::string DigestOf(const CacheDirectory& directory, const FileBytes& file, int64_t now) {
  const FileStamp& stamp = file.stamp;
  const std::string name = absl::StrFormat("%x-%x.digest", stamp.device, stamp.inode);
  const bool settled = HasSettled(stamp, now);
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

std::vector<std::string> NotedRuns(const CacheDirectory& directory, const std::string& entry,
                                   const FileStamp& stamp, int64_t now) {
  std::vector<std::string> names;
  const std::string purpose = NotePurpose(stamp, now);
  if (purpose.empty()) return names;
  const auto runs = ReadPackedFile(directory, NoteOf(entry), purpose);
  if (!runs.ok()) return names;
  for (const auto& run : *runs) names.push_back(run.first);
  return names;
}

void NoteRuns(const CacheDirectory& directory, const std::string& entry, const FileStamp& stamp,
              int64_t now, const std::vector<std::string>& names) {
  const std::string purpose = NotePurpose(stamp, now);
  if (purpose.empty()) return;
  PackedRuns runs;
  for (const std::string& name : names) runs[name] = {};
  const absl::Status written = WritePackedFile(directory, NoteOf(entry), purpose, runs);
  if (!written.ok()) Log(LogLevel::kInfo, absl::StrCat("model cache: ", written.message()));
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
  return std::make_shared<PackedWeights>(directory_, sources_, std::move(name), std::move(purpose),
                                         now);
}

PackedWeights::PackedWeights(std::shared_ptr<const CacheDirectory> directory,
                             std::shared_ptr<const mindir::Sources> sources, std::string name,
                             std::string purpose, int64_t now)
    : directory_(std::move(directory)),
      sources_(std::move(sources)),
      name_(std::move(name)),
      purpose_(std::move(purpose)),
      opened_(now) {
  absl::StatusOr<PackedRuns> runs = ReadPackedFile(*directory_, name_, purpose_, &stamp_);
  if (!runs.ok()) {
    Log(absl::IsNotFound(runs.status()) ? LogLevel::kInfo : LogLevel::kWarning,
        absl::StrCat("model cache: ", runs.status().message()));
    return;
  }
  absl::MutexLock lock(&mutex_);
  for (auto& [key, run] : *runs) runs_[key].run = std::move(run);
  for (const std::string& key : NotedRuns(*directory_, name_, stamp_, opened_)) {
    const auto it = runs_.find(key);
    if (it != runs_.end()) it->second.checked = true;
  }
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
    if (it->second.checked) {
      it->second.used = true;
      return it->second.run.data;
    }
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
  if (!it->second.checked) noteworthy_ = true;
  it->second.checked = it->second.used = true;
  return it->second.run.data;
}

void PackedWeights::Keep(const ir::Value& constant, const std::string& key,
                         std::shared_ptr<const void> data, size_t bytes) {
  std::string name = NameOf(constant, key);
  absl::MutexLock lock(&mutex_);
  runs_[std::move(name)] = {{std::move(data), bytes, 0}, true, true, true};
  dirty_ = true;
}

PackedRuns PackedWeights::Wanted() {
  absl::MutexLock lock(&mutex_);
  size_t used = 0, unused = 0;
  PackedRuns wanted;
  for (auto& [key, run] : runs_) {
    (run.used ? used : unused) += run.run.bytes;
    if (run.fresh && run.run.checksum == 0)
      run.run.checksum = Checksum({static_cast<const char*>(run.run.data.get()), run.run.bytes});
  }
  for (const auto& [key, run] : runs_) {
    if (!run.used && unused > kMostUnused * used) continue;
    if (run.checked ||
        Checksum({static_cast<const char*>(run.run.data.get()), run.run.bytes}) == run.run.checksum)
      wanted[key] = run.run;
  }
  return wanted;
}

std::vector<std::string> PackedWeights::Checked() {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> checked;
  for (const auto& [key, run] : runs_) {
    if (run.checked) checked.push_back(key);
  }
  return checked;
}

void PackedWeights::Flush() {
  absl::MutexLock flushing(&flush_mutex_);
  bool dirty = false, noteworthy = false;
  {
    absl::MutexLock lock(&mutex_);
    dirty = std::exchange(dirty_, false);
    replaced_ = replaced_ || dirty;
    noteworthy = std::exchange(noteworthy_, false) && !replaced_;
  }
  if (noteworthy) NoteRuns(*directory_, name_, stamp_, opened_, Checked());
  if (!dirty) return;
  const absl::Status written = WritePackedFile(*directory_, name_, purpose_, Wanted());
  if (!written.ok()) Log(LogLevel::kWarning, absl::StrCat("model cache: ", written.message()));
}

}  // namespace mirin::runtime
