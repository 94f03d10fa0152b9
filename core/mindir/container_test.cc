#include "core/mindir/container.h"

#include "gtest/gtest.h"

namespace mirin::mindir {
namespace {

TEST(Container, GivesBackWhatWasEncrypted) {
  for (const auto& [mode, key_bytes] :
       std::vector<std::pair<CipherMode, std::vector<size_t>>>{{CipherMode::kAesGcm, {16, 24, 32}},
                                                               {CipherMode::kAesCbc, {16, 24, 32}},
                                                               {CipherMode::kSm4Cbc, {16}}}) {
    for (const size_t size : key_bytes) {
      const std::string key(size, 'k');
      for (const size_t length : {size_t{0}, size_t{1}, size_t{15}, size_t{16}, size_t{100'000}}) {
        const std::string plain(length, 'p');
        auto sealed = Encrypt(plain, key, mode);
        ASSERT_TRUE(sealed.ok()) << sealed.status();
        EXPECT_TRUE(length == 0 || IsContainer(*sealed));
        if (length == 0) continue;
        auto open = Decrypt(*sealed, key, mode);
        ASSERT_TRUE(open.ok()) << open.status();
        EXPECT_EQ(**open, plain);
        EXPECT_TRUE(Decrypt(*sealed, key, CipherMode::kNone).ok());
        auto wrong = Decrypt(*sealed, std::string(size, 'w'), mode);
        if (mode == CipherMode::kAesGcm) {
          EXPECT_EQ(wrong.status().code(), absl::StatusCode::kPermissionDenied);
        }
      }
    }
  }
}

TEST(Container, RefusesWhatWasChanged) {
  const std::string key(16, 'k');
  std::string sealed = *Encrypt(std::string(1000, 'p'), key, CipherMode::kAesGcm);
  for (const size_t at : {size_t{4}, size_t{30}, sealed.size() - 1}) {  // tag, iv, data
    std::string changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(Decrypt(changed, key, CipherMode::kAesGcm).ok()) << at;
  }
  for (const size_t size : {size_t{3}, size_t{20}, size_t{40}, sealed.size() - 1}) {
    EXPECT_FALSE(Decrypt(absl::string_view(sealed).substr(0, size), key, CipherMode::kAesGcm).ok())
        << size;
  }
  EXPECT_EQ(Decrypt(sealed, "", CipherMode::kAesGcm).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Decrypt(sealed, "short", CipherMode::kAesGcm).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Decrypt(sealed, key, CipherMode::kAesCbc).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Encrypt("x", "short", CipherMode::kAesCbc).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Fresh initialisation vectors: the same bytes never look the same twice.
TEST(Container, NeverRepeatsItself) {
  const std::string key(16, 'k');
  EXPECT_NE(*Encrypt("plain", key, CipherMode::kAesGcm),
            *Encrypt("plain", key, CipherMode::kAesGcm));
}

}  // namespace
}  // namespace mirin::mindir
