#!/bin/bash
# Calls the go command in a folder of its own, without network.
#   go_build.sh cache GO OUT [FLAG]... PACKAGE...             a tar of the build cache with these standard packages
#   go_build.sh program GO OUT CACHE MODULE-FILE... -- FILE... a program of these files, which may import mirin.dev/go
#   go_build.sh test GO OUT CACHE MODULE-FILE... --            the test program of the module's package PACKAGE
#   go_build.sh vet GO OUT CACHE MODULE-FILE...                gofmt and go vet; OUT gets what they say
# MODULE-FILE: also those of @go_modules. FLAGS: of go test or go vet. LDFLAGS: of the linker. Only the race detector takes cgo.
set -eu
mode=$1 go=$(readlink -f "$2") out=$PWD/$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOROOT=${go%/bin/go} HOME=$work GOPATH=$work/path GOCACHE=$work/cache GOTOOLCHAIN=local GOSUMDB=off GOWORK=off
export GOPROXY=file://$work/external/go_modules/modules/cache/download,off GOFLAGS='-trimpath -modcacherw'
export CGO_ENABLED=0 PATH=${go%/go}:/usr/bin:/bin
[[ " ${FLAGS:-} $* " != *" -race "* ]] || CGO_ENABLED=1
mkdir "$GOCACHE"

if [[ $mode == cache ]]; then
  (cd "$work" && go build "$@" && tar -C cache -cf "$out" .)
  exit
fi

tar -C "$GOCACHE" -xf "$1"
shift
sources=()
while (($#)) && [[ $1 != -- ]]; do
  sources+=("$1")
  shift
done
(($# == 0)) || shift
cp --parents -L "${sources[@]}" "$work"
read -ra flags <<<"${FLAGS:-}"

# quietly COMMAND...: what it says on the way is shown when it fails only.
quietly() { "$@" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }; }

case $mode in
program)
  mkdir "$work/program"
  cp -L "$@" "$work/program"
  cd "$work/program"
  quietly go mod init program
  go mod edit -require=mirin.dev/go@v0.0.0 -replace=mirin.dev/go=../go
  cp ../go/go.sum .
  quietly go mod tidy
  unformatted=$(gofmt -l .)
  [[ -z $unformatted ]] || { echo "not formatted: $unformatted" >&2; exit 1; }
  go vet .
  go build -ldflags="${LDFLAGS:-}" -o "$out" .
  ;;
test)
  cd "$work/go"
  quietly go mod download
  go test "${flags[@]}" -c -o "$out" "$PACKAGE"
  ;;
vet)
  cd "$work/go"
  quietly go mod download
  { gofmt -l . && go vet "${flags[@]}" ./...; } >"$out" 2>&1 || echo "go vet failed" >>"$out"
  ;;
esac
