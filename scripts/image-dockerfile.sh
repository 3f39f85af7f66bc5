#!/usr/bin/env bash
# Builds the Dockerfile as it is, without a daemon and without a registry: buildah in a chroot, on a
# base image that mmdebstrap makes from Debian's archive under the name that the Dockerfile asks for.
# The image is then looked at and its programs are run.
#
# Usage: image-dockerfile.sh [FOLDER]   (default: build/image-dockerfile; keeps its images there)
# Where it cannot run it says why and succeeds: CI calls it wherever it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=${1:-build/image-dockerfile}
base=docker.io/library/$(sed -n 's/^ARG DEBIAN=//p' Dockerfile)
tag=localhost/countersign:dockerfile

skip() {
  printf 'image-dockerfile: skipped: %s\n' "$1" >&2
  exit 0
}

for tool in buildah mmdebstrap; do
  command -v "$tool" >/dev/null || skip "there is no $tool: apt-get install buildah mmdebstrap"
done
[[ $(id -u) -eq 0 ]] || skip "a chroot takes root"

mkdir -p "$folder"
store() { # store COMMAND …
  buildah --root "$folder/storage" --runroot "$folder/run" --storage-driver vfs "$@"
}

if ! store inspect --type image "$base" >/dev/null 2>&1; then
  mmdebstrap --variant=minbase bookworm "$folder/base.tar" \
    || skip "Debian's archive cannot be reached"
  container=$(store from scratch)
  store add --quiet "$container" "$folder/base.tar" / >/dev/null
  store commit --quiet --rm "$container" "$base" >/dev/null
  rm "$folder/base.tar"
fi

# A cache of the compiler's, where there is one, spares an hour; what is built is the same.
cache=$(ccache --get-config cache_dir 2>/dev/null || true)
mounts=()
if [[ -n $cache && -d $cache ]]; then
  mkdir -p "$folder/ccache"
  printf 'base_dir = /src\nhash_dir = false\n' >"$folder/ccache/ccache.conf"
  mounts=(--volume "$cache:/root/.cache/ccache" --volume "$(realpath "$folder/ccache"):/root/.config/ccache")
fi
store build --isolation chroot --pull=never "${mounts[@]}" -t "$tag" .

container=$(store from --pull=never "$tag")
trap 'store rm "$container" >/dev/null' EXIT
root=$(store mount "$container")
[[ -x $root/usr/bin/countersign && ! -e $root/bin/sh ]] \
  || { printf 'image-dockerfile: the image holds something else\n' >&2; exit 1; }
for program in countersign countersign-operator countersign-webhook; do
  chroot --userspec=65532:65532 "$root" "/usr/bin/$program" --help >/dev/null
done
chroot --userspec=65532:65532 "$root" /usr/bin/countersign version
