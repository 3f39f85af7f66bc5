"""Writes a model as an OCI image in an image layout folder, the same bytes every time.

An image, not a free-form artefact: a kubelet mounts image volumes from layers that are tar archives
and a config that lists them. The digest of the manifest's bytes is the model's digest everywhere
(digestType ociManifest). `skopeo copy oci:DIR docker://REGISTRY/...` would push it as it is.
Formats: github.com/opencontainers/image-spec, v1.1 (image-layout.md, manifest.md, config.md).
"""

import hashlib
import io
import json
import pathlib
import tarfile

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def write(folder: pathlib.Path, files: dict[str, bytes], title: str, version: str) -> str:
    """Writes the layout into `folder` and returns the manifest's digest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)

    layer = _tar(files)
    config = _json(
        {
            "architecture": "amd64",  # required by the format; the files run on anything
            "config": {},
            "os": "linux",
            "rootfs": {"diff_ids": [_digest(layer)], "type": "layers"},
        }
    )
    manifest = _json(
        {
            "annotations": {
                "org.opencontainers.image.title": title,
                "org.opencontainers.image.version": version,
            },
            "config": _descriptor(CONFIG, config),
            "layers": [_descriptor(LAYER, layer)],
            "mediaType": MANIFEST,
            "schemaVersion": 2,
        }
    )
    for blob in (layer, config, manifest):
        (blobs / _digest(blob).removeprefix("sha256:")).write_bytes(blob)
    (folder / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_bytes(
        _json({"manifests": [_descriptor(MANIFEST, manifest)], "schemaVersion": 2})
    )
    return _digest(manifest)


def _tar(files: dict[str, bytes]) -> bytes:
    """No clock, user or order of a directory shows in it: that is what makes the digest repeat."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(files[name]), 0o444, 0
            tar.addfile(entry, io.BytesIO(files[name]))
    return out.getvalue()


def _descriptor(media_type: str, blob: bytes) -> dict:
    return {"digest": _digest(blob), "mediaType": media_type, "size": len(blob)}


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _json(value: dict) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
