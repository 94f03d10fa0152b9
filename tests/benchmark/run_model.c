/* run_model: times one model through the C API.
     run_model MODEL [--threads N] [--rounds N] [--warmup N] [--dim N] [--profile]
   Unknown dims become --dim (default 1). Inputs are filled with small numbers. Prints one line:
     MODEL  load_ms=..  first_ms=..  median_us=..  min_us=..  rounds=..  peak_rss_mb=.. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "mirin/mirin.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3; /* microseconds */
}

static int by_value(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static void check(mirin_status* s) {
  if (s == NULL) return;
  fprintf(stderr, "run_model: %s: %s\n", mirin_code_name(mirin_status_code(s)),
          mirin_status_message(s));
  exit(1);
}

/* 0, 1, 2, 3 .. small enough to index an embedding, scaled down for floats. */
static void fill(mirin_tensor* t) {
  const int64_t n = mirin_tensor_elements(t);
  void* data = mirin_tensor_mutable_data(t);
  for (int64_t i = 0; i < n; ++i) {
    switch (mirin_tensor_dtype(t)) {
      case MIRIN_DTYPE_F32:
        ((float*)data)[i] = (float)(i % 17) * 0.05f - 0.4f;
        break;
      case MIRIN_DTYPE_I32:
        ((int32_t*)data)[i] = (int32_t)(i % 2);
        break;
      case MIRIN_DTYPE_I64:
        ((int64_t*)data)[i] = i % 2;
        break;
      default:
        return; /* zeros */
    }
  }
}

int main(int argc, char** argv) {
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
  options.threads = 1;
  const char* path = NULL;
  int rounds = 200, warmup = 20;
  int64_t dim = 1;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--profile") == 0) {
      options.profile = true;
    } else if (i + 1 < argc && strcmp(argv[i], "--threads") == 0) {
      options.threads = atoi(argv[++i]);
    } else if (i + 1 < argc && strcmp(argv[i], "--rounds") == 0) {
      rounds = atoi(argv[++i]);
    } else if (i + 1 < argc && strcmp(argv[i], "--warmup") == 0) {
      warmup = atoi(argv[++i]);
    } else if (i + 1 < argc && strcmp(argv[i], "--dim") == 0) {
      dim = atoll(argv[++i]);
    } else {
      path = argv[i];
    }
  }
  if (path == NULL || rounds < 1) {
    fprintf(
        stderr,
        "usage: run_model MODEL [--threads N] [--rounds N] [--warmup N] [--dim N] [--profile]\n");
    return 2;
  }
  const double t0 = now();
  mirin_model* model = NULL;
  mirin_session* session = NULL;
  check(mirin_model_load_file(path, NULL, &model));
  check(mirin_session_create(model, &options, &session));
  const double load = now() - t0;
  const size_t n = mirin_model_input_count(model), m = mirin_model_output_count(model);
  mirin_tensor** inputs = calloc(n + 1, sizeof *inputs);
  const mirin_tensor** outputs = calloc(m + 1, sizeof *outputs);
  for (size_t i = 0; i < n; ++i) {
    const int32_t rank = mirin_model_input_rank(model, i);
    int64_t dims[MIRIN_MAX_RANK] = {0};
    for (int32_t d = 0; d < rank; ++d) {
      dims[d] = mirin_model_input_dims(model, i)[d];
      if (dims[d] < 0) dims[d] = dim;
    }
    check(mirin_tensor_create(mirin_model_input_dtype(model, i), dims, rank < 0 ? 0 : (size_t)rank,
                              &inputs[i]));
    fill(inputs[i]);
  }
  const double t1 = now();
  check(mirin_session_run(session, (const mirin_tensor* const*)inputs, n, outputs, m));
  const double first = now() - t1;
  double* times = calloc((size_t)rounds, sizeof *times);
  /* A round repeats a quick model often enough to be worth a look at the clock. */
  int repeat = 1;
  for (int i = 0; i < warmup; ++i) {
    const double b = now();
    check(mirin_session_run(session, (const mirin_tensor* const*)inputs, n, outputs, m));
    const double took = now() - b;
    if (i > 2 && took < 50) repeat = took < 2 ? 50 : 10;
  }
  mirin_session_profile_reset(session);
  for (int i = 0; i < rounds; ++i) {
    const double b = now();
    for (int k = 0; k < repeat; ++k)
      check(mirin_session_run(session, (const mirin_tensor* const*)inputs, n, outputs, m));
    times[i] = (now() - b) / repeat;
  }
  qsort(times, (size_t)rounds, sizeof *times, by_value);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const char* name = strrchr(path, '/');
  printf(
      "%s  load_ms=%.2f  first_ms=%.3f  median_us=%.2f  min_us=%.2f  rounds=%d  peak_rss_mb=%.1f\n",
      name == NULL ? path : name + 1, load * 1e-3, first * 1e-3, times[rounds / 2], times[0],
      rounds, (double)usage.ru_maxrss / 1024);
  if (options.profile)
    printf("%s\n%s", mirin_session_profile_table(session), mirin_session_placement(session));
  for (size_t i = 0; i < n; ++i) mirin_tensor_destroy(inputs[i]);
  free(inputs);
  free(outputs);
  free(times);
  mirin_session_destroy(session);
  mirin_model_destroy(model);
  return 0;
}
