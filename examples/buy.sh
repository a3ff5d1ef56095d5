#!/usr/bin/env bash
# Runs the README's section "Buy something" line by line against a running shop (npm start in another terminal), and fails
# unless each text behind an arrow came, in this order. CI gives it a shop of its own: node tools/with-shop.ts bash examples/buy.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"

script=$(awk '/^## /{inside = $0 == "## Buy something"} /^```/{code = inside && $0 == "```sh"; next} code' "${README:-README.md}")
script=${script//http:\/\/127.0.0.1:8080/${GATEWAY_URL:-http://127.0.0.1:8080}}
answers=$(bash -euc "$script" 2>&1) || { echo "$answers" >&2; exit 1; }
echo "$answers"

rest=$answers
count=0
while IFS= read -r expected; do
  [[ $rest == *"$expected"* ]] || { echo "README.md says \"$expected\", which did not come." >&2; exit 1; }
  rest=${rest#*"$expected"}
  count=$((count + 1))
done < <(sed -n 's/.*# → //p' <<< "$script")
[ "$count" -gt 0 ] || { echo 'README.md has no section "Buy something".' >&2; exit 1; }
echo "README.md: all $count answers came as it says."
