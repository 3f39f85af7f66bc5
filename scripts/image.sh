#!/usr/bin/env bash
# Puts what is shipped into a root file system, and that into an OCI image: no daemon, no root, no
# base image. The file system holds the programs, the shared libraries that they load, licences, an
# SBOM and the account they run as: no shell, no package manager.
#
# Usage: image.sh --rootfs FOLDER   only the root file system (Dockerfile)
#        image.sh [FOLDER]          the image too, as FOLDER/oci (default: build/image)
# The programs are taken from build/release/bin. SOURCE_DATE_EPOCH dates everything; the commit's
# time by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin=${COUNTERSIGN_BIN:-build/release/bin}
programs=(countersign countersign-operator countersign-webhook)
account=65532
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
umask 022

fail() {
  printf 'image: %s\n' "$1" >&2
  exit 1
}

# Where a library is by the name that the loader asks for, and by no other.
copy_library() { # copy_library ROOT PATH
  install -D -m 0755 "$(realpath "$2")" "$1$2"
}

root_file_system() { # root_file_system ROOT
  local root=$1 program library version
  [[ ! -e $root ]] || fail "$root is there already"
  mkdir -p "$root"/{etc,usr/bin}
  for program in "${programs[@]}"; do
    [[ -x $bin/$program ]] || fail "there is no $bin/$program: run \`make build\`"
    strip --strip-unneeded -o "$root/usr/bin/$program" "$bin/$program"
    chmod 0755 "$root/usr/bin/$program"
    while read -r library; do
      copy_library "$root" "$library"
    done < <(ldd "$bin/$program" | awk '/=> \//{ print $3 } $1 ~ /^\//{ print $1 }')
  done
  ln -s countersign "$root/usr/bin/kubectl-countersign"
  printf 'nonroot:x:%d:%d:nonroot:/nonexistent:/nonexistent\n' $account $account >"$root/etc/passwd"
  printf 'nonroot:x:%d:\n' $account >"$root/etc/group"
  printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
  version=$("$bin/countersign" version -o json | sed 's/.*"version":"\([^"]*\)".*/\1/')
  install -D -m 0644 LICENSE "$root/usr/share/doc/countersign/copyright"
  /usr/bin/python3 scripts/sbom.py --root "$root" --build "$(dirname "$bin")" --version "$version" \
    --licences "$root/usr/share/doc" --out "$root/usr/share/sbom"
  find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

oci_image() { # oci_image FOLDER
  local folder=$1 version time image
  mkdir -p "$folder"
  # Only what an earlier run of this script has made.
  rm -rf "$folder/rootfs" "$folder/oci"
  root_file_system "$folder/rootfs"
  version=$("$bin/countersign" version -o json | sed 's/.*"version":"\([^"]*\)".*/\1/')
  time=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
  image=$folder/oci:$version
  umoci init --layout "$folder/oci"
  umoci new --image "$image"
  umoci insert --rootless --image "$image" --history.created "$time" \
    --history.created_by scripts/image.sh "$folder/rootfs" /
  umoci config --image "$image" --no-history --created "$time" --clear config.entrypoint \
    --config.user $account:$account --config.env PATH=/usr/bin --config.workingdir / \
    --config.cmd countersign --config.cmd version \
    --config.label org.opencontainers.image.title=countersign \
    --config.label org.opencontainers.image.version="$version" \
    --config.label org.opencontainers.image.created="$time" \
    --config.label org.opencontainers.image.licenses=Apache-2.0 \
    --config.label org.opencontainers.image.description="No model goes live without its evidence"
  umoci gc --layout "$folder/oci"
  printf '%s\n' "$image"
}

case ${1:-} in
  --rootfs) root_file_system "${2:?a folder}" ;;
  -*) fail "unknown argument $1" ;;
  *) oci_image "${1:-build/image}" ;;
esac
