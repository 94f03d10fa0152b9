#!/bin/bash
# install_test.sh INSTALL: a sample in C and in C++ builds against the installed tree with pkg-config's flags, and runs without
# any variable set.
set -euo pipefail
install=$1
prefix=$TEST_TMPDIR/prefix
BUILD_WORKING_DIRECTORY=$TEST_TMPDIR "$install" 0.1.0 prefix
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
read -ra c <<< "$(pkg-config --cflags --libs mirin)"
read -ra cpp <<< "$(pkg-config --cflags --libs mindspore-lite)"
gcc -std=c11 -Wall -Werror samples/text/main.c -o "$TEST_TMPDIR/text_c" "${c[@]}"
g++ -std=c++17 -Wall -Werror samples/text/main.cc -o "$TEST_TMPDIR/text_cpp" "${cpp[@]}"
for program in text_c text_cpp; do
  env -u LD_LIBRARY_PATH "$TEST_TMPDIR/$program" | diff samples/text/expected.txt -
done

cat > "$TEST_TMPDIR/version.c" <<'END'
#include <mirin/converter.h>
#include <mirin/mirin.h>
#include <stdio.h>
int main(void) {
  mirin_converter* converter = NULL;
  mirin_status_destroy(mirin_converter_create(&converter));
  puts(converter == NULL ? "no converter" : mirin_version_string());
  mirin_converter_destroy(converter);
  return 0;
}
END
read -ra converter <<< "$(pkg-config --cflags --libs mirin-converter)"
gcc "$TEST_TMPDIR/version.c" -o "$TEST_TMPDIR/version" "${converter[@]}"
[[ $("$TEST_TMPDIR/version") == "$(pkg-config --modversion mirin)" ]]

mkdir -p "$TEST_TMPDIR/servables/add/1"
cp tests/models/mindir/tensor_add.mindir "$TEST_TMPDIR/servables/add/1/"
cat > "$TEST_TMPDIR/server.c" <<'END'
#include <mirin/server.h>
#include <stdio.h>
int main(void) {
  /* [START serve] */
  mirin_server* server = NULL;
  mirin_servable_options servable = MIRIN_SERVABLE_OPTIONS_INIT;
  servable.directory = "servables";
  servable.name = "add";
  mirin_listen_options listen = MIRIN_LISTEN_OPTIONS_INIT;
  listen.address = "127.0.0.1:0"; /* 0: a free port */
  int32_t grpc = 0, http = 0;
  mirin_status* status = mirin_server_create(&server);
  if (status == NULL) status = mirin_server_add(server, &servable, 1);
  if (status == NULL) status = mirin_server_listen_grpc(server, &listen, &grpc);
  if (status == NULL) status = mirin_server_listen_http(server, &listen, &http);
  if (status == NULL) printf("listening on ports %d and %d\n", grpc, http);
  /* [END serve] */
  if (status != NULL) puts(mirin_status_message(status));
  mirin_status_destroy(status);
  puts(mirin_server_status(server));
  mirin_server_stop(server, 30000000);
  mirin_server_destroy(server);
  return 0;
}
END
read -ra serving <<< "$(pkg-config --cflags --libs mirin-serving)"
gcc -Wall -Werror "$TEST_TMPDIR/server.c" -o "$TEST_TMPDIR/server" "${serving[@]}"
(cd "$TEST_TMPDIR" && ./server) > "$TEST_TMPDIR/output"
cat "$TEST_TMPDIR/output"
grep -q '^listening on ports [1-9][0-9]* and [1-9][0-9]*$' "$TEST_TMPDIR/output"
grep -q '^\[{"name":"add","version":1,"state":"READY"' "$TEST_TMPDIR/output"
