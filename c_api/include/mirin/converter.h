/* The converter: models of other frameworks become MindIR. In libmirin_converter.so, which needs libmirin.so beside it.

   A converter is a set of named options and, after a run, what came of it:

     mirin_converter* converter = NULL;
     mirin_status* s = mirin_converter_create(&converter);
     if (s == NULL) s = mirin_converter_set(converter, "fmk", "ONNX");
     if (s == NULL) s = mirin_converter_set(converter, "modelFile", "net.onnx");
     if (s == NULL) s = mirin_converter_set(converter, "outputFile", "net");
     if (s == NULL) s = mirin_converter_run(converter);
     if (s != NULL) fputs(mirin_converter_report(converter, MIRIN_REPORT_TEXT), stderr);

   A converter is for one thread at a time; any number of them may run at once. */
#ifndef MIRIN_CONVERTER_H_
#define MIRIN_CONVERTER_H_

#include "mirin/base.h"
#include "mirin/status.h"

MIRIN_BEGIN_DECLS

typedef struct mirin_converter mirin_converter;

typedef enum mirin_report_format {
  MIRIN_REPORT_TEXT = 0,
  MIRIN_REPORT_JSON = 1,
  MIRIN_REPORT_HTML = 2
} mirin_report_format;

/* A converter with every option at its default.
   Errors: INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_converter_create(mirin_converter** out_converter);

/* Frees the converter and forgets its keys; NULL is fine.
   @since 1.0 */
MIRIN_API void mirin_converter_destroy(mirin_converter* converter);

/* Sets an option; the names and values are the flags of the converter_lite program without their dashes, such as "fmk",
   "modelFile", "inputShape" (docs/converter.md lists them). value: UTF-8, copied; "" restores the default.
   Errors: INVALID_ARGUMENT (unknown name, or a value that the option does not take), UNIMPLEMENTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_converter_set(mirin_converter* converter, const char* name,
                                            const char* value);

/* Converts. With "outputFile" the model is written there, whole or not at all; without it, it stays in memory. The first error
   is returned; the report has all of them.
   Errors: NOT_FOUND, PERMISSION_DENIED, DATA_LOSS, UNIMPLEMENTED (with the node), INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_converter_run(mirin_converter* converter);

/* Finds what a run would find, also by loading the result, and writes nothing but "reportFile": the first error is returned,
   the report has all of them.
   Errors: as mirin_converter_run.
   @since 1.0 */
MIRIN_API mirin_status* mirin_converter_check(mirin_converter* converter);

/* What the last run or check found; "" before any run, NULL for NULL. Borrowed from the converter until its next call.
   @since 1.0 */
MIRIN_API const char* mirin_converter_report(mirin_converter* converter,
                                             mirin_report_format format);

/* The file to load: what the last run wrote; "" when it wrote none, NULL for NULL. Borrowed until the next run.
   @since 1.0 */
MIRIN_API const char* mirin_converter_output_file(const mirin_converter* converter);

/* The model that the last run made in memory, *out_size bytes; NULL when there is none. Borrowed until the next run.
   @since 1.0 */
MIRIN_API const void* mirin_converter_model(const mirin_converter* converter, size_t* out_size);

/* What a run in progress does, such as "importing nodes"; "" between runs, NULL for NULL. *out_done of *out_total steps of it are
   done, *out_total is 0 where their number is not known; both may be NULL. From any thread, at any time. The text is a constant.
   @since 1.0 */
MIRIN_API const char* mirin_converter_progress(const mirin_converter* converter, int64_t* out_done,
                                               int64_t* out_total);

/* Every option with its values, default and meaning: a text for people, two lines an option. A constant.
   @since 1.0 */
MIRIN_API const char* mirin_converter_options(void);

MIRIN_END_DECLS

#endif /* MIRIN_CONVERTER_H_ */
