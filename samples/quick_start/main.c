/* Classifies PNG images of handwritten digits with a MindIR model through Mirin's C API.
     quick_start [DIRECTORY]   DIRECTORY holds digits.mindir and images/ (default: the data of this
   sample) */
#include <dirent.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mirin/mirin.h"

enum { kSide = 8, kDigits = 10, kMaxPath = 4096 };

static int fail(const char* what, mirin_status* status) {
  fprintf(stderr, "quick_start: %s: %s\n", what,
          status == NULL ? "failed" : mirin_status_message(status));
  mirin_status_destroy(status);
  return 1;
}

/* Reads an 8 x 8 image as grey values in 0..1. */
static int read_image(const char* path, float* pixels) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&image, path) == 0) return 0;
  image.format = PNG_FORMAT_GRAY;
  unsigned char bytes[kSide * kSide];
  if (image.width != kSide || image.height != kSide ||
      png_image_finish_read(&image, NULL, bytes, 0, NULL) == 0) {
    png_image_free(&image);
    return 0;
  }
  for (int i = 0; i < kSide * kSide; ++i) pixels[i] = (float)bytes[i] / 255.0f;
  return 1;
}

static int is_png(const struct dirent* entry) {
  const char* dot = strrchr(entry->d_name, '.');
  return dot != NULL && strcmp(dot, ".png") == 0;
}

static int classify(mirin_session* session, mirin_tensor* input, const char* directory,
                    const char* name) {
  char path[kMaxPath];
  snprintf(path, sizeof path, "%s/images/%s", directory, name);
  if (!read_image(path, (float*)mirin_tensor_mutable_data(input))) return fail(path, NULL);
  const mirin_tensor* inputs[] = {input};
  const mirin_tensor* output = NULL;
  mirin_status* status = mirin_session_run(session, inputs, 1, &output, 1);
  if (status != NULL) return fail(name, status);
  const float* logits = (const float*)mirin_tensor_data(output);
  int best = 0;
  for (int d = 1; d < kDigits; ++d) {
    if (logits[d] > logits[best]) best = d;
  }
  float sum = 0;
  for (int d = 0; d < kDigits; ++d) sum += expf(logits[d] - logits[best]);
  printf("%s  %d  %.2f\n", name, best, 1.0 / sum);
  return 0;
}

int main(int argc, char** argv) {
  const char* directory = argc > 1 ? argv[1] : "samples/quick_start/data";
  char path[kMaxPath];
  snprintf(path, sizeof path, "%s/digits.mindir", directory);

  mirin_model* model = NULL;
  mirin_session* session = NULL;
  mirin_tensor* input = NULL;
  mirin_status* status = mirin_model_load_file(path, NULL, &model);
  if (status == NULL) status = mirin_session_create(model, NULL, &session);
  if (status == NULL) {
    status =
        mirin_tensor_create(mirin_model_input_dtype(model, 0), mirin_model_input_dims(model, 0),
                            (size_t)mirin_model_input_rank(model, 0), &input);
  }
  int result = status == NULL ? 0 : fail("cannot load the model", status);

  if (result == 0) {
    struct dirent** entries = NULL;
    snprintf(path, sizeof path, "%s/images", directory);
    const int count = scandir(path, &entries, is_png, alphasort);
    if (count < 0) result = fail(path, NULL);
    for (int i = 0; i < count; ++i) {
      if (result == 0) result = classify(session, input, directory, entries[i]->d_name);
      free(entries[i]);
    }
    free(entries);
  }
  mirin_tensor_destroy(input);
  mirin_session_destroy(session);
  mirin_model_destroy(model);
  return result;
}
