#!/bin/sh
# Makes the certificates of the tests again, in this folder: an authority with a server and a client, and one that nobody trusts.
set -eu
cd "$(dirname "$0")"
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1_key.pem" -out "$1.pem" -days 36500 \
    -subj "/CN=Mirin test $1" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
}
leaf() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1_key.pem" -out "$1.csr" -subj "/CN=$1"
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nkeyUsage=digitalSignature\n' >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2_key.pem" -CAcreateserial -out "$1.pem" -days 36500 -extfile "$1.ext"
  rm "$1.csr" "$1.ext"
}
authority ca
authority rogue_ca
leaf server ca
leaf client ca
leaf rogue_client rogue_ca
rm ./*.srl ca_key.pem rogue_ca_key.pem
