/* Runs an encrypted MindIR model through Mirin's C API; the key comes from a file.
     encrypted [DIRECTORY]   DIRECTORY holds digits_encrypted.mindir, key.txt and digits.bin
   (default: the data of this sample) The model is quick_start's: converter_lite --fmk=MINDIR
   --modelFile=digits.mindir --outputFile=digits_encrypted --encryptKey=$(cat key.txt) */
#include <stdio.h>
#include <string.h>

#include "mirin/mirin.h"

enum { kPixels = 64, kDigits = 10, kKeySize = 16, kMaxPath = 4096 };

/* A key file has the key's bytes as hexadecimal digits. */
static int read_key(const char* path, unsigned char* key) {
  FILE* file = fopen(path, "r");
  if (file == NULL) return 0;
  int read = 0;
  unsigned int byte = 0;
  while (read < kKeySize && fscanf(file, "%2x", &byte) == 1) key[read++] = (unsigned char)byte;
  fclose(file);
  return read == kKeySize;
}

/* [START load] */
static mirin_status* load(const char* path, const unsigned char* key, mirin_model** out_model) {
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  options.key = key;
  options.key_size = key == NULL ? 0 : kKeySize;
  return mirin_model_load_file(path, &options, out_model);
}
/* [END load] */

/* Tells that a model without its key is of no use. */
static void show_refusal(const char* path, const unsigned char* key, const char* what) {
  mirin_model* model = NULL;
  mirin_status* status = load(path, key, &model);
  printf("%s: %s\n", what, status == NULL ? "loaded" : "refused");
  mirin_status_destroy(status);
  mirin_model_destroy(model);
}

static mirin_status* classify(const mirin_model* model, FILE* images) {
  const int64_t dims[] = {1, 1, 8, 8};
  unsigned char record[1 + kPixels]; /* a label and 8 x 8 pixels */
  float values[kPixels];
  mirin_tensor* input = NULL;
  mirin_status* status =
      mirin_tensor_create_borrowed(MIRIN_DTYPE_F32, dims, 4, values, sizeof values, &input);
  while (status == NULL && fread(record, sizeof record, 1, images) == 1) {
    for (int k = 0; k < kPixels; ++k) values[k] = (float)record[1 + k] / 255.0f;
    const mirin_tensor* inputs[] = {input};
    mirin_tensor* output = NULL;
    status = mirin_model_run(model, NULL, inputs, 1, &output, 1);
    if (status != NULL) break;
    const float* logits = (const float*)mirin_tensor_data(output);
    int best = 0;
    for (int d = 1; d < kDigits; ++d) {
      if (logits[d] > logits[best]) best = d;
    }
    printf("%d read as %d\n", record[0], best);
    mirin_tensor_destroy(output);
  }
  mirin_tensor_destroy(input);
  return status;
}

int main(int argc, char** argv) {
  const char* directory = argc > 1 ? argv[1] : "samples/encrypted/data";
  char path[kMaxPath];
  unsigned char key[kKeySize];
  snprintf(path, sizeof path, "%s/key.txt", directory);
  if (!read_key(path, key)) {
    fprintf(stderr, "encrypted: no key of %d bytes in %s\n", kKeySize, path);
    return 1;
  }
  snprintf(path, sizeof path, "%s/digits.bin", directory);
  FILE* images = fopen(path, "rb");
  if (images == NULL) {
    fprintf(stderr, "encrypted: cannot read %s\n", path);
    return 1;
  }
  snprintf(path, sizeof path, "%s/digits_encrypted.mindir", directory);
  show_refusal(path, NULL, "without a key");
  key[0] ^= 1;
  show_refusal(path, key, "with another key");
  key[0] ^= 1;

  mirin_model* model = NULL;
  mirin_status* status = load(path, key, &model);
  memset(key, 0, sizeof key); /* the library keeps none */
  if (status == NULL) status = classify(model, images);
  if (status != NULL) fprintf(stderr, "encrypted: %s\n", mirin_status_message(status));
  const int result = status == NULL ? 0 : 1;
  mirin_status_destroy(status);
  mirin_model_destroy(model);
  fclose(images);
  return result;
}
