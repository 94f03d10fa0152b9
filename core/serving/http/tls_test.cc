// TLS as clients meet it.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "core/serving/http/test_util.h"
#include "core/serving/testing/certificates.h"
#include "gtest/gtest.h"

namespace mirin::serving {
namespace {

struct Result {
  bool connected = false;
  std::string answer;
  std::string version;
  std::string protocol;  // by ALPN
};

class HttpTlsTest : public HttpServerTest {
 protected:
  void StartTls(bool verify_client) {
    TransportOptions options;
    options.tls = std::make_unique<TlsOptions>();
    options.tls->certificate = server_pair_.certificate;
    options.tls->private_key = server_pair_.key;
    options.tls->client_ca = authority_.certificate;
    options.tls->verify_client = verify_client;
    Start(std::move(options));
  }

  // One request; pair null: without a certificate.
  Result Connect(const PemPair* pair, int max_version = TLS1_3_VERSION) {
    Result result;
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
        SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_min_proto_version(context.get(), 0);
    SSL_CTX_set_max_proto_version(context.get(), max_version);
    SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    X509* ca = Read(authority_.certificate);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca);
    X509_free(ca);
    if (pair != nullptr) {
      X509* certificate = Read(pair->certificate);
      SSL_CTX_use_certificate(context.get(), certificate);
      X509_free(certificate);
      BIO* bio = BIO_new_mem_buf(pair->key.data(), static_cast<int>(pair->key.size()));
      EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
      SSL_CTX_use_PrivateKey(context.get(), key);
      EVP_PKEY_free(key);
      BIO_free(bio);
    }
    Client socket(server_->port());
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
    SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"),
                        12);
    SSL_set_fd(ssl.get(), socket.descriptor());
    if (SSL_connect(ssl.get()) == 1) {
      // A refused certificate shows itself at the first read under TLS 1.3.
      result.version = SSL_get_version(ssl.get());
      const unsigned char* protocol;
      unsigned size;
      SSL_get0_alpn_selected(ssl.get(), &protocol, &size);
      result.protocol.assign(reinterpret_cast<const char*>(protocol), size);
      // In two records, the second of which is there before the first is read.
      const std::string text =
          PostText(kEcho, kBody) +
          PostText(kEcho, std::string(100000, ' ') + kBody, "Connection: close\r\n");
      size_t done;
      if (SSL_write_ex(ssl.get(), text.data(), text.size(), &done) == 1) {
        char bytes[4096];
        while (SSL_read_ex(ssl.get(), bytes, sizeof bytes, &done) == 1)
          result.answer.append(bytes, done);
      }
      result.connected = !result.answer.empty();
    }
    ERR_clear_error();
    return result;
  }

  static X509* Read(const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return certificate;
  }
  static int Answers(const Result& result) {
    int count = 0;
    for (size_t at = result.answer.find(kAnswer); at != result.answer.npos;
         at = result.answer.find(kAnswer, at + 1))
      ++count;
    return count;
  }

  const PemPair authority_ = MakeAuthority("authority");
  const PemPair other_authority_ = MakeAuthority("other");
  const PemPair server_pair_ = MakeCertificate("localhost", authority_);
};

TEST_F(HttpTlsTest, SpeaksTls12And13Only) {
  StartTls(false);
  const Result newest = Connect(nullptr);
  EXPECT_EQ(newest.version, "TLSv1.3");
  EXPECT_EQ(newest.protocol, "http/1.1");
  EXPECT_EQ(Answers(newest), 2);
  const Result older = Connect(nullptr, TLS1_2_VERSION);
  EXPECT_EQ(older.version, "TLSv1.2");
  EXPECT_EQ(Answers(older), 2);
  EXPECT_FALSE(Connect(nullptr, TLS1_1_VERSION).connected);
  Client plain(server_->port());
  plain.Send(PostText(kEcho, kBody));
  plain.EndWriting();
  EXPECT_EQ(plain.Read().status, 0);
  metrics_.AwaitConnections(0);
}

TEST_F(HttpTlsTest, WantsCertificatesOfItsAuthorityOnly) {
  StartTls(true);
  const PemPair good = MakeCertificate("client", authority_),
                bad = MakeCertificate("client", other_authority_);
  EXPECT_EQ(Answers(Connect(&good)), 2);
  EXPECT_FALSE(Connect(nullptr).connected);
  EXPECT_FALSE(Connect(&bad).connected);
  EXPECT_FALSE(Connect(nullptr, TLS1_2_VERSION).connected);
  metrics_.AwaitConnections(0);
}

TEST_F(HttpTlsTest, RefusesBadPem) {
  const auto start = [&](const std::string& certificate, const std::string& key,
                         const std::string& ca) {
    TransportOptions options;
    options.address = "127.0.0.1:0";
    options.tls = std::make_unique<TlsOptions>();
    options.tls->certificate = certificate;
    options.tls->private_key = key;
    options.tls->client_ca = ca;
    options.tls->verify_client = true;
    return StartHttp({&engine_, &metrics_, &shared_memory_, &settings_}, std::move(options))
        .status();
  };
  const std::string& certificate = server_pair_.certificate;
  const std::string& key = server_pair_.key;
  EXPECT_EQ(start("", key, certificate).message(),
            "TLS: the certificate is not a certificate in PEM form");
  EXPECT_EQ(start(certificate + certificate.substr(0, certificate.size() / 2), key, certificate)
                .message(),
            "TLS: the certificate is not a chain of certificates in PEM form");
  EXPECT_EQ(start(certificate, certificate, certificate).message(),
            "TLS: the private key is not a key in PEM form without a password");
  EXPECT_EQ(start(certificate, key, certificate + "-----BEGIN CERTIFICATE-----\nx").message(),
            "TLS: the clients' authority is not certificates in PEM form");
  EXPECT_EQ(start(certificate, other_authority_.key, certificate).message(),
            "TLS: the private key is not that of the certificate");
}

TEST_F(HttpTlsTest, EndsHandshakesThatDoNotCome) {
  TransportOptions options;
  options.tls = std::make_unique<TlsOptions>();
  options.tls->certificate = server_pair_.certificate;
  options.tls->private_key = server_pair_.key;
  options.header_timeout = absl::Milliseconds(50);
  Start(std::move(options));
  EXPECT_TRUE(Client(server_->port()).Ended());
}

}  // namespace
}  // namespace mirin::serving
