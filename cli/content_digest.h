// content_digest.h: digests of files, data sets and models, of any size.
//
// What is read is a regular file: symbolic links, devices and pipes are refused, because what they
// lead to may be another thing tomorrow. Free functions without state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "governance/types/common.h"

namespace countersign {

struct FileDigest {
  std::string digest;                // "sha256:…"
  std::optional<std::int64_t> rows;  // of a CSV (*.csv), without its header
};
[[nodiscard]] Result<FileDigest> DigestFile(const std::string& path);

// - one file: SHA-256 of its bytes (`file`);
// - an OCI image layout (oci-layout, index.json naming one manifest): the digest of the manifest,
//   which the blob of that name must have (`ociManifest`);
// - any other folder: the root of an OpenSSF Model Signing v1.0 manifest by method `files`
//   (`modelSigningRoot`): SHA-256 over the digests of all files, in the order of their paths, part
//   by part. The paths .git, .gitattributes, .github and .gitignore in it do not count, as there;
//   nor does a signature `model.sig`. Names do not enter the root; the manifest lists them.
//   Source: github.com/sigstore/model-transparency, docs/model_signing_format.md.
[[nodiscard]] Result<ModelDigest> DigestModel(const std::string& path);

}  // namespace countersign
