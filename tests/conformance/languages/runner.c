/* runner LIST OUT: runs the pairs of languages_test.py through the C API. */
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mirin/mirin.h"

enum { kMaxFields = 64, kMaxOutputs = 32 };

typedef struct Inputs {
  mirin_tensor* tensors[kMaxFields];
  size_t count;
} Inputs;

static void die(const char* what) {
  fprintf(stderr, "runner: %s\n", what);
  exit(1);
}

static mirin_dtype dtype_of(const char* name) {
  for (int number = 0; number < 64; ++number) {
    if (strcmp(mirin_dtype_name((mirin_dtype)number), name) == 0) return (mirin_dtype)number;
  }
  die(name);
  return MIRIN_DTYPE_UNKNOWN;
}

/* dtype:dims:file */
static mirin_tensor* read_input(char* field) {
  char* dims_text = strchr(field, ':');
  char* path = dims_text == NULL ? NULL : strchr(dims_text + 1, ':');
  if (path == NULL) die("an input is not dtype:dims:file");
  *dims_text++ = '\0';
  *path++ = '\0';
  int64_t dims[MIRIN_MAX_RANK];
  size_t rank = 0;
  for (char* size = strtok(dims_text, ","); size != NULL && rank < MIRIN_MAX_RANK;
       size = strtok(NULL, ",")) {
    dims[rank++] = strtoll(size, NULL, 10);
  }
  mirin_tensor* tensor = NULL;
  if (mirin_tensor_create(dtype_of(field), dims, rank, &tensor) != NULL) die("no tensor");
  FILE* file = fopen(path, "rb");
  if (file == NULL) die(path);
  const size_t size = mirin_tensor_size(tensor);
  if (size > 0 && fread(mirin_tensor_mutable_data(tensor), size, 1, file) != 1) die(path);
  fclose(file);
  return tensor;
}

static void print_output(FILE* out, const char* name, size_t index, const mirin_tensor* tensor) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256((const unsigned char*)mirin_tensor_data(tensor), mirin_tensor_size(tensor), digest);
  fprintf(out, "%s\t%zu\t%s\t", name, index, mirin_dtype_name(mirin_tensor_dtype(tensor)));
  for (size_t i = 0; i < mirin_tensor_rank(tensor); ++i) {
    fprintf(out, "%s%" PRId64, i == 0 ? "" : ",", mirin_tensor_dims(tensor)[i]);
  }
  fputc('\t', out);
  for (size_t i = 0; i < sizeof digest; ++i) fprintf(out, "%02x", digest[i]);
  fputc('\n', out);
}

static mirin_status* run(const char* path, const char* key_hex, const Inputs* inputs,
                         const char* name, FILE* out) {
  unsigned char key[64];
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  if (strcmp(key_hex, "-") != 0) {
    unsigned int byte = 0;
    while (options.key_size < sizeof key &&
           sscanf(key_hex + 2 * options.key_size, "%2x", &byte) == 1) {
      key[options.key_size++] = (unsigned char)byte;
    }
    options.key = key;
  }
  mirin_model* model = NULL;
  mirin_session* session = NULL;
  const mirin_tensor* outputs[kMaxOutputs];
  mirin_status* status = mirin_model_load_file(path, &options, &model);
  if (status == NULL) status = mirin_session_create(model, NULL, &session);
  const size_t count = mirin_model_output_count(model);
  if (count > kMaxOutputs) die("too many outputs");
  if (status == NULL) {
    status = mirin_session_run(session, (const mirin_tensor* const*)inputs->tensors, inputs->count,
                               outputs, count);
  }
  for (size_t i = 0; status == NULL && i < count; ++i) print_output(out, name, i, outputs[i]);
  mirin_session_destroy(session);
  mirin_model_destroy(model);
  return status;
}

int main(int argc, char** argv) {
  FILE* list = argc == 3 ? fopen(argv[1], "r") : NULL;
  FILE* out = list == NULL ? NULL : fopen(argv[2], "w");
  if (out == NULL) die("usage: runner LIST OUT");
  char* line = NULL;
  size_t capacity = 0;
  while (getline(&line, &capacity, list) > 0) {
    char* fields[kMaxFields];
    size_t count = 0;
    line[strcspn(line, "\n")] = '\0';
    char* rest = line;
    while (count < kMaxFields && rest != NULL) fields[count++] = strsep(&rest, "\t");
    if (count < 3) die("a line of less than three fields");
    Inputs inputs = {{NULL}, 0};
    for (; inputs.count < count - 3; ++inputs.count) {
      inputs.tensors[inputs.count] = read_input(fields[3 + inputs.count]);
    }
    mirin_status* status = run(fields[1], fields[2], &inputs, fields[0], out);
    if (status != NULL) {
      fprintf(out, "%s\terror\t%s\n", fields[0], mirin_code_name(mirin_status_code(status)));
    }
    mirin_status_destroy(status);
    for (size_t i = 0; i < inputs.count; ++i) mirin_tensor_destroy(inputs.tensors[i]);
  }
  free(line);
  fclose(list);
  return fclose(out) == 0 ? 0 : 1;
}
