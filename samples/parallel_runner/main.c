/* Threads share one pool of workers through Mirin's C API: each classifies its part of the digits
   and counts the right answers. parallel_runner [DIRECTORY [MODEL]]   DIRECTORY holds digits.bin;
   the default is the data of this sample and quick_start's model */
#include <pthread.h>
#include <stdio.h>

#include "mirin/mirin.h"

enum { kPixels = 64, kDigits = 10, kThreads = 4, kMaxImages = 1024, kMaxPath = 4096 };

/* One record of digits.bin. */
typedef struct Image {
  unsigned char label;
  unsigned char pixels[kPixels];
} Image;

typedef struct Share {
  const mirin_pool* pool;
  const Image* images;
  size_t count;
  size_t first; /* of every kThreads-th image */
  int seen, right;
  mirin_status* status;
} Share;

/* A const pool may be used by any number of threads at once. */
static void* classify(void* argument) {
  Share* share = (Share*)argument;
  const int64_t dims[] = {1, 1, 8, 8};
  float values[kPixels];
  mirin_tensor* input = NULL;
  share->status =
      mirin_tensor_create_borrowed(MIRIN_DTYPE_F32, dims, 4, values, sizeof values, &input);
  for (size_t i = share->first; i < share->count && share->status == NULL; i += kThreads) {
    for (int k = 0; k < kPixels; ++k) values[k] = (float)share->images[i].pixels[k] / 255.0f;
    const mirin_tensor* inputs[] = {input};
    mirin_tensor* output = NULL;
    share->status = mirin_pool_run(share->pool, inputs, 1, NULL, &output, 1);
    if (share->status != NULL) break;
    const float* logits = (const float*)mirin_tensor_data(output);
    int best = 0;
    for (int d = 1; d < kDigits; ++d) {
      if (logits[d] > logits[best]) best = d;
    }
    share->seen += 1;
    share->right += best == share->images[i].label;
    mirin_tensor_destroy(output);
  }
  mirin_tensor_destroy(input);
  return NULL;
}

int main(int argc, char** argv) {
  const char* directory = argc > 1 ? argv[1] : "samples/parallel_runner/data";
  const char* model_path = argc > 2 ? argv[2] : "samples/quick_start/data/digits.mindir";
  char path[kMaxPath];
  static Image images[kMaxImages];
  snprintf(path, sizeof path, "%s/digits.bin", directory);
  FILE* file = fopen(path, "rb");
  const size_t count = file == NULL ? 0 : fread(images, sizeof images[0], kMaxImages, file);
  if (file != NULL) fclose(file);
  if (count == 0) {
    fprintf(stderr, "parallel_runner: cannot read %s\n", path);
    return 1;
  }

  mirin_model* model = NULL;
  mirin_pool* pool = NULL;
  /* [START pool] */
  mirin_session_options worker = MIRIN_SESSION_OPTIONS_INIT;
  mirin_pool_options options = MIRIN_POOL_OPTIONS_INIT;
  worker.threads = 1;
  options.workers = 2; /* callers that find both busy wait in the queue */
  options.session = &worker;
  mirin_status* status = mirin_model_load_file(model_path, NULL, &model);
  if (status == NULL) status = mirin_pool_create(model, &options, &pool);
  /* [END pool] */

  Share shares[kThreads];
  pthread_t threads[kThreads];
  size_t started = 0;
  for (; status == NULL && started < kThreads; ++started) {
    const Share share = {pool, images, count, started, 0, 0, NULL};
    shares[started] = share;
    if (pthread_create(&threads[started], NULL, classify, &shares[started]) != 0) {
      status = mirin_status_create(MIRIN_RESOURCE_EXHAUSTED, "no thread could be started");
      break;
    }
  }
  int seen = 0, right = 0;
  for (size_t t = 0; t < started; ++t) {
    pthread_join(threads[t], NULL);
    printf("thread %d: %d of %d right\n", (int)t, shares[t].right, shares[t].seen);
    seen += shares[t].seen;
    right += shares[t].right;
    if (status == NULL) {
      status = shares[t].status;
    } else {
      mirin_status_destroy(shares[t].status);
    }
  }
  if (status == NULL)
    printf("%d threads, %d workers: %d of %d right\n", kThreads, (int)mirin_pool_workers(pool),
           right, seen);
  if (status != NULL) fprintf(stderr, "parallel_runner: %s\n", mirin_status_message(status));
  const int result = status == NULL ? 0 : 1;
  mirin_status_destroy(status);
  mirin_pool_destroy(pool);
  mirin_model_destroy(model);
  return result;
}
