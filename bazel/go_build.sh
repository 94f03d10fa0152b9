#!/bin/bash
# Calls the go command in a folder of its own, without network.
#   go_build.sh cache GO OUT [FLAG]... PACKAGE...             a tar of the build cache with these standard packages
#   go_build.sh program GO OUT CACHE MODULE-FILE... -- FILE... a program of these files, which may import mirin.dev/go
#   go_build.sh test GO OUT CACHE MODULE-FILE... --            the test program of the module's first package
#   go_build.sh vet GO OUT CACHE MODULE-FILE...                gofmt and go vet; OUT gets what they say
# FLAGS: of go test or go vet. LDFLAGS: more flags of the linker.
set -eu
mode=$1 go=$(readlink -f "$2") out=$PWD/$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOROOT=${go%/bin/go} HOME=$work GOPATH=$work/path GOCACHE=$work/cache GOTOOLCHAIN=local GOSUMDB=off GOPROXY=off GOWORK=off
export GOFLAGS=-trimpath CGO_ENABLED=1 PATH=${go%/go}:/usr/bin:/bin
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

case $mode in
program)
  mkdir "$work/program"
  cp -L "$@" "$work/program"
  cd "$work/program"
  go mod init program 2>/dev/null
  go mod edit -require=mirin.dev/go@v0.0.0 -replace=mirin.dev/go=../go
  unformatted=$(gofmt -l .)
  [[ -z $unformatted ]] || { echo "not formatted: $unformatted" >&2; exit 1; }
  go vet .
  CGO_LDFLAGS="-O2 ${LDFLAGS:-}" go build -o "$out" .
  ;;
test)
  cd "$work/go"
  go test "${flags[@]}" -c -o "$out" .
  ;;
vet)
  cd "$work/go"
  { gofmt -l . && go vet "${flags[@]}" ./...; } >"$out" 2>&1 || echo "go vet failed" >>"$out"
  ;;
esac
