// source.h: the files that evidence was made from. See object.h for threads.
//
// Recorded by `countersign evidence import`. Nothing is judged by it: it is how an auditor finds
// what a number came from, and sees that it was not changed since.
#pragma once

#include <string>

#include "base/describe.h"

namespace countersign {

struct EvidenceSource {
  std::string format;
  std::string name;
  std::string digest;
  std::string tool;
  std::string tool_version;
};

template <class V>
void Describe(V& v, EvidenceSource& s) {
  v.Field({.name = "format",
           .doc = "How the file was read, for example junit or predictions-csv: "
                  "`countersign evidence import --help` lists all.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          s.format);
  v.Field({.name = "name", .doc = "The file's name.", .required = true, .min = 1}, s.name);
  v.Field({.name = "digest",
           .doc = "SHA-256 of its bytes; of a folder, over the digests of its files.",
           .required = true,
           .format = Format::kSha256,
           .length = 71},
          s.digest);
  v.Field({.name = "tool", .doc = "The program that wrote it, where that is known."}, s.tool);
  v.Field({.name = "toolVersion", .doc = "Its version, where the file states it.", .length = 63},
          s.tool_version);
}

// For each kind that can be imported.
constexpr FieldInfo SourcesField() {
  return {.name = "sources",
          .doc = "The files that this was made from, if it was imported.",
          .max = 32};
}

}  // namespace countersign
