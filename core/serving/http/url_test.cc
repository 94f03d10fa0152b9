#include "core/serving/http/url.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace mirin::serving {
namespace {

TEST(Url, SplitsAndDecodes) {
  const auto text = [](absl::string_view target) {
    const Url url = ParseUrl(target);
    return url.valid ? absl::StrJoin(url.segments, "|") : std::string("-");
  };
  EXPECT_EQ(text("/"), "");
  EXPECT_EQ(text("/v2/models/a%2Fb/infer?x=/y"), "v2|models|a/b|infer");
  EXPECT_EQ(text("/a/"), "a|");
  EXPECT_EQ(text("//a"), "|a");
  EXPECT_EQ(text("http://host:1/a/b"), "a|b");
  EXPECT_EQ(text("http://host"), "");
  EXPECT_EQ(text("/%zz"), "-");
  EXPECT_EQ(text("/%4"), "-");
  EXPECT_EQ(text("a"), "-");
  EXPECT_EQ(text(""), "-");
  EXPECT_EQ(text("*"), "-");
}

TEST(Url, ReadsModelPaths) {
  const auto text = [](absl::string_view target) {
    const ModelPath path = ParseModelPath(target);
    return path.error.empty() ? absl::StrCat(path.name, "|", path.version, "|", path.method)
                              : path.error;
  };
  EXPECT_EQ(text("/model/add:f"), "add|0|f");
  EXPECT_EQ(text("/model/add/version/2:f"), "add|2|f");
  EXPECT_EQ(text("/model/add/version/0:f"), "add|0|f");
  EXPECT_EQ(text("/model/add/version/4294967294:f"), "add|4294967294|f");
  EXPECT_EQ(text("/model/my%20version/version/2:f%3Ag?a=1"), "my version|2|f:g");
  EXPECT_EQ(text("/model/version:model"), "version|0|model");
  const std::string no_model = "please check url, the keyword:[model] must contain.";
  const std::string no_method = "please check url, the keyword:[service method] must contain.";
  EXPECT_EQ(text("/add:f"), no_model);
  EXPECT_EQ(text("/model/:f"), no_model);
  EXPECT_EQ(text("/models/add:f"), no_model);
  EXPECT_EQ(text("/v1/models/add:predict"), no_model);
  EXPECT_EQ(text("/x/model/add:f"), no_model);
  EXPECT_EQ(text("/model/a/b:f"), no_model);
  EXPECT_EQ(text("/model/%zz:f"), no_model);
  EXPECT_EQ(text("/model/add"), no_method);
  EXPECT_EQ(text("/model/add:"), no_method);
  EXPECT_EQ(text("/model/add/version"), no_method);  // the original aborts
  const std::string value =
      "please check url, the keyword:[version] value invalid, request version number ";
  EXPECT_EQ(text("/model/add/version/abc:f"), value + "abc");
  EXPECT_EQ(text("/model/add/version/2x:f"), value + "2x");  // the original reads 2
  EXPECT_EQ(text("/model/add/version:f"), value);
  EXPECT_EQ(text("/model/add/version/:f"), value);
  const std::string range =
      "please check url, version number range failed, request version number ";
  EXPECT_EQ(text("/model/add/version/-1:f"), range + "-1");
  EXPECT_EQ(text("/model/add/version/4294967295:f"), range + "4294967295");
  EXPECT_EQ(text("/model/add/version/99999999999999999999999:f"),
            range + "99999999999999999999999");
}

}  // namespace
}  // namespace mirin::serving
