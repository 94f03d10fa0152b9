/* Devices that this library can run on. */
#ifndef MIRIN_DEVICE_H_
#define MIRIN_DEVICE_H_

#include "mirin/base.h"

MIRIN_BEGIN_DECLS

/* How many devices this build knows, in mirin_device_name's order.
   @since 1.0 */
MIRIN_API size_t mirin_device_count(void);

/* Name of device i for mirin_session_options.devices ("cpu", "reference"); NULL when i is out of range. Static text.
   @since 1.0 */
MIRIN_API const char* mirin_device_name(size_t i);

/* A line for people about device i (instruction set, threads); NULL when i is out of range. Static text.
   @since 1.0 */
MIRIN_API const char* mirin_device_description(size_t i);

MIRIN_END_DECLS

#endif /* MIRIN_DEVICE_H_ */
