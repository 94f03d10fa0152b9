/* Reads film reviews, sentences of any length, with a MindIR model of token ids through Mirin's C
   API. text [DIRECTORY]   DIRECTORY holds reviews.mindir, vocabulary.txt and reviews.txt (default:
   the data of this sample) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mirin/mirin.h"

enum { kMaxPath = 4096, kMaxLine = 1024, kMaxWords = 256, kMaxWord = 32 };

typedef struct Vocabulary {
  char words[kMaxWords][kMaxWord]; /* the place of a word is its id; 0 is the unknown word */
  size_t size;
} Vocabulary;

static int fail(const char* what, mirin_status* status) {
  fprintf(stderr, "text: %s: %s\n", what, status == NULL ? "failed" : mirin_status_message(status));
  mirin_status_destroy(status);
  return 1;
}

static int read_vocabulary(const char* path, Vocabulary* vocabulary) {
  FILE* file = fopen(path, "r");
  if (file == NULL) return 0;
  while (vocabulary->size < kMaxWords &&
         fscanf(file, "%31s", vocabulary->words[vocabulary->size]) == 1)
    ++vocabulary->size;
  fclose(file);
  return vocabulary->size > 0;
}

static int64_t id_of(const Vocabulary* vocabulary, const char* word) {
  for (size_t i = 1; i < vocabulary->size; ++i) {
    if (strcmp(vocabulary->words[i], word) == 0) return (int64_t)i;
  }
  return 0;
}

static int judge(mirin_session* session, const Vocabulary* vocabulary, char* line) {
  char* words[kMaxWords];
  int64_t ids[kMaxWords];
  int64_t length = 0;
  for (char* word = strtok(line, " \n"); word != NULL && length < kMaxWords;
       word = strtok(NULL, " \n")) {
    words[length] = word;
    ids[length++] = id_of(vocabulary, word);
  }
  /* [START run] */
  /* The ids are read where they are; each run may have another length. */
  const int64_t dims[] = {1, length};
  mirin_tensor* input = NULL;
  mirin_status* status = mirin_tensor_create_borrowed(MIRIN_DTYPE_I64, dims, 2, ids,
                                                      (size_t)length * sizeof ids[0], &input);
  const mirin_tensor* inputs[] = {input};
  const mirin_tensor* outputs[2] = {NULL, NULL};
  if (status == NULL) status = mirin_session_run(session, inputs, 1, outputs, 2);
  mirin_tensor_destroy(input);
  if (status != NULL) return fail("cannot run", status);

  const float* probabilities = (const float*)mirin_tensor_data(outputs[0]);
  const float* weights = (const float*)mirin_tensor_data(outputs[1]);
  /* [END run] */
  const int64_t* shape = mirin_tensor_dims(outputs[1]);
  const int positive = probabilities[1] > probabilities[0];
  int64_t heaviest = 0;
  for (int64_t i = 1; i < length; ++i) {
    if (weights[i] > weights[heaviest]) heaviest = i;
  }
  printf("[1, %d] -> [%d, %d]  %s %.2f  %s %.2f\n", (int)length, (int)shape[0], (int)shape[1],
         positive ? "positive" : "negative", probabilities[positive], words[heaviest],
         weights[heaviest]);
  return 0;
}

int main(int argc, char** argv) {
  const char* directory = argc > 1 ? argv[1] : "samples/text/data";
  char path[kMaxPath];
  static Vocabulary vocabulary;
  snprintf(path, sizeof path, "%s/vocabulary.txt", directory);
  if (!read_vocabulary(path, &vocabulary)) return fail(path, NULL);

  /* [START load] */
  mirin_model* model = NULL;
  mirin_session* session = NULL;
  snprintf(path, sizeof path, "%s/reviews.mindir", directory);
  mirin_status* status = mirin_model_load_file(path, NULL, &model);
  if (status == NULL) status = mirin_session_create(model, NULL, &session);
  /* [END load] */
  int result = status == NULL ? 0 : fail("cannot load the model", status);

  snprintf(path, sizeof path, "%s/reviews.txt", directory);
  FILE* reviews = result == 0 ? fopen(path, "r") : NULL;
  if (result == 0 && reviews == NULL) result = fail(path, NULL);
  char line[kMaxLine];
  while (result == 0 && fgets(line, sizeof line, reviews) != NULL)
    result = judge(session, &vocabulary, line);
  if (reviews != NULL) fclose(reviews);
  mirin_session_destroy(session);
  mirin_model_destroy(model);
  return result;
}
