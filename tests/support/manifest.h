// The list of test models (tests/models/manifest.json) as a test program sees it.
#ifndef TESTS_SUPPORT_MANIFEST_H_
#define TESTS_SUPPORT_MANIFEST_H_

#include <string>
#include <vector>

namespace mirin::testing {

struct ModelCase {
  std::string name;
  std::string file;  // path to open
  std::string npz;
  double tolerance = 0;
  double relative = 0;
  std::string key;  // empty: not encrypted
  std::string mode;
};

// Every model of the manifest; `files` are relative to the test's working directory.
std::vector<ModelCase> ReadManifest();

}  // namespace mirin::testing

#endif  // TESTS_SUPPORT_MANIFEST_H_
