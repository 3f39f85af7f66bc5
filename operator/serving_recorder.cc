#include "operator/serving_recorder.h"

#include <algorithm>

namespace countersign {
namespace {

constexpr char kServingRecord[] = "ServingRecord";

Call Until(std::stop_token stop) {
  Call call;
  call.stop = std::move(stop);
  return call;
}

bool Flag(const EvidenceSpec& spec, std::string_view name) {
  return std::any_of(spec.claims.begin(), spec.claims.end(), [&](const Claim& claim) {
    return claim.name == name && claim.flag.value_or(false);
  });
}

Json RecordObject(const ObjectKey& deployment, const ServingRecord& record, Time now) {
  const char* what = record.ended     ? "serves it no more"
                     : record.healthy ? "serves it, all Pods are available"
                                      : "has too few available Pods";
  Json claims = Json::array({Json{{"name", "healthy"}, {"flag", record.healthy}},
                             Json{{"name", "deployment"}, {"text", deployment.ToString()}}});
  if (record.ended) claims.push_back({{"name", "ended"}, {"flag", true}});
  return {{"apiVersion", kEvidence.ApiVersion()},
          {"kind", kEvidence.kind},
          {"metadata",
           {{"generateName", "serving-record-"}, {"namespace", record.run.use_case.name_space}}},
          {"spec",
           {{"useCase", record.run.use_case.name},
            {"type", kServingRecord},
            {"model",
             {{"digest", record.run.model.digest},
              {"digestType", std::string(NameOf(record.run.model.type))}}},
            {"environment", record.run.environment},
            {"performedAt", FormatTime(now)},
            {"summary", "ModelDeployment " + deployment.ToString() + " " + what + "."},
            {"claims", std::move(claims)}}}};
}

ApiError NotStamped(const ObjectKey& deployment) {
  return ApiError(
      Fail(Code::kPermissionDenied,
           "the ServingRecord about " + deployment.ToString() +
               " carries no stamp of this installation for the operator's account; is the mutating "
               "webhook configuration in place? Restart the operator when it is")
          .value());
}

}  // namespace

ApiResult<Provenance> ServingRecorder::Self(const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  if (self_) return *self_;
  const auto review = client_.Create(
      kSelfSubjectReviews,
      {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}}, {}, Until(stop));
  if (!review) return tl::unexpected(review.error());
  Provenance self;
  self.authenticity = Authenticity::kAttested;
  self.user = StringAt(*review, "status/userInfo/username");
  if (self.user.empty()) {
    return tl::unexpected(
        ApiError(Fail(Code::kInternal, "the API server does not say who the operator is").value()));
  }
  if (const Json* groups = FindPath(*review, "status/userInfo/groups");
      groups != nullptr && groups->is_array()) {
    for (const Json& group : *groups) {
      if (group.is_string()) self.groups.push_back(group.get<std::string>());
    }
  }
  self_ = self;
  return self;
}

std::vector<ServingRecord> ServingRecorder::OwnRecords(const ObjectKey& deployment,
                                                       const Provenance& self) const {
  std::vector<ServingRecord> records;
  for (const auto& cached : catalog_.ServingRecordsOf(deployment.ToString())) {
    const EvidenceReport& report = cached->object;
    if (cached->by.authenticity != Authenticity::kAttested || cached->by.user != self.user ||
        !report.spec.model) {
      continue;
    }
    records.push_back({{{report.meta.name_space, report.spec.use_case},
                        *report.spec.model,
                        report.spec.environment},
                       Flag(report.spec, "healthy"),
                       Flag(report.spec, "ended"),
                       cached->by.first_seen});
  }
  return records;
}

ApiStatus ServingRecorder::Write(const ObjectKey& deployment, const ServingRecord& record,
                                 const Provenance& self, const std::stop_token& stop) {
  auto created =
      client_.Create(kEvidence, RecordObject(deployment, record, clock_.Now()), {}, Until(stop));
  if (!created) return tl::unexpected(created.error());
  const Provenance by = VerifyStamp(catalog_.authority(), *created);
  const bool ours = by.authenticity == Authenticity::kAttested && by.user == self.user;
  // Read back at once: the next round must not write it again because the watch is behind.
  catalog_.Upsert(kEvidence, std::move(*created));
  if (ours) return {};
  const std::lock_guard lock(mutex_);
  unstamped_.insert(deployment);
  return tl::unexpected(NotStamped(deployment));
}

ApiResult<std::optional<Time>> ServingRecorder::Record(const ObjectKey& deployment,
                                                       const std::optional<ServingState>& serving,
                                                       const std::stop_token& stop) {
  const Time now = clock_.Now();
  const auto policies = catalog_.Policies();
  // Most clusters ask for none, and then nobody needs to know who we are.
  if (EnvironmentsWithRecords(*policies, deployment.ns, std::nullopt, now).empty()) {
    return std::optional<Time>{};
  }
  const auto self = Self(stop);
  if (!self) return tl::unexpected(self.error());
  const auto environments = EnvironmentsWithRecords(*policies, deployment.ns, *self, now);
  if (environments.empty()) return std::optional<Time>{};
  const RecordsPlan plan =
      PlanServingRecords(environments, OwnRecords(deployment, *self), serving, now);
  if (!plan.write.empty()) {
    const std::lock_guard lock(mutex_);
    if (unstamped_.contains(deployment)) return tl::unexpected(NotStamped(deployment));
  }
  for (const ServingRecord& record : plan.write) {
    if (auto written = Write(deployment, record, *self, stop); !written) {
      return tl::unexpected(written.error());
    }
  }
  return plan.look_again;
}

}  // namespace countersign
