#include "mirin/config.h"

#include "c_api/src/boundary.h"

mirin_status* mirin_config_create(mirin_config** out_config) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(out_config);
  *out_config = new mirin_config();
  return nullptr;
  MIRIN_C_END
}

void mirin_config_destroy(mirin_config* config) { delete config; }

mirin_status* mirin_config_load_file(mirin_config* config, const char* path) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(config);
  MIRIN_C_REQUIRE(path);
  return mirin::c_api::ToC(config->config.Load(path));
  MIRIN_C_END
}

mirin_status* mirin_config_set(mirin_config* config, const char* section, const char* key,
                               const char* value) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(config);
  MIRIN_C_REQUIRE(section);
  MIRIN_C_REQUIRE(key);
  MIRIN_C_REQUIRE(value);
  return mirin::c_api::ToC(config->config.Set(section, key, value));
  MIRIN_C_END
}
