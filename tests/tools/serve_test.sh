#!/bin/bash
# serve_test.sh MIRIN TENSOR_ADD: `mirin serve` and `mirin load` together, over every protocol, until SIGTERM.
set -euo pipefail
mirin=$PWD/$1 model=$PWD/$2
dir=$(mktemp -d "${TEST_TMPDIR:-/tmp}/serveXXXXXX")
trap 'kill "$server" 2> "$dir/kill" || true; rm -rf "$dir"' EXIT
mkdir -p "$dir/models/add/1"
cp "$model" "$dir/models/add/1/"
cd "$dir" # paths of sockets are short
exec {lines}< <(exec "$mirin" serve "$dir/models" --all --grpc=127.0.0.1:0 --http="127.0.0.1:0,unix:http" --drain-seconds=20 \
  --access-log --log-format=json --log-file="$dir/log")
server=$!
grpc='' http=''
while read -r word rest <&"$lines"; do
  case $word in
    grpc) grpc=$rest ;;
    http) [[ $rest == unix:* ]] || http=$rest ;;
    serving) break ;;
  esac
done
[[ $grpc == 127.0.0.1:* && $http == 127.0.0.1:* && $word == serving ]]

load() { # arguments: 50 good answers
  "$mirin" load "$@" --model=add --warmup=0 --duration=50 --requests=50 --concurrency=2 --json > "$dir/report"
  grep -q '"requests":50,"failed":0,' "$dir/report" || { cat "$dir/report"; exit 1; }
}
load "$grpc"
load "http://$http"
load "http://$http" --binary --rate=10000
load "unix:http" --protocol=oip-http
shape='x:FP32:2,2;y:FP32:2,2'
load "$grpc" --protocol=ms-grpc --method=predict --shape="$shape" --batch=3
load "$http" --protocol=ms-http --method=predict --shape="$shape" --batch=3

# errors are counted, not hidden
status=0
"$mirin" load "http://$http" --model=add --shape='x:FP32:3;y:FP32:3' --warmup=0 --duration=50 --requests=5 --json > "$dir/report" || status=$?
[[ $status == 1 ]]
grep -q '"failed":5,.*"400":{"count":5,' "$dir/report" || { cat "$dir/report"; exit 1; }

kill -TERM "$server"
wait "$server"  # its status: 0
[[ $(grep -c '"event":"request","protocol":"http"' "$dir/log") == 205 ]] || { tail -3 "$dir/log"; exit 1; }
[[ ! -e http ]]
