// What the operator makes of what an earlier version of it left in the cluster.
#include <gtest/gtest.h>

#include "governance/types/model_record.h"
#include "tests/unit/catalog/objects.h"
#include "tests/unit/operator/operator_site.h"

namespace countersign {
namespace {

// A use case that deploys nothing; somebody rejected its answers, and deleted that. It stands in
// the record of a model that was deployed then.
TEST(Upgrade, RejectionsInTheRecordsOfModelsComeIntoThatOfTheirUseCase) {
  OperatorSite site;
  Json content = *Find(SignOffJson("no", "credit", "home"), "spec");
  content["decision"] = "Reject";
  const Json record = {
      {"apiVersion", "countersign.dev/v1alpha1"},
      {"kind", "ModelRecord"},
      {"metadata", {{"name", RecordName(Digest('1'))}}},
      {"spec",
       {{"digest", Digest('1')},
        {"decisions",
         Json::array({{{"namespace", "home"},
                       {"useCase", "credit"},
                       {"role", "validator"},
                       {"decision", "Reject"},
                       {"name", "no"},
                       {"uid", "u"},
                       {"digest", Digest('5')},
                       {"by", {{"user", "vera"}, {"firstSeen", "2026-11-20T10:00:00.000000Z"}}},
                       {"content", DumpJson(content)}}})}}}};
  site.api->Put(kModelRecords, site.Stamped(record, "operator"));
  site.PutPolicy();
  site.PutUseCase();
  site.Start();
  const ObjectKey own{{}, RecordName(RecordDigestOf("home", "credit"))};
  const auto told = [&] {
    const Json found = site.api->Find(kModelRecords, own).value_or(Json());
    const Json* decisions = FindPath(found, "spec/decisions");
    return decisions != nullptr && decisions->size() == 1 &&
           StringAt(decisions->front(), "name") == "no";
  };
  site.Until("the use case's record", told);
  // Nor is it lost with that one.
  site.api->Remove(kModelRecords, own);
  site.Until("it again", told);
}

}  // namespace
}  // namespace countersign
