#include "governance/dossier.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "governance/evidence_index.h"

namespace countersign {
namespace {

using Names = std::vector<std::string>;

class Random {
 public:
  std::size_t Below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
  }
  std::string Of(const char* stem, std::size_t limit) {
    return stem + std::to_string(Below(limit));
  }
  std::mt19937& engine() { return engine_; }

 private:
  std::mt19937 engine_{20261129};  // NOLINT(bugprone-random-generator-seed): the same every run
};

template <class Spec>
Attested<Spec> Made(const std::string& name, Spec spec) {
  auto object = std::make_shared<Object<Spec>>();
  object->meta.name = name;
  object->spec = std::move(spec);
  object->spec_digest = "digest of " + name;
  return {std::move(object), {}};
}

ModelDigest RandomModel(Random& random) {
  return {random.Of("model-", 4),
          random.Below(2) == 0 ? DigestType::kFile : DigestType::kOciManifest};
}

SignOffSpec RandomSignOff(Random& random) {
  SignOffSpec spec;
  spec.role = random.Of("role-", 3);
  spec.subject.use_case = "credit";
  switch (random.Below(4)) {
    case 0:
      spec.subject.kind = SubjectOfSignOff::kUseCase;
      (random.Below(2) == 0 ? spec.subject.answers_digest : spec.subject.retirement_digest) =
          random.Of("answers-", 3);
      break;
    case 1:
      spec.subject.kind = SubjectOfSignOff::kWaiver;
      spec.subject.waiver = random.Of("waiver-", 2);
      spec.subject.waiver_digest = random.Of("waived-", 2);
      break;
    case 2: spec.subject.environments = {"prod", "qa"}; [[fallthrough]];
    default:
      spec.subject.model = RandomModel(random);
      spec.subject.governed_digest = random.Of("governed-", 3);
      if (spec.subject.environments.empty()) spec.subject.environment = random.Of("env-", 2);
  }
  return spec;
}

// Many of a name of their own, out of order.
StoredEvidence RandomEvidence(Random& random, int count) {
  std::vector<AttestedSignOff> sign_offs;
  std::vector<AttestedSnapshot> snapshots;
  std::vector<AttestedBiasTest> bias_tests;
  std::vector<AttestedEvidence> reports;
  std::vector<AttestedWaiver> waivers;
  for (int i = 0; i < count; ++i) {
    const std::string name = "e" + std::to_string((i * 7) % count);
    sign_offs.push_back(Made(name, RandomSignOff(random)));
    ReproducibilitySnapshotSpec snapshot;
    snapshot.model = RandomModel(random);
    if (random.Below(2) == 0) snapshot.reproduction_of = random.Of("e", 4);
    snapshots.push_back(Made(name, std::move(snapshot)));
    BiasTestSpec test;
    test.model = RandomModel(random);
    bias_tests.push_back(Made(name, std::move(test)));
    EvidenceSpec report;
    report.type = random.Of("Type", 3);
    if (random.Below(3) != 0) report.model = RandomModel(random);
    reports.push_back(Made(name, std::move(report)));
    WaiverSpec waiver;
    waiver.model = RandomModel(random);
    waivers.push_back(Made(name, std::move(waiver)));
  }
  StoredEvidence all;
  all.sign_offs = std::move(sign_offs);
  all.snapshots = std::move(snapshots);
  all.bias_tests = std::move(bias_tests);
  all.reports = std::move(reports);
  all.waivers = std::move(waivers);
  return all;
}

template <class Spec>
Names NamesAt(const SharedList<Attested<Spec>>& list, const Dossier::Positions& positions) {
  Names names;
  for (const std::size_t i : positions) names.push_back(list[i].object->meta.name);
  return names;
}

// What whoever looks at each of them finds, by name.
template <class Spec, class Predicate>
Names Looked(const SharedList<Attested<Spec>>& list, Predicate is) {
  Names names;
  for (const auto& one : list) {
    if (is(one.object->spec)) names.push_back(one.object->meta.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(DossierTest, EachLookUpFindsWhatLookingAtEverythingFinds) {
  Random random;
  NamedSubject in_prod;
  in_prod.use_case = "credit";
  in_prod.environment = "prod";
  std::size_t found = 0;
  for (int round = 0; round < 50; ++round) {
    const StoredEvidence all = RandomEvidence(random, 40);
    const Dossier dossier(all);
    const StoredEvidence& kept = dossier.evidence();
    EXPECT_FALSE(dossier.IsOf(all)) << "theirs were out of order";
    EXPECT_TRUE(Dossier(kept).IsOf(kept));
    const std::string role = random.Of("role-", 3);
    const std::string type = random.Of("Type", 3);
    const std::string digest = random.Of("governed-", 3);
    const ModelDigest model = RandomModel(random);
    const auto check = [&](const auto& list, const Dossier::Positions& positions, auto is) {
      EXPECT_EQ(NamesAt(list, positions), Looked(list, is));
      found += positions.size();
    };
    check(kept.sign_offs, dossier.SignOffs(role, digest), [&](const SignOffSpec& spec) {
      return spec.role == role && DigestOfSubject(spec.subject) == digest;
    });
    check(kept.sign_offs, dossier.SignOffsOn(digest),
          [&](const SignOffSpec& spec) { return DigestOfSubject(spec.subject) == digest; });
    check(kept.sign_offs, dossier.SignOffsAbout(model),
          [&](const SignOffSpec& spec) { return spec.subject.model == model; });
    check(kept.sign_offs, dossier.SignOffsOnUseCase(),
          [&](const SignOffSpec& spec) { return spec.subject.kind == SubjectOfSignOff::kUseCase; });
    check(kept.reports, dossier.Reports(type, model.digest), [&](const EvidenceSpec& spec) {
      return spec.type == type && spec.model && spec.model->digest == model.digest;
    });
    check(kept.reports, dossier.Reports(type, ""),
          [&](const EvidenceSpec& spec) { return spec.type == type && !spec.model; });
    check(kept.reports, dossier.ReportsOfType(type),
          [&](const EvidenceSpec& spec) { return spec.type == type; });
    check(kept.bias_tests, dossier.BiasTests(model),
          [&](const BiasTestSpec& spec) { return spec.model == model; });
    check(kept.snapshots, dossier.Snapshots(model),
          [&](const ReproducibilitySnapshotSpec& spec) { return spec.model == model; });
    check(kept.snapshots, dossier.Repetitions("e1"),
          [&](const ReproducibilitySnapshotSpec& spec) { return spec.reproduction_of == "e1"; });
    check(kept.waivers, dossier.Waivers(model),
          [&](const WaiverSpec& spec) { return spec.model == model; });
    EXPECT_EQ(dossier.CountOfOriginals(),
              Looked(kept.snapshots, [](const ReproducibilitySnapshotSpec& spec) {
                return spec.reproduction_of.empty();
              }).size());
    const auto [some, count] = dossier.SomeOfType(type, 2);
    const auto of_type = dossier.ReportsOfType(type);
    EXPECT_EQ(count, of_type.size());
    EXPECT_EQ(some,
              Dossier::Positions(of_type.begin(), of_type.begin() + std::min<std::ptrdiff_t>(
                                                                        2, std::ssize(of_type))));
    EXPECT_EQ(dossier.CountOf(role, in_prod),
              Looked(kept.sign_offs, [&](const SignOffSpec& spec) {
                return spec.role == role && spec.subject.environments == Names{"prod", "qa"};
              }).size());
    EXPECT_TRUE(dossier.Has({"BiasTest", "e3", "digest of e3"}));
    EXPECT_FALSE(dossier.Has({"BiasTest", "e3", "digest of e4"}));
    EXPECT_FALSE(dossier.Has({"SignOff", "e99", "digest of e99"}));
  }
  EXPECT_GT(found, 1000U) << "hardly anything was found: the test shows little";
}

TEST(DossierTest, NamesThoseWhoseKeysSignedForEachPolicyByItself) {
  auto signed_by = [](const std::string& name, const std::string& key) {
    BiasTestSpec spec;
    spec.model.digest = "m";
    AttestedBiasTest test = Made(name, std::move(spec));
    test.by.authenticity = Authenticity::kSigned;
    test.by.signature = std::make_shared<const SignatureProof>(SignatureProof{key, false, false});
    return test;
  };
  StoredEvidence all;
  all.bias_tests = std::vector{signed_by("a", "key-1"), signed_by("b", "key-2")};
  const Dossier dossier(all);
  const auto policy_of = [](const std::string& person, const std::string& key) {
    GovernancePolicySpec policy;
    Person one;
    one.name = person;
    one.accounts = {person};
    SignerKey listed;
    listed.fingerprint = key;
    one.keys = {listed};
    policy.people = {one};
    return policy;
  };
  const GovernancePolicySpec first = policy_of("ana", "key-1");
  const GovernancePolicySpec second = policy_of("bob", "key-2");
  const EvidenceIndex by_first(dossier, first, "prod");
  const EvidenceIndex by_second(dossier, second, "prod");
  const auto shown = [](const EvidenceIndex& index) {
    Names names;
    for (const AttestedBiasTest* test : index.BiasTests({"m", DigestType::kOciManifest})) {
      names.push_back(test->by.authenticity == Authenticity::kAttested ? test->by.user : "nobody");
    }
    return names;
  };
  EXPECT_EQ(shown(by_first), (Names{"ana", "nobody"}));
  EXPECT_EQ(shown(by_second), (Names{"nobody", "bob"}));
  EXPECT_EQ(by_first.BiasTestsNamed("a"), by_first.BiasTestsNamed("a"))
      << "the same object each time";
}

}  // namespace
}  // namespace countersign
