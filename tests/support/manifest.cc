#include "tests/support/manifest.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace mirin::testing {

// manifest.txt is made from manifest.json by manifest_to_text.py: one model a line, fields separated by tabs.
std::vector<ModelCase> ReadManifest() {
  std::ifstream file("tests/models/manifest.txt");
  std::vector<ModelCase> cases;
  for (std::string line; std::getline(file, line);) {
    std::stringstream fields(line);
    ModelCase c;
    std::string tolerance, relative;
    std::getline(fields, c.name, '\t');
    std::getline(fields, c.file, '\t');
    std::getline(fields, c.npz, '\t');
    std::getline(fields, tolerance, '\t');
    std::getline(fields, relative, '\t');
    std::getline(fields, c.key, '\t');
    std::getline(fields, c.mode, '\t');
    c.tolerance = std::atof(tolerance.c_str());
    c.relative = std::atof(relative.c_str());
    c.file = "tests/models/" + c.file;
    c.npz = "tests/models/" + c.npz;
    cases.push_back(c);
  }
  return cases;
}

}  // namespace mirin::testing
