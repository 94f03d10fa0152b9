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
