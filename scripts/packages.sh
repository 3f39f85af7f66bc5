#!/usr/bin/env bash
# Installs the Debian packages of a list file that are missing. With all present it only asks dpkg,
# which takes a few milliseconds, so every make target can call it.
#
# Usage: packages.sh [LIST…]   (default: packages.txt beside this script)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lists=("$@")
[[ $# -gt 0 ]] || lists=("$here/packages.txt")

fail() {
  printf 'packages: %s\n' "$1" >&2
  exit 1
}

mapfile -t wanted < <(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "${lists[@]}")
if ! command -v dpkg-query >/dev/null; then
  fail "this is not a Debian system; install the equivalents of these packages by hand: ${wanted[*]}"
fi

# dpkg-query exits 1 when it does not know one of the names: what it does print is what counts.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qxF "installed $package" <<<"$installed" || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
    as_root=(sudo)
  else
    fail "root or sudo is needed to install these Debian packages: ${missing[*]}"
  fi
fi

# Another package manager may hold the lock for a while on a machine that has just booted.
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
printf 'Installing %d Debian packages: %s\n' "${#missing[@]}" "${missing[*]}" >&2
# A failing update is not fatal: some other archive of this machine may be the one that is gone.
apt update >"$log" 2>&1 || true
if apt install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
  exit 0
fi
tail -n 15 "$log" >&2
if grep -qi 'no space left\|enough free space' "$log"; then
  fail "the disk is full; free some space and run the command again."
elif grep -qi 'Temporary failure\|Could not resolve\|Could not connect\|Failed to fetch' "$log"; then
  fail "Debian's package archive cannot be reached; these packages are missing: ${missing[*]}"
fi
fail "apt-get could not install these packages (its last lines are above): ${missing[*]}"
