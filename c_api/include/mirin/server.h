/* The model server. In libmirin_serving.so, which needs libmirin.so beside it.

     mirin_server* server = NULL;
     mirin_servable_options servable = MIRIN_SERVABLE_OPTIONS_INIT;
     servable.directory = "servables";
     servable.name = "add";
     mirin_listen_options listen = MIRIN_LISTEN_OPTIONS_INIT;
     listen.address = "127.0.0.1:5500";
     mirin_status* s = mirin_server_create(&server);
     if (s == NULL) s = mirin_server_add(server, &servable, 1);
     if (s == NULL) s = mirin_server_listen_grpc(server, &listen, NULL);
     if (s == NULL) mirin_server_wait(server);

   Any number of threads may call the functions of one server at once. */
#ifndef MIRIN_SERVER_H_
#define MIRIN_SERVER_H_

#include "mirin/base.h"
#include "mirin/options.h"
#include "mirin/status.h"

MIRIN_BEGIN_DECLS

typedef struct mirin_server mirin_server;

/* One servable: DIRECTORY/NAME with a servable_config.py, or with folders VERSION/ that hold one .mindir file each. */
typedef struct mirin_servable_options {
  size_t struct_size;
  const char* directory;
  const char* name;
  uint64_t version;          /* 0: the newest there is */
  const int32_t* device_ids; /* a replica on each; NULL: one */
  size_t num_device_ids;
  const char* device_type; /* "CPU", "GPU", "Ascend", any case; NULL: whatever there is */
  int32_t workers;         /* Python processes for stages in Python; 0: one for each replica */
  const void* key; /* decryption key of the models: 16, 24 or 32 bytes; NULL for plain models */
  size_t key_size;
  mirin_cipher cipher;
} mirin_servable_options;

#define MIRIN_SERVABLE_OPTIONS_INIT \
  {sizeof(mirin_servable_options), NULL, NULL, 0, NULL, 0, NULL, 0, NULL, 0, MIRIN_CIPHER_AUTO}

typedef struct mirin_listen_options {
  size_t struct_size;
  const char* address; /* "HOST:PORT", "[V6]:PORT" or "unix:PATH"; port 0 takes a free one */
  uint64_t max_message_bytes;
  const char* certificate; /* TLS: PEM texts, not file names; NULL: no TLS */
  const char* private_key;
  const char* client_ca; /* clients need a certificate of this authority; NULL: they need none */
} mirin_listen_options;

#define MIRIN_LISTEN_OPTIONS_INIT {sizeof(mirin_listen_options), NULL, 100u << 20, NULL, NULL, NULL}

/* A server that serves nothing yet and listens nowhere.
   Errors: INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_server_create(mirin_server** out_server);

/* Sets an option by name; docs/serving.md lists them with their values ("python", "max_queue", "model_control", "log_level" ..).
   Errors: INVALID_ARGUMENT (unknown name, or a value that the option does not take), FAILED_PRECONDITION (too late: all but
   "max_queue" must be set before the first mirin_server_add and listen).
   @since 1.0 */
MIRIN_API mirin_status* mirin_server_set(mirin_server* server, const char* name, const char* value);

/* Loads servables, warms them up and serves them; all or none. Blocks until they are ready, which may take as long as loading
   does. A version that is served already is replaced once the new one is ready.
   Errors: INVALID_ARGUMENT, NOT_FOUND (directory, version), FAILED_PRECONDITION (servable_config.py raised: its text), those of
   mirin_model_load_file, CANCELLED (mirin_server_stop).
   @since 1.0 */
MIRIN_API mirin_status* mirin_server_add(mirin_server* server,
                                         const mirin_servable_options* servables,
                                         size_t num_servables);

/* Takes a servable away: new requests are refused, those in progress are answered. version 0: all of its versions.
   Errors: NOT_FOUND.
   @since 1.0 */
MIRIN_API mirin_status* mirin_server_remove(mirin_server* server, const char* name,
                                            uint64_t version);

/* Begins to answer gRPC calls (MSService, Open Inference, health, reflection). A server can listen at several addresses.
   out_port: gets the port, 0 for Unix sockets; may be NULL.
   Errors: INVALID_ARGUMENT (address, certificate), UNAVAILABLE (address in use).
   @since 1.0 */
MIRIN_API mirin_status* mirin_server_listen_grpc(mirin_server* server,
                                                 const mirin_listen_options* options,
                                                 int32_t* out_port);

/* The same for HTTP (MindSpore Serving's REST, Open Inference, /metrics, the status page).
   Errors: as mirin_server_listen_grpc.
   @since 1.0 */
MIRIN_API mirin_status* mirin_server_listen_http(mirin_server* server,
                                                 const mirin_listen_options* options,
                                                 int32_t* out_port);

/* Blocks until the server is stopped.
   @since 1.0 */
MIRIN_API void mirin_server_wait(mirin_server* server);

/* Refuses new requests and answers those in progress for at most drain_us microseconds, then ends them; faces, workers and servables
   go. Later calls do nothing. NULL is fine.
   @since 1.0 */
MIRIN_API void mirin_server_stop(mirin_server* server, int64_t drain_us);

/* Stops without a drain and frees the server; NULL is fine. No other call may be in progress.
   @since 1.0 */
MIRIN_API void mirin_server_destroy(mirin_server* server);

/* What is served, and what could not be (state "UNAVAILABLE", with the reason), as JSON: an array of {"name", "version", "state",
   "reason", "methods", "workers", "queued"}. NULL for NULL. Borrowed until the next call of this function by the same thread.
   @since 1.0 */
MIRIN_API const char* mirin_server_status(mirin_server* server);

/* The metrics in Prometheus' text form. Borrowed as mirin_server_status.
   @since 1.0 */
MIRIN_API const char* mirin_server_metrics(mirin_server* server);

MIRIN_END_DECLS

#endif /* MIRIN_SERVER_H_ */
