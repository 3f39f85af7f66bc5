#!/usr/bin/env bash
# Rules of the house that no compiler checks: which layer may include what, and what is tracked.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

status=0
only_in() { # only_in PATTERN ALLOWED-PATH-REGEX WHY
  local found
  found=$(git grep -nE "$1" -- '*.h' '*.cc' ':!tests' ':!bench' | grep -vE "^($2)" || true)
  if [[ -n $found ]]; then
    printf '%s\n%s\n' "$found" "lint: $3" >&2
    status=1
  fi
}

only_in '#include <nlohmann/' 'lib/base/' 'nlohmann/json comes in through base/json.h'
only_in '#include <httplib.h>' 'lib/kube/|webhook/http/' 'cpp-httplib stays in lib/kube and webhook/http'
only_in '#include <spdlog/' 'lib/base/' 'logging comes in through base/log.h'
only_in '#include <yaml-cpp/' 'lib/base/' 'YAML comes in through base/yaml.h'

impure=$(git grep -nE '#include ("base/(clock|log)\.h"|<(thread|mutex|fstream)>)|_clock::now\(|getenv' \
  -- lib/governance || true)
if [[ -n $impure ]]; then
  printf '%s\nlint: lib/governance is pure: no clock, log, threads or files\n' "$impure" >&2
  status=1
fi

ignored=$(git ls-files -ci --exclude-standard)
if [[ -n $ignored ]]; then
  printf '%s\nlint: tracked although .gitignore names it: git rm --cached\n' "$ignored" >&2
  status=1
fi
exit $status
