#!/usr/bin/env bash
# Runs each example against a running shop: npm start in another terminal, then bash examples/run.sh. CI gives it a shop of
# its own: node tools/with-shop.ts bash examples/run.sh. Needs Go and Python.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
export ONLY2U_DATA="${ONLY2U_DATA:-$PWD/.data}" PRODUCT_ADDRESS="${PRODUCT_ADDRESS:-127.0.0.1:50052}"
identity="$ONLY2U_DATA/identity/operator"
word=shirt

bash examples/buy.sh

# found NAME COMMAND…: fails unless the command finds something.
found() {
  local name=$1 answer
  shift
  answer=$("$@")
  printf '\n%s\n%s\n' "$name" "$answer"
  [ -n "$answer" ] || { echo "$name found nothing" >&2; exit 1; }
}

node tools/certificate.ts operator

found 'Go' env -C examples/go go run . "$word"

[ -d .tools/examples ] || python3 -m venv .tools/examples
.tools/examples/bin/pip install --quiet ./gen/python
found 'Python' .tools/examples/bin/python examples/python/search.py "$word"

GOBIN="$PWD/.tools/bin" go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
secure=(-cacert "$identity/ca.pem" -cert "$identity/cert.pem" -key "$identity/key.pem")
found 'grpcurl' .tools/bin/grpcurl "${secure[@]}" -d "{\"query\":\"$word\",\"page_size\":1}" "$PRODUCT_ADDRESS" only2u.product.v1.ProductService/SearchProducts

# refused HOW TEXT COMMAND…: fails unless the command is refused with the text.
refused() {
  local how=$1 text=$2 answer
  shift 2
  if answer=$("$@" 2>&1); then
    echo "$how: answered, though it should have been refused." >&2
    exit 1
  fi
  grep -q "$text" <<< "$answer" || { echo "$answer" >&2; exit 1; }
  printf '\n%s: refused\n%s\n' "$how" "$answer"
}

search=(-d '{"query":"shirt"}' "$PRODUCT_ADDRESS" only2u.product.v1.ProductService/SearchProducts)
refused 'Without a certificate' 'certificate' .tools/bin/grpcurl -cacert "$identity/ca.pem" "${search[@]}"

node tools/certificate.ts coupon > /dev/null
coupon="$ONLY2U_DATA/identity/coupon"
refused 'As a workload without the grant' 'CALLER_NOT_GRANTED' \
  .tools/bin/grpcurl -cacert "$coupon/ca.pem" -cert "$coupon/cert.pem" -key "$coupon/key.pem" "${search[@]}"
