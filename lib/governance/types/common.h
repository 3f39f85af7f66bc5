// common.h: shapes that several kinds share. See object.h for thread rules.
#pragma once

#include <string>

#include "base/describe.h"

namespace countersign {

// How a model's digest was taken. Two types never match each other without signed evidence.
enum class DigestType { kOciManifest, kModelSigningRoot, kFile, kComposite, kHosted };
template <>
struct EnumNames<DigestType> {
  static constexpr std::pair<DigestType, std::string_view> kNames[] = {
      {DigestType::kOciManifest, "ociManifest"},
      {DigestType::kModelSigningRoot, "modelSigningRoot"},
      {DigestType::kFile, "file"},
      {DigestType::kComposite, "composite"},
      {DigestType::kHosted, "hosted"}};
};

struct ModelDigest {
  std::string digest;
  DigestType type = DigestType::kOciManifest;
  friend bool operator==(const ModelDigest&, const ModelDigest&) = default;
};

template <class V>
void Describe(V& v, ModelDigest& d) {
  v.Field({.name = "digest",
           .doc = "The model's content digest: 'sha256:' and 64 lower-case hexadecimal digits. All "
                  "evidence is bound to it: what was tested and signed off for one digest says "
                  "nothing about another.",
           .required = true,
           .format = Format::kSha256,
           .length = 71},
          d.digest);
  v.Field({.name = "digestType",
           .doc = "What the digest was taken over: ociManifest (the image manifest), "
                  "modelSigningRoot (the root of an OpenSSF Model Signing manifest), file (one "
                  "file's bytes), composite (the components of a model) or hosted (provider, model "
                  "and snapshot of a component that somebody else runs). Digests of different "
                  "types never match.",
           .required = true},
          d.type);
}

// Of evidence, beside who issues it.
constexpr FieldInfo PerformedByField() {
  return {.name = "performedBy",
          .doc =
              "Who did the work, where that is not who creates this object: accounts, or names "
              "that the policy lists for people (spec.people[].aliases), for example of whoever "
              "started the training run. They count as developers of the model.",
          .format = Format::kToken,
          .max = 64,
          .list = ListType::kSet};
}

// How an object is known to be somebody's, from weak to strong.
enum class Assurance { kRequester, kSigned, kReauthenticated };
template <>
struct EnumNames<Assurance> {
  static constexpr std::pair<Assurance, std::string_view> kNames[] = {
      {Assurance::kRequester, "Requester"},
      {Assurance::kSigned, "Signed"},
      {Assurance::kReauthenticated, "Reauthenticated"}};
};

enum class SubjectKind { kUser, kGroup, kPerson, kRole };
template <>
struct EnumNames<SubjectKind> {
  static constexpr std::pair<SubjectKind, std::string_view> kNames[] = {
      {SubjectKind::kUser, "User"},
      {SubjectKind::kGroup, "Group"},
      {SubjectKind::kPerson, "Person"},
      {SubjectKind::kRole, "Role"}};
};

// Who: an account, a group of the identity provider, a person of the policy, or a role of the
// policy.
struct Subject {
  SubjectKind kind = SubjectKind::kUser;
  std::string name;
};

template <class V>
void Describe(V& v, Subject& s) {
  v.Field({.name = "kind",
           .doc = "User (an account as the API server authenticates it; service accounts are "
                  "system:serviceaccount:<namespace>:<name>), Group (a group of the identity "
                  "provider), Person (an entry of spec.people) or Role (an entry of spec.roles).",
           .required = true},
          s.kind);
  v.Field({.name = "name",
           .doc = "The name of the account, group, person or role.",
           .required = true,
           .format = Format::kToken},
          s.name);
}

}  // namespace countersign
