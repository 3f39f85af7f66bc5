#include "catalog/catalog.h"

#include "governance/in_force.h"
#include "tests/unit/catalog/fixture.h"

namespace countersign {
namespace {

template <class T>
std::vector<std::string> NamesOf(const SharedList<Attested<T>>& list) {
  std::vector<std::string> names;
  for (const auto& one : list) names.push_back(one.object->meta.name);
  return names;
}

using Names = std::vector<std::string>;

TEST_F(CatalogTest, GathersTheUseCaseAndItsEvidenceAndNothingOfTheNeighbours) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  server_->Put(kUseCases, UseCaseJson("chat"));
  for (const char* use_case : {"scoring", "chat"}) {
    const std::string suffix = std::string("-") + use_case;
    server_->Put(kSignOffs, SignOffJson("s" + suffix, use_case));
    server_->Put(kReproducibilitySnapshots, SnapshotJson("r" + suffix, use_case));
    server_->Put(kBiasTests, BiasTestJson("b" + suffix, use_case));
  }
  server_->Put(kSignOffs, SignOffJson("s-elsewhere", "scoring", "attic"));
  StartCatalog();
  const Facts facts = GatherFor("scoring");
  ASSERT_NE(facts.use_case, nullptr);
  EXPECT_EQ(facts.use_case->meta.name, "scoring");
  EXPECT_EQ(NamesOf(facts.sign_offs), Names{"s-scoring"});
  EXPECT_EQ(NamesOf(facts.snapshots), Names{"r-scoring"});
  EXPECT_EQ(NamesOf(facts.bias_tests), Names{"b-scoring"});
  EXPECT_TRUE(facts.unknown.empty());
  EXPECT_EQ(facts.name_space, "lending-prod");
  EXPECT_EQ(facts.governed_digest, "sha256:g");
  EXPECT_EQ(GatherFor("unheard-of").use_case, nullptr);
}

TEST_F(CatalogTest, KnowsWhoMadeEachPieceOfEvidence) {
  const Time seen = ParseTime("2026-11-20T10:00:00Z").value();
  server_->Put(kUseCases, UseCaseJson("scoring"));
  server_->Put(kSignOffs, StampedBy(key_, SignOffJson("a-true", "scoring"), "vera", seen));
  Json moved = StampedBy(key_, SignOffJson("b-forged", "chat"), "vera", seen);
  SetPath(moved, "spec/subject/useCase", "scoring");
  server_->Put(kSignOffs, moved);
  server_->Put(kSignOffs, SignOffJson("c-bare", "scoring"));
  StartCatalog();
  const Facts facts = GatherFor("scoring");
  ASSERT_EQ(NamesOf(facts.sign_offs), (Names{"a-true", "b-forged", "c-bare"}));
  EXPECT_EQ(facts.sign_offs[0].by.authenticity, Authenticity::kAttested);
  EXPECT_EQ(facts.sign_offs[0].by.user, "vera");
  EXPECT_EQ(facts.sign_offs[0].by.first_seen, seen);
  EXPECT_EQ(facts.sign_offs[1].by.authenticity, Authenticity::kForged);
  EXPECT_EQ(facts.sign_offs[2].by.authenticity, Authenticity::kUnproven);
}

TEST_F(CatalogTest, OldKnowledgeIsAnUnknownFact) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  StartCatalog();
  EXPECT_TRUE(GatherFor("scoring").unknown.empty());
  // One sentence a kind: any of them may hide a withdrawal. A watch that only now begins is news.
  std::vector<std::string> unknown;
  EXPECT_TRUE(Await([&] {
    clock_.Shift(kStaleAfter);
    unknown = GatherFor("scoring").unknown;
    return unknown.size() == catalog_.Caches().size();
  })) << testing::PrintToString(unknown);
  EXPECT_NE(unknown.front().find("has not been heard about"), std::string::npos);
  // The next word from the server ends it, for the kind it is about.
  server_->Put(kUseCases, UseCaseJson("chat"));
  AwaitChange("UseCase", "chat");
  for (const std::string& one : GatherFor("scoring").unknown) {
    EXPECT_EQ(one.find("UseCase"), std::string::npos) << one;
  }
}

TEST_F(CatalogTest, WaitsForUnreadableEvidenceThatMayBeAboutTheUseCase) {
  struct Case {
    const Resource& resource;
    Json object;
  };
  Json no_reference = BiasTestJson("b-no-reference", "chat");
  SetPath(no_reference, "spec/useCase", {{"name", "chat"}});
  const std::vector<Case> concerning = {
      {kSignOffs, FromTheFuture(SignOffJson("s-ours", "scoring"))},
      {kReproducibilitySnapshots, FromTheFuture(SnapshotJson("r-ours", "scoring"))},
      {kBiasTests, no_reference},
      {kBiasTests, FromTheFuture(BiasTestJson("b-ours", "scoring"))},
  };
  server_->Put(kUseCases, UseCaseJson("scoring"));
  for (const Case& c : concerning) server_->Put(c.resource, c.object);
  server_->Put(kSignOffs, FromTheFuture(SignOffJson("s-neighbour", "chat")));
  server_->Put(kSignOffs, FromTheFuture(SignOffJson("s-elsewhere", "scoring", "attic")));
  StartCatalog();
  const auto unknown = GatherFor("scoring").unknown;
  ASSERT_EQ(unknown.size(), concerning.size()) << testing::PrintToString(unknown);
  for (std::size_t i = 0; i < concerning.size(); ++i) {
    const std::string name = StringAt(concerning[i].object, "metadata/name");
    EXPECT_NE(unknown[i].find("'lending/" + name + "' cannot be read: "), std::string::npos)
        << unknown[i];
  }
  EXPECT_NE(unknown[0].find("fieldOfTomorrow"), std::string::npos) << "the fault is named";
}

TEST_F(CatalogTest, StopsWaitingWhenTheUnreadableIsCorrectedOrDeleted) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  server_->Put(kSignOffs, FromTheFuture(SignOffJson("a", "scoring")));
  server_->Put(kSignOffs, FromTheFuture(SignOffJson("b", "scoring")));
  StartCatalog();
  EXPECT_EQ(GatherFor("scoring").unknown.size(), 2U);
  server_->Put(kSignOffs, SignOffJson("a", "chat"));
  server_->Remove(kSignOffs, {"lending", "b"});
  EXPECT_TRUE(Await([&] { return GatherFor("scoring").unknown.empty(); }));
  // What it was once about is forgotten too.
  server_->Put(kSignOffs, FromTheFuture(SignOffJson("a", "chat")));
  EXPECT_TRUE(Await([&] { return catalog_.sign_offs().UndecodableCount() == 1; }));
  EXPECT_TRUE(GatherFor("scoring").unknown.empty());
}

TEST_F(CatalogTest, KeepsTheDossierOfAUseCaseUntilSomethingOfItChanges) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  server_->Put(kSignOffs, SignOffJson("s", "scoring"));
  StartCatalog();
  const auto first = GatherFor("scoring").dossier;
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->evidence().sign_offs.size(), 1U);
  server_->Put(kSignOffs, SignOffJson("other", "chat"));
  AwaitChange("SignOff", "other");
  EXPECT_EQ(GatherFor("scoring").dossier, first) << "that of another use case is another";
  server_->Put(kSignOffs, SignOffJson("s-2", "scoring"));
  AwaitChange("SignOff", "s-2");
  const auto second = GatherFor("scoring").dossier;
  EXPECT_EQ(NamesOf(second->evidence().sign_offs), (Names{"s", "s-2"}))
      << "whoever hears of the change finds it";
  EXPECT_EQ(first->evidence().sign_offs.size(), 1U) << "who holds one keeps it as it was";
  // One that moves to another use case is missing here from then on.
  ForgetChanges();
  server_->Put(kSignOffs, SignOffJson("s", "chat"));
  AwaitChange("SignOff", "s");
  EXPECT_EQ(NamesOf(GatherFor("scoring").sign_offs), Names{"s-2"});
  EXPECT_EQ(NamesOf(GatherFor("chat").sign_offs), (Names{"other", "s"}));
}

TEST_F(CatalogTest, NamesNothingOfTheHomeToNamespacesThatTheUseCaseDoesNotList) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  server_->Put(kUseCases, FromTheFuture(UseCaseJson("broken")));
  server_->Put(kSignOffs, FromTheFuture(SignOffJson("secret", "scoring")));
  StartCatalog();
  EXPECT_EQ(GatherFor("scoring").unknown.size(), 1U);
  EXPECT_EQ(GatherFor("broken").unknown.size(), 1U);
  for (const char* use_case : {"scoring", "broken", "unheard-of"}) {
    EXPECT_TRUE(GatherFor(use_case, "attic").unknown.empty()) << use_case;
  }
  EXPECT_TRUE(GatherFor("unheard-of").unknown.empty());
  EXPECT_EQ(GatherFor("broken").use_case, nullptr);
}

TEST_F(CatalogTest, PublishesPoliciesAsOneSetWithTheUnreadableNamed) {
  server_->Put(kGovernancePolicies, PolicyJson("bank"));
  server_->Put(kGovernancePolicies, FromTheFuture(PolicyJson("tomorrow")));
  StartCatalog();
  const auto set = catalog_.Policies();
  ASSERT_EQ(set->policies.size(), 1U) << testing::PrintToString(set->unreadable);
  EXPECT_EQ(set->policies[0]->meta.name, "bank");
  ASSERT_EQ(set->unreadable.size(), 1U);
  EXPECT_TRUE(set->unreadable[0].starts_with("GovernancePolicy 'tomorrow' cannot be read: "));
  EXPECT_EQ(catalog_.Policies(), set) << "the same set until something changes";
  server_->Remove(kGovernancePolicies, {"", "tomorrow"});
  EXPECT_TRUE(Await([&] { return catalog_.Policies()->unreadable.empty(); }));
  EXPECT_EQ(set->unreadable.size(), 1U) << "who holds a set keeps it as it was";
}

TEST_F(CatalogTest, PublishesTheSignOffsOnPoliciesWithThemWhereverTheyLie) {
  const Json next = VersionJson("bank-2", "bank");
  server_->Put(kGovernancePolicies,
               StampedBy(key_, VersionJson("bank", ""), "petra@bank.example", clock_.Now()));
  server_->Put(kGovernancePolicies, next);
  server_->Put(kUseCases, UseCaseJson("scoring"));
  StartCatalog();
  const auto in_force = [&] {
    std::vector<std::string> names;
    for (const auto& policy :
         PoliciesInForce(*catalog_.Policies(), clock_.Now() + Seconds{1}).policies) {
      names.push_back(policy->meta.name);
    }
    return names;
  };
  EXPECT_EQ(catalog_.Policies()->made_by.at("bank").user, "petra@bank.example");
  EXPECT_EQ(in_force(), std::vector<std::string>{"bank"});
  ForgetChanges();
  server_->Put(kSignOffs,
               StampedBy(key_, PolicySignOffJson("s", next), "vera@bank.example", clock_.Now()));
  EXPECT_EQ(AwaitChange("SignOff", "s").use_case, "") << "it concerns all of them";
  EXPECT_EQ(in_force(), std::vector<std::string>{"bank-2"})
      << "whoever hears of the change finds the new set";
  server_->Remove(kSignOffs, {"governance", "s"});
  EXPECT_TRUE(Await([&] { return catalog_.Policies()->sign_offs.empty(); }));
  EXPECT_EQ(in_force(), std::vector<std::string>{"bank"});
}

// It may be a rejection, so that everything waits; it is nobody's evidence, so no use case names
// it.
TEST_F(CatalogTest, WaitsForASignOffOnAPolicyThatCannotBeRead) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  StartCatalog();
  server_->Put(kSignOffs,
               FromTheFuture(PolicySignOffJson("s", VersionJson("bank", ""), "lending")));
  EXPECT_TRUE(Await([&] { return catalog_.Policies()->unreadable.size() == 1; }));
  EXPECT_TRUE(catalog_.Policies()->unreadable[0].starts_with("SignOff 'lending/s' cannot be read"));
  EXPECT_TRUE(GatherFor("scoring").unknown.empty());
  server_->Remove(kSignOffs, {"lending", "s"});
  EXPECT_TRUE(Await([&] { return catalog_.Policies()->unreadable.empty(); }));
}

TEST_F(CatalogTest, WaitsNoMoreForOneThatTurnsOutToBeOnNoPolicy) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  StartCatalog();
  server_->Put(kSignOffs,
               FromTheFuture(PolicySignOffJson("s", VersionJson("bank", ""), "lending")));
  EXPECT_TRUE(Await([&] { return catalog_.Policies()->unreadable.size() == 1; }));
  server_->Put(kSignOffs, SignOffJson("s", "scoring"));
  EXPECT_TRUE(Await([&] { return catalog_.Policies()->unreadable.empty(); }));
}

TEST_F(CatalogTest, TellsWhichUseCaseAChangeConcerns) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  StartCatalog();
  EXPECT_EQ(AwaitChange("UseCase", "scoring").use_case, "lending/scoring");
  server_->Put(kSignOffs, SignOffJson("s", "scoring"));
  EXPECT_EQ(AwaitChange("SignOff", "s").use_case, "lending/scoring");
  server_->Put(kBiasTests, BiasTestJson("b", "scoring"));
  EXPECT_EQ(AwaitChange("BiasTest", "b").use_case, "lending/scoring");
  server_->Put(kModelDeployments, DeploymentJson("d", "scoring"));
  const CatalogChange deployment = AwaitChange("ModelDeployment", "d");
  EXPECT_EQ(deployment.use_case, "lending/scoring");
  EXPECT_EQ(deployment.key, (ObjectKey{"lending-prod", "d"}));
  server_->Put(kGovernancePolicies, PolicyJson("bank"));
  EXPECT_EQ(AwaitChange("GovernancePolicy", "bank").use_case, "") << "all of them";
  server_->Put(kSignOffs, FromTheFuture(SignOffJson("unreadable", "scoring")));
  EXPECT_EQ(AwaitChange("SignOff", "unreadable").use_case, "") << "any of them";
  ForgetChanges();
  server_->Remove(kSignOffs, {"lending", "s"});
  EXPECT_EQ(AwaitChange("SignOff", "s").use_case, "lending/scoring");
}

TEST_F(CatalogTest, ListsTheDeploymentsOfAUseCase) {
  server_->Put(kModelDeployments, DeploymentJson("b", "scoring"));
  server_->Put(kModelDeployments, DeploymentJson("a", "scoring", "lending-dev"));
  server_->Put(kModelDeployments, DeploymentJson("c", "chat"));
  StartCatalog();
  EXPECT_EQ(catalog_.DeploymentsOf("lending/scoring"),
            (std::vector<ObjectKey>{{"lending-dev", "a"}, {"lending-prod", "b"}}));
  EXPECT_TRUE(catalog_.DeploymentsOf("lending/none").empty());
  // A deployment that is moved to another use case concerns both.
  ForgetChanges();
  server_->Put(kModelDeployments, DeploymentJson("b", "chat"));
  EXPECT_TRUE(Await([&] { return changes_.size() == 2; }));
  EXPECT_EQ(changes_[0].use_case, "lending/scoring");
  EXPECT_EQ(changes_[1].use_case, "lending/chat");
}

TEST_F(CatalogTest, TakesInWhatWasReadLiveBeforeTheWatchTellsOfIt) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  StartCatalog();
  server_->HoldEvents();
  Json object = SignOffJson("s", "scoring");
  SetPath(object, "metadata/resourceVersion", "900");
  catalog_.Upsert(kSignOffs, Json(object));
  EXPECT_EQ(NamesOf(GatherFor("scoring").sign_offs), Names{"s"});
  EXPECT_EQ(AwaitChange("SignOff", "s").use_case, "lending/scoring");
}

TEST_F(CatalogTest, CountsWhatItHoldsForMetrics) {
  for (const CacheStatus& cache : catalog_.Caches()) {
    EXPECT_FALSE(cache.synced);
    EXPECT_EQ(cache.last_heard, std::nullopt);
  }
  EXPECT_FALSE(catalog_.HasSynced());
  EXPECT_FALSE(catalog_.WaitForSync({}, clock_.Steady())) << "nothing was started";
  server_->Put(kSignOffs, SignOffJson("s", "scoring"));
  server_->Put(kSignOffs, FromTheFuture(SignOffJson("t", "scoring")));
  StartCatalog();
  EXPECT_TRUE(catalog_.HasSynced());
  std::map<std::string_view, CacheStatus> caches;
  for (const CacheStatus& cache : catalog_.Caches()) {
    EXPECT_TRUE(cache.synced) << cache.kind;
    EXPECT_NE(cache.last_heard, std::nullopt) << cache.kind;
    caches[cache.kind] = cache;
  }
  EXPECT_EQ(caches.size(), 10U);
  EXPECT_EQ(caches["SignOff"].objects, 2U);
  EXPECT_EQ(caches["SignOff"].undecodable, 1U);
  EXPECT_EQ(caches["BiasTest"].objects, 0U);
}

Json Rejected(Json sign_off) {
  sign_off["spec"]["decision"] = "Reject";
  return sign_off;
}

std::string NamesOfRejections(const SharedList<AttestedSignOff>& list) {
  std::string names;
  for (const auto& one : list) names += one.object->meta.name + " ";
  return names;
}

TEST_F(CatalogTest, WhatIsRejectedInAUseCaseIsSeenOfItWhateverItDeploys) {
  Json waiver = Rejected(SignOffJson("waiver", "scoring"));
  waiver["spec"]["subject"] = {{"kind", "Waiver"},
                               {"useCase", "scoring"},
                               {"waiver", "w"},
                               {"waiverDigest", "sha256:" + std::string(64, '6')}};
  server_->Put(kSignOffs, Rejected(SignOffJson("answers", "scoring")));
  server_->Put(kSignOffs, waiver);
  server_->Put(kSignOffs, SignOffJson("approved", "scoring"));
  server_->Put(kSignOffs, Rejected(SignOffJson("elsewhere", "scoring", "attic")));
  server_->Put(kSignOffs, Rejected(SignOffJson("other", "chat")));
  StartCatalog();
  const SeenOfModel seen = catalog_.SeenOfUseCase({"lending", "scoring"});
  EXPECT_EQ(NamesOfRejections(seen.sign_offs), "answers waiver ");
  EXPECT_EQ(seen.use_case, "lending/scoring");
}

TEST_F(CatalogTest, ARepetitionThatEndedInAnotherModelIsSeenOfTheFirst) {
  const auto repetition = [](const std::string& name, const std::string& of, char digit) {
    Json json = SnapshotJson(name, "scoring");
    json["spec"]["reproductionOf"] = of;
    json["spec"]["model"]["digest"] = "sha256:" + std::string(64, digit);
    return json;
  };
  const Json run = SnapshotJson("run", "scoring");
  const std::string model = StringAt(run, "spec/model/digest");
  server_->Put(kReproducibilitySnapshots, run);
  server_->Put(kReproducibilitySnapshots, repetition("differs", "run", '8'));
  server_->Put(kReproducibilitySnapshots, repetition("of-another", "other-run", '8'));
  Json elsewhere = repetition("elsewhere", "run", '8');
  elsewhere["spec"]["useCase"] = "chat";
  server_->Put(kReproducibilitySnapshots, elsewhere);
  StartCatalog();
  EXPECT_EQ(NamesOf(catalog_.SeenOf(model).snapshots), (Names{"run", "differs"}));
  // Both models' records are due.
  server_->Put(kReproducibilitySnapshots, repetition("differs-again", "run", '9'));
  EXPECT_EQ(AwaitChange("ReproducibilitySnapshot", "differs-again").models,
            (Names{"sha256:" + std::string(64, '9'), model}));
}

// Of the use case 'scoring', or of a model, from before use cases had one.
Json RecordOfRejection(const InstallationKey* key, const std::string& model = {}) {
  const std::string digest = model.empty() ? RecordDigestOf("lending", "scoring") : model;
  const Json content = *Find(Rejected(SignOffJson("no", "scoring")), "spec");
  Json record = {
      {"apiVersion", "countersign.dev/v1alpha1"},
      {"kind", "ModelRecord"},
      {"metadata", {{"name", RecordName(digest)}, {"uid", "r"}, {"resourceVersion", "7"}}},
      {"spec",
       {{"digest", digest},
        {"useCase", "lending/scoring"},
        {"decisions",
         Json::array({{{"namespace", "lending"},
                       {"useCase", "scoring"},
                       {"role", "validator"},
                       {"decision", "Reject"},
                       {"name", "no"},
                       {"uid", "u"},
                       {"digest", "sha256:" + std::string(64, '5')},
                       {"by", {{"user", "vera"}, {"firstSeen", "2026-11-20T10:00:00.000000Z"}}},
                       {"content", DumpJson(content)}}})}}}};
  if (!model.empty()) record["spec"].erase("useCase");
  if (key == nullptr) return record;
  return StampedBy(*key, std::move(record), "countersign-operator",
                   ParseTime("2026-11-20T11:00:00Z").value());
}

TEST_F(CatalogTest, WhatWasRejectedInAUseCaseCountsForAModelWithoutARecord) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  server_->Put(kUseCases, UseCaseJson("chat"));
  server_->Put(kModelRecords, RecordOfRejection(&key_));
  StartCatalog();
  ASSERT_EQ(GatherFor("scoring").records.size(), 1U);
  EXPECT_TRUE(GatherFor("scoring").unknown.empty());
  EXPECT_TRUE(GatherFor("chat").records.empty());
}

TEST_F(CatalogTest, WhatAModelsRecordHasOfAUseCaseCountsForOthersUntilThatHasItsOwn) {
  const std::string other = "sha256:" + std::string(64, '7');
  server_->Put(kUseCases, UseCaseJson("scoring"));
  server_->Put(kUseCases, UseCaseJson("chat"));
  server_->Put(kModelRecords, RecordOfRejection(&key_, other));
  StartCatalog();
  const Facts facts = GatherFor("scoring");
  ASSERT_EQ(facts.records.size(), 1U);
  EXPECT_EQ(facts.records[0]->spec.use_case, "lending/scoring");
  ASSERT_EQ(facts.records[0]->spec.decisions.size(), 1U);
  EXPECT_NE(facts.records[0]->spec.decisions[0].sign_off, nullptr);
  EXPECT_TRUE(GatherFor("chat").records.empty());
  // The operator is told to write it down.
  EXPECT_EQ(AwaitChange("ModelRecord", RecordName(other)).use_case, "lending/scoring");
  const Json own = RecordOfRejection(&key_);
  server_->Put(kModelRecords, own);
  AwaitChange("ModelRecord", StringAt(own, "metadata/name"));
  EXPECT_EQ(GatherFor("scoring").records.size(), 1U) << "once";
}

TEST_F(CatalogTest, WhatAModelsRecordHasOfAUseCaseAndNobodySignedIsAnUnknownFact) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  server_->Put(kModelRecords, RecordOfRejection(nullptr, "sha256:" + std::string(64, '7')));
  StartCatalog();
  EXPECT_TRUE(GatherFor("scoring").records.empty());
  EXPECT_EQ(GatherFor("scoring").unknown.size(), 1U);
}

TEST_F(CatalogTest, ARecordedRejectionThatNobodySignedIsAnUnknownFact) {
  server_->Put(kUseCases, UseCaseJson("scoring"));
  server_->Put(kModelRecords, RecordOfRejection(nullptr));
  StartCatalog();
  EXPECT_TRUE(GatherFor("scoring").records.empty());
  ASSERT_EQ(GatherFor("scoring").unknown.size(), 1U);
  EXPECT_NE(GatherFor("scoring").unknown[0].find("is not signed by this installation"),
            std::string::npos);
}

}  // namespace
}  // namespace countersign
