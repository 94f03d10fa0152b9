#include "mirin/cancellation.h"

#include "c_api/src/boundary.h"

mirin_status* mirin_cancellation_create(mirin_cancellation** out_cancellation) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(out_cancellation);
  *out_cancellation = new mirin_cancellation();
  return nullptr;
  MIRIN_C_END
}

void mirin_cancellation_cancel(mirin_cancellation* cancellation) {
  if (cancellation != nullptr) cancellation->source.Cancel();
}

void mirin_cancellation_destroy(mirin_cancellation* cancellation) { delete cancellation; }
