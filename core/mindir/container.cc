#include "core/mindir/container.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::mindir {
namespace {

constexpr uint32_t kMagicGcm = 0x7F3A5ED8;
constexpr uint32_t kMagicCbc = 0x7F3A5ED9;
constexpr uint32_t kMagicSm4 = 0x7F3A5EDA;
constexpr size_t kTagBytes = 16;
constexpr size_t kIvBytes = 16;
constexpr size_t kGcmNonceBytes = 12;  // of the 16 that are stored
constexpr size_t kBlockBytes = size_t{64} << 20;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

uint32_t Load32(const char* p) {
  uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

void Append32(std::string* out, uint32_t v) {
  out->append(reinterpret_cast<const char*>(&v), sizeof v);
}

absl::StatusOr<const EVP_CIPHER*> CipherOf(CipherMode mode, size_t key_bytes) {
  if (mode == CipherMode::kSm4Cbc) {
    if (key_bytes == 16) return EVP_sm4_cbc();
    return absl::InvalidArgumentError(absl::StrCat("SM4 takes a key of 16 bytes, got ", key_bytes));
  }
  const bool gcm = mode == CipherMode::kAesGcm;
  switch (key_bytes) {
    case 16:
      return gcm ? EVP_aes_128_gcm() : EVP_aes_128_cbc();
    case 24:
      return gcm ? EVP_aes_192_gcm() : EVP_aes_192_cbc();
    case 32:
      return gcm ? EVP_aes_256_gcm() : EVP_aes_256_cbc();
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("AES takes a key of 16, 24 or 32 bytes, got ", key_bytes));
  }
}

const unsigned char* Bytes(absl::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

// Appends the plain text of one block; false when tag or padding do not fit.
bool DecryptBlock(const EVP_CIPHER* cipher, bool gcm, size_t nonce_bytes, const std::string& key,
                  absl::string_view tag, absl::string_view iv, absl::string_view data,
                  std::string* out) {
  CipherContext context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const size_t begin = out->size();
  out->resize(begin + data.size() + 32);
  unsigned char* to = reinterpret_cast<unsigned char*>(&(*out)[begin]);
  int n = 0;
  int last = 0;
  bool good = context != nullptr &&
              EVP_DecryptInit_ex(context.get(), cipher, nullptr, nullptr, nullptr) == 1;
  if (good && gcm) {
    good = EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN,
                               static_cast<int>(nonce_bytes), nullptr) == 1;
  }
  good = good && EVP_DecryptInit_ex(context.get(), nullptr, nullptr, Bytes(key), Bytes(iv)) == 1 &&
         EVP_DecryptUpdate(context.get(), to, &n, Bytes(data), static_cast<int>(data.size())) == 1;
  if (good && gcm) {
    good = EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes,
                               const_cast<char*>(tag.data())) == 1;
  }
  good = good && EVP_DecryptFinal_ex(context.get(), to + n, &last) == 1;
  if (!good) OPENSSL_cleanse(to, data.size() + 32);
  out->resize(good ? begin + static_cast<size_t>(n + last) : begin);
  return good;
}

std::shared_ptr<std::string> WipedString() {
  return std::shared_ptr<std::string>(new std::string(), [](std::string* s) {
    OPENSSL_cleanse(&(*s)[0], s->size());
    delete s;
  });
}

}  // namespace

bool IsContainer(absl::string_view bytes) {
  if (bytes.size() < 4) return false;
  const uint32_t magic = Load32(bytes.data());
  return magic == kMagicGcm || magic == kMagicCbc || magic == kMagicSm4;
}

absl::StatusOr<std::shared_ptr<const std::string>> Decrypt(absl::string_view bytes,
                                                           const std::string& key,
                                                           CipherMode mode) {
  if (key.empty())
    return absl::FailedPreconditionError("the model is encrypted and no key was given");
  std::shared_ptr<std::string> plain = WipedString();
  plain->reserve(bytes.size());
  for (size_t at = 0; at < bytes.size();) {
    const absl::string_view rest = bytes.substr(at);
    const auto damaged = [&](absl::string_view what) {
      return absl::DataLossError(absl::StrCat("encrypted model: ", what, " at byte ", at));
    };
    if (!IsContainer(rest)) return damaged("a block does not begin with a known magic number");
    const uint32_t magic = Load32(rest.data());
    CipherMode found = magic == kMagicGcm   ? CipherMode::kAesGcm
                       : magic == kMagicCbc ? CipherMode::kAesCbc
                                            : CipherMode::kSm4Cbc;
    // Before 1.7 GCM and CBC shared the first magic and had no tag: then `size` and `ivlen` come right behind it.
    const bool old_form = magic == kMagicGcm && rest.size() >= 12 &&
                          Load32(rest.data() + 8) == kIvBytes && rest.size() >= 32 &&
                          Load32(rest.data() + 4) == Load32(rest.data() + 28) + 24;
    if (old_form) found = mode == CipherMode::kAesGcm ? CipherMode::kAesGcm : CipherMode::kAesCbc;
    if (mode != CipherMode::kNone && mode != found) {
      return absl::InvalidArgumentError(
          "the model was encrypted in another mode than the one given");
    }
    MIRIN_ASSIGN_OR_RETURN(const EVP_CIPHER* cipher, CipherOf(found, key.size()));
    const bool gcm = found == CipherMode::kAesGcm;
    const bool has_tag = gcm && !old_form;
    const size_t header = 4 + (has_tag ? kTagBytes : 0) + 4 + 4 + kIvBytes + 4;
    if (rest.size() < header) return damaged("a truncated block header");
    const char* p = rest.data() + 4;
    const absl::string_view tag(p, has_tag ? kTagBytes : 0);
    p += tag.size() + 4;
    if (Load32(p) != kIvBytes) return damaged("an unexpected IV length");
    const absl::string_view iv(p + 4, kIvBytes);
    const size_t n = Load32(p + 4 + kIvBytes);
    if (n > rest.size() - header || n > (size_t{1} << 30)) return damaged("a truncated block");
    if (!gcm && n % 16 != 0) return damaged("a block that is not a multiple of 16 bytes");
    const absl::string_view data = rest.substr(header, n);
    bool good = DecryptBlock(cipher, gcm, kGcmNonceBytes, key, tag, iv, data, plain.get());
    if (!good && gcm) good = DecryptBlock(cipher, gcm, kIvBytes, key, tag, iv, data, plain.get());
    if (!good)
      return absl::PermissionDeniedError(
          "the model cannot be decrypted: wrong key, or damaged bytes");
    at += header + n;
  }
  return std::shared_ptr<const std::string>(std::move(plain));
}

absl::StatusOr<std::string> Encrypt(absl::string_view plain, const std::string& key,
                                    CipherMode mode) {
  if (mode == CipherMode::kNone) return absl::InvalidArgumentError("choose a cipher mode");
  MIRIN_ASSIGN_OR_RETURN(const EVP_CIPHER* cipher, CipherOf(mode, key.size()));
  const bool gcm = mode == CipherMode::kAesGcm;
  std::string out;
  for (size_t at = 0; at < plain.size(); at += kBlockBytes) {
    const absl::string_view block = plain.substr(at, kBlockBytes);
    unsigned char iv[kIvBytes];
    if (RAND_bytes(iv, kIvBytes) != 1) return absl::InternalError("no random numbers for the IV");
    std::string data(block.size() + 32, '\0');
    unsigned char* to = reinterpret_cast<unsigned char*>(&data[0]);
    unsigned char tag[kTagBytes] = {};
    CipherContext context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    int n = 0;
    int last = 0;
    bool good = context != nullptr &&
                EVP_EncryptInit_ex(context.get(), cipher, nullptr, Bytes(key), iv) == 1 &&
                EVP_EncryptUpdate(context.get(), to, &n, Bytes(block),
                                  static_cast<int>(block.size())) == 1 &&
                EVP_EncryptFinal_ex(context.get(), to + n, &last) == 1;
    if (good && gcm)
      good = EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag) == 1;
    if (!good) return absl::InternalError("encryption failed");
    data.resize(static_cast<size_t>(n + last));
    Append32(&out, gcm ? kMagicGcm : mode == CipherMode::kAesCbc ? kMagicCbc : kMagicSm4);
    if (gcm) out.append(reinterpret_cast<const char*>(tag), kTagBytes);
    Append32(&out, static_cast<uint32_t>(24 + data.size()));
    Append32(&out, kIvBytes);
    out.append(reinterpret_cast<const char*>(iv), kIvBytes);
    Append32(&out, static_cast<uint32_t>(data.size()));
    out += data;
  }
  return out;
}

}  // namespace mirin::mindir
