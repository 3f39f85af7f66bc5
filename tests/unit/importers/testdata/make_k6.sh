#!/usr/bin/env bash
# make_k6.sh [K6 [OLD_K6]], in the folder of the samples: what k6 writes of a load on a server of its
# own on 127.0.0.1, which fails every 200th request. k6 ends with 99, for a threshold is crossed.
set -euo pipefail
k6=${1:-k6}
work=$(mktemp -d)
python3 - "$work/port" <<'PY' &
import http.server
import itertools
import sys

count = itertools.count(1)


class Model(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500 if next(count) % 200 == 0 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
with open(sys.argv[1], "w", encoding="utf-8") as file:
    file.write(str(server.server_port))
server.serve_forever()
PY
server=$!
trap 'kill $server; rm -rf "$work"' EXIT
while [[ ! -s "$work/port" ]]; do sleep 0.1; done
MODEL_URL="http://127.0.0.1:$(cat "$work/port")/"
export MODEL_URL

run() {
  local code=0
  "$k6" run --quiet --no-usage-report "$@" make_k6.js || code=$?
  [[ $code == 99 ]]
}
export HANDLED=k6-handle-summary.json
run --summary-export k6-summary-export.json
export HANDLED="$work/handled.json"
run --new-machine-readable-summary --summary-export k6-machine-readable.json
if [[ -n ${2:-} ]]; then
  k6=$2
  run --summary-export k6-old-summary-export.json
fi
