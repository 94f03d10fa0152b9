#!/bin/bash
# consumer_test.sh GO STD-CACHE MODULE-ZIP DOCS: a module of somebody else, with the first program of the docs, gets the released
# module through a file proxy, builds and runs where there is no C compiler, without a word about the library; then the same with
# vendored dependencies, and with the libraries beside a program that does not know where it was built.
set -euo pipefail
go=$(readlink -f "$1") cache=$PWD/$2 proxy=$(readlink -f "$(dirname "$3")/../../..") models=$PWD/tests/models/mindir docs=$PWD/$4
dependencies=$(readlink -f ../go_modules)/modules/cache/download
work=$(mktemp -d "$TEST_TMPDIR/consumer.XXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOROOT=${go%/bin/go} HOME=$work GOPATH=$work/path GOCACHE=$work/cache GOTOOLCHAIN=local GOWORK=off
export GOPROXY=file://$proxy,file://$dependencies,off GOSUMDB=off CGO_ENABLED=0
mkdir "$GOCACHE" "$work/consumer"
tar -C "$GOCACHE" -xf "$cache"

# All that the go command finds is itself.
tools=${go%/go}
for compiler in cc gcc clang tcc c++ g++ clang++; do
  if PATH=$tools type -P "$compiler"; then
    echo "$compiler is there" >&2
    exit 1
  fi
done
go() { PATH=$tools command go "$@"; }

cd "$work/consumer"
sed -n '/^```go$/,/^```$/{/^```$/q;/^```go$/d;p}' "$docs" >main.go
cp "$models/tensor_add.mindir" net.mindir
mkdir library
cat >library/main.go <<'EOF'
package main

import (
	"context"
	"fmt"

	mirin "mirin.dev/go"
)

func main() {
	fmt.Println(mirin.LibraryPath())
	_, err := mirin.Convert(context.Background(), mirin.ConvertOptions{Framework: "ONNX", ModelFile: "none.onnx"})
	fmt.Println(err.(*mirin.Error).Code)
	server, err := mirin.NewServer(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(server.Status())
}
EOF
go mod init consumer
go get mirin.dev/go@v0.1.0

# expect LIBRARIES FLAG...: builds with the flags; the programs must work, with the libraries of that folder.
expect() {
  local libraries=$1
  shift
  go build "$@" -o program . && go build "$@" -o library/program ./library
  diff <(env -i ./program && env -i ./library/program) - <<EOF
[2 4 6 8]
$libraries/libmirin.so.1 <nil>
NOT_FOUND
[] <nil>
EOF
}

expect "$GOPATH/pkg/mod/mirin.dev/go@v0.1.0/internal/lib/linux_amd64"

go mod vendor
mv "$GOPATH/pkg/mod" "$work/away"
vendored=$work/consumer/vendor/mirin.dev/go/internal/lib/linux_amd64
expect "$vendored" -mod=vendor

mkdir lib
cp "$vendored"/*.so* lib
[[ $(env -i LD_LIBRARY_PATH="$PWD/lib" library/program | head -1) == "$PWD/lib/libmirin.so.1 <nil>" ]]
cp -r lib library/lib
expect "$work/consumer/library/lib" -mod=vendor -trimpath
echo "the consumer works"
