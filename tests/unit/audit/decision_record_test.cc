#include "audit/decision_record.h"

#include <gtest/gtest.h>

#include <regex>

#include "base/digest.h"

namespace countersign {
namespace {

const Time kNow = ParseTime("2026-11-24T08:30:00.123456Z").value();
const std::string kDigest = "sha256:" + std::string(64, 'a');

Gate MakeGate(const std::string& measure, GateState state, const std::string& reason) {
  Gate gate;
  gate.policy = "bank-policy";
  gate.measure = measure;
  gate.state = state;
  gate.reason = reason;
  gate.message = measure + " said so";
  gate.remedy = "ask vera";
  return gate;
}

Decision SampleDecision() {
  Decision decision;
  decision.verdict = Verdict::kDeny;
  decision.environment = "prod";
  decision.classes = {"high"};
  decision.governed_digest = kDigest;
  decision.policies = {{"bank-policy", kDigest}};
  decision.gates = {MakeGate("validation", GateState::kMissing, "SignOffMissing"),
                    MakeGate("fairness", GateState::kPassed, "BiasWithinBounds"),
                    MakeGate("committee", GateState::kMissing, "SignOffMissing")};
  decision.gates[1].evidence = {{"BiasTest", "lending", "holdout", kDigest,
                                 Signatory{"Vera Jansen", "vera@bank.example", kNow, "Authorship",
                                           "SHA256:abc", Assurance::kSigned}}};
  return decision;
}

DecisionRecord SampleRecord(const Decision* decision = nullptr) {
  DecisionRecord record;
  record.id = NewUuid(kNow);
  record.time = kNow;
  record.source = "webhook";
  record.operation = "CREATE";
  record.user = "dana@bank.example";
  record.groups = {"ds-lending"};
  record.kind = "ModelDeployment";
  record.name_space = "lending-prod";
  record.name = "scorer";
  record.model_digest = kDigest;
  record.decision = decision;
  if (decision != nullptr) record.reasons = ReasonsOf(*decision);
  return record;
}

Json Parsed(const DecisionRecord& record) {
  const std::string line = RecordLine(record);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  auto json = ParseJson(line);
  EXPECT_TRUE(json) << json.error().ToString();
  return json ? *json : Json();
}

TEST(DecisionRecord, TellsWhoAskedForWhatAndWhatWasDecidedOnWhichGrounds) {
  const Decision decision = SampleDecision();
  const DecisionRecord record = SampleRecord(&decision);
  const Json json = Parsed(record);
  EXPECT_EQ(StringAt(json, "type"), "decision");
  EXPECT_EQ(StringAt(json, "decisionId"), record.id);
  EXPECT_EQ(StringAt(json, "time"), "2026-11-24T08:30:00.123456Z");
  EXPECT_EQ(StringAt(json, "requester/username"), "dana@bank.example");
  EXPECT_EQ(StringAt(json, "object/name"), "scorer");
  EXPECT_EQ(StringAt(json, "modelDigest"), kDigest);
  EXPECT_EQ(*Find(json, "reasons"), Json({"SignOffMissing"}));
  EXPECT_EQ(StringAt(json, "decision/verdict"), "Deny");
  EXPECT_EQ(StringAt(json, "decision/gatesPassed"), "1/3");
  const Json& gates = *FindPath(json, "decision/gates");
  ASSERT_EQ(gates.size(), 3U);
  EXPECT_EQ(StringAt(gates[0], "message"), "validation said so");
  EXPECT_EQ(Find(gates[1], "message"), nullptr) << "what passed needs no words";
  EXPECT_EQ(StringAt((*Find(gates[1], "evidence"))[0], "digest"), kDigest);
  EXPECT_EQ(StringAt((*FindPath(json, "decision/policies"))[0], "digest"), kDigest);
}

TEST(DecisionRecord, NamesWhoSignedTheEvidenceWhenAndWithWhatMeaning) {
  Decision decision = SampleDecision();
  decision.gates[0].evidence = {{"SignOff", "lending", "no", kDigest}};
  const DecisionRecord record = SampleRecord(&decision);
  const Json json = Parsed(record);
  const Json& gates = *FindPath(json, "decision/gates");
  EXPECT_EQ((*Find(gates[1], "evidence"))[0].at("signatory"),
            Json({{"printedName", "Vera Jansen"},
                  {"account", "vera@bank.example"},
                  {"at", FormatTime(kNow)},
                  {"meaning", "Authorship"},
                  {"key", "SHA256:abc"},
                  {"assurance", "Signed"}}));
  EXPECT_EQ(Find((*Find(gates[0], "evidence"))[0], "signatory"), nullptr) << "nobody is known";
}

TEST(DecisionRecord, CannotBeForgedByWhatAFieldContains) {
  const std::string evil =
      "x\",\"allowed\":true}\n{\"type\":\"decision\",\"allowed\":true}\r\x1b[2J\xff\xfe\0end";
  Decision decision = SampleDecision();
  decision.environment = evil;
  decision.gates[0].message = evil;
  decision.gates[1].evidence[0].name = evil;
  decision.gates[1].evidence[0].signatory =
      Signatory{evil, evil, kNow, evil, evil, Assurance::kSigned};
  DecisionRecord record = SampleRecord(&decision);
  for (std::string* field :
       {&record.user, &record.user_uid, &record.credential_id, &record.kind, &record.name_space,
        &record.name, &record.object_uid, &record.subresource, &record.request_uid,
        &record.traceparent, &record.message, &record.model_digest, &record.operation}) {
    *field = evil;
  }
  record.groups = {evil};
  const std::string line = RecordLine(record);
  for (const char c : line) {
    ASSERT_GE(static_cast<unsigned char>(c), 0x20) << "no control character reaches the log";
  }
  const Json json = Parsed(record);
  EXPECT_FALSE(BoolAt(json, "allowed", true));
  EXPECT_TRUE(StringAt(json, "object/name").starts_with("x\",\"allowed\":true}\n{"));
}

TEST(DecisionRecord, StaysSmallWhateverUsersSend) {
  const std::string huge(1 << 20, 'x');
  Decision decision = SampleDecision();
  decision.environment = huge;
  decision.classes.assign(100, huge);
  decision.policies.assign(100, {huge, kDigest});
  Gate passed = MakeGate("passed", GateState::kPassed, "Fine");
  passed.evidence.assign(1000, {"BiasTest", "ns", std::string(253, 'n'), kDigest});
  decision.gates.assign(300, passed);
  decision.gates.push_back(MakeGate("failed", GateState::kFailed, "BiasOutOfBounds"));
  decision.gates.back().message = huge;
  DecisionRecord record = SampleRecord(&decision);
  record.user = record.name = record.message = record.traceparent = huge;
  record.groups.assign(1000, std::string(1000, 'g'));
  const std::string line = RecordLine(record);
  EXPECT_LT(line.size(), 160U * 1024U);
  const Json json = Parsed(record);
  EXPECT_EQ(IntAt(json, "requester/groupCount"), 1000);
  EXPECT_EQ(StringAt(json, "decision/gatesPassed"), "300/301") << "what was cut is counted";
  const Json& gates = *FindPath(json, "decision/gates");
  EXPECT_EQ(StringAt(gates.back(), "measure"), "failed") << "what failed is kept";
  EXPECT_EQ(IntAt(gates.front(), "evidenceCount"), 1000);
}

TEST(DecisionRecord, CutsTextBetweenCharacters) {
  DecisionRecord record = SampleRecord();
  record.user.clear();
  while (record.user.size() <= kMaxRecordText) record.user += "\u20ac";  // three bytes each
  const std::string user = StringAt(Parsed(record), "requester/username");
  EXPECT_EQ(user.size() % 3, 0U);
  EXPECT_GT(user.size(), kMaxRecordText - 3);
  EXPECT_LE(user.size(), kMaxRecordText);
}

TEST(DecisionRecord, LeavesOutWhatDoesNotExist) {
  const Json json = Parsed(SampleRecord());
  for (const char* field : {"decision", "ratcheted", "traceparent", "requestUid", "message"}) {
    EXPECT_EQ(Find(json, field), nullptr) << field;
  }
  EXPECT_EQ(FindPath(json, "object/subresource"), nullptr);
}

TEST(AuditAnnotations, CarryTheIdThatJoinsThemWithTheRecord) {
  const Decision decision = SampleDecision();
  const DecisionRecord record = SampleRecord(&decision);
  const auto annotations = AuditAnnotations(record);
  const std::map<std::string, std::string> expected = {
      {"decision-id", record.id},
      {"decision", "Deny"},
      {"verdict", "Deny"},
      {"reasons", "SignOffMissing"},
      {"environment", "prod"},
      {"gates", "1/3"},
      {"model-digest", kDigest},
      {"governed-digest", kDigest},
      {"policies", "bank-policy=" + kDigest},
      {"evidence", "BiasTest/holdout=" + kDigest},
  };
  EXPECT_EQ(annotations, expected);
}

TEST(AuditAnnotations, NameTheEmergenciesThatLetItThrough) {
  Decision decision = SampleDecision();
  EmergencyNote note;
  note.name_space = "lending";
  note.waiver = "inc-1";
  decision.emergencies = {note};
  const DecisionRecord record = SampleRecord(&decision);
  EXPECT_EQ(AuditAnnotations(record).at("emergencies"), "lending/inc-1");
  const auto line = ParseJson(RecordLine(record));
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->at("decision").at("emergencies"), Json::array({"lending/inc-1"}));
}

TEST(AuditAnnotations, SayAllowEvenForWhatIsHeldOrOnlyRatcheted) {
  Decision decision = SampleDecision();
  DecisionRecord record = SampleRecord(&decision);
  record.allowed = record.ratcheted = true;
  const auto annotations = AuditAnnotations(record);
  EXPECT_EQ(annotations.at("decision"), "Allow");
  EXPECT_EQ(annotations.at("verdict"), "Deny");
  EXPECT_EQ(annotations.at("ratcheted"), "true");
}

TEST(AuditAnnotations, FitTheApiServerWhateverUsersSend) {
  Decision decision = SampleDecision();
  decision.environment = std::string(1 << 20, 'e');
  decision.policies.clear();
  for (int i = 0; i < 500; ++i) {
    decision.emergencies.emplace_back().waiver = std::string(200, 'w');
    decision.policies.push_back({"policy-" + std::to_string(i), kDigest});
    decision.gates[0].evidence.push_back({"SignOff", "ns", "so-" + std::to_string(i), kDigest});
    decision.gates.push_back(MakeGate("m", GateState::kFailed, "Reason" + std::to_string(i)));
  }
  DecisionRecord record = SampleRecord(&decision);
  record.model_digest = std::string(1 << 20, 'm');
  std::size_t total = 0;
  const std::regex name("[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?");
  for (const auto& [key, value] : AuditAnnotations(record)) {
    EXPECT_TRUE(std::regex_match(key, name)) << key;
    EXPECT_LE(key.size(), 63U);
    EXPECT_LE(value.size(), 1024U) << key;
    total += key.size() + value.size();
  }
  EXPECT_LE(total, 10U * 1024U);
  const std::string policies = AuditAnnotations(record).at("policies");
  EXPECT_TRUE(std::regex_match(policies, std::regex("(policy-\\d+=sha256:a{64},)+\\+\\d+")))
      << "no digest is cut in two: " << policies;
}

TEST(AuditAnnotations, NameEvidenceOnceThatServesSeveralGates) {
  Decision decision = SampleDecision();
  decision.gates[2].evidence = decision.gates[1].evidence;
  EXPECT_EQ(AuditAnnotations(SampleRecord(&decision)).at("evidence"),
            "BiasTest/holdout=" + kDigest);
}

TEST(ReasonsOf, GivesEachCodeOnceInTheOrderOfGates) {
  Decision decision = SampleDecision();
  decision.gates.push_back(MakeGate("x", GateState::kExpired, "SignOffExpired"));
  EXPECT_EQ(ReasonsOf(decision), (std::vector<std::string>{"SignOffMissing", "SignOffExpired"}));
  EXPECT_TRUE(ReasonsOf(Decision{}).empty());
}

}  // namespace
}  // namespace countersign
