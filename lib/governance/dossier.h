// dossier.h: what is stored for one use case, made ready so that each question about it costs what
// it finds, whatever else there is.
//
// Most evidence of a use case is about models and revisions that have gone. Whoever decides often
// keeps the dossier of each use case until something of it changes. Immutable, so any thread may
// read it. Answers are positions in the lists of evidence(), ascending, which is by name.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "governance/facts.h"

namespace countersign {

// The digest that tells one subject from all others; empty if the sign-off lacks it.
[[nodiscard]] std::string_view DigestOfSubject(const SignOffSubject& subject);

// A subject without the digests that tell its states apart.
struct NamedSubject {
  SubjectOfSignOff kind = SubjectOfSignOff::kModelDeployment;
  std::string_view use_case;
  std::string_view environment;
  bool retirement = false;
  std::string_view waiver;
  std::string_view incident;
  std::string_view protocol;
  std::string_view policy;
  bool withdraw = false;
};

class Dossier {
 public:
  using Positions = std::vector<std::size_t>;

  // Sorts by name what is not sorted. In a time proportional to what there is.
  explicit Dossier(StoredEvidence evidence);

  [[nodiscard]] const StoredEvidence& evidence() const { return evidence_; }
  // Whether it is of these very lists.
  [[nodiscard]] bool IsOf(const StoredEvidence& evidence) const;

  // `digest` is DigestOfSubject's; it alone decides, so the rest of the subject remains to be
  // compared.
  [[nodiscard]] Positions SignOffs(std::string_view role, std::string_view digest) const;
  [[nodiscard]] Positions SignOffsOn(std::string_view digest) const;
  [[nodiscard]] Positions SignOffsAbout(const ModelDigest& model) const;
  // On answers and on the end of the use case.
  [[nodiscard]] const Positions& SignOffsOnUseCase() const { return on_use_case_; }
  // How many in `role` are on the subject, in whichever state of it. For messages: two subjects of
  // one 64-bit hash would be counted together.
  [[nodiscard]] std::size_t CountOf(std::string_view role, const NamedSubject& subject) const;

  // Those about the model of that digest; with an empty one, those that name no model.
  [[nodiscard]] Positions Reports(std::string_view type, std::string_view model) const;
  // Of any type.
  [[nodiscard]] Positions ReportsAbout(std::string_view model) const;
  [[nodiscard]] Positions ReportsOfType(std::string_view type) const;
  // The first `limit` of that type, and how many there are, by a 64-bit hash: for messages.
  [[nodiscard]] std::pair<Positions, std::size_t> SomeOfType(std::string_view type,
                                                             std::size_t limit) const;

  [[nodiscard]] Positions BiasTests(const ModelDigest& model) const;
  // With repetitions of other snapshots.
  [[nodiscard]] Positions Snapshots(const ModelDigest& model) const;
  [[nodiscard]] Positions Repetitions(std::string_view of) const;
  [[nodiscard]] std::size_t CountOfOriginals() const { return originals_; }
  [[nodiscard]] Positions Waivers(const ModelDigest& model) const;

  // Whether the object is there in the state of that digest; of kinds that are not kept here, yes.
  [[nodiscard]] bool Has(const ShownEvidence& shown) const;

 private:
  struct Entry {
    std::size_t hash;
    std::size_t at;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  using Entries = std::vector<Entry>;
  template <class List, class Key>
  static Entries IndexBy(const List& list, Key key);

  StoredEvidence evidence_;
  Entries sign_offs_by_subject_;
  Entries sign_offs_by_digest_;
  Entries sign_offs_by_model_;
  Positions on_use_case_;
  std::vector<std::size_t> named_;  // sorted hashes, one for each environment
  Entries reports_by_model_;
  Entries reports_by_type_;
  Entries reports_about_;
  Entries bias_tests_by_model_;
  Entries snapshots_by_model_;
  Entries repetitions_;
  std::size_t originals_ = 0;
  Entries waivers_by_model_;
};

}  // namespace countersign
