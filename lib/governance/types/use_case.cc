#include "governance/types/use_case.h"

#include "governance/types/codec.h"

namespace countersign {

template <class V>
void Describe(V& v, Kpi& k) {
  v.Field({.name = "name", .doc = "Name of the indicator.", .required = true, .length = 63},
          k.name);
  v.Field({.name = "target", .doc = "What counts as success, in words.", .required = true},
          k.target);
  v.Field({.name = "description", .doc = "How it is measured.", .length = 1024}, k.description);
}

template <class V>
void Describe(V& v, Link& l) {
  v.Field({.name = "name", .doc = "What is found there.", .required = true, .length = 63}, l.name);
  v.Field({.name = "url", .doc = "Where it is.", .required = true, .length = 2048}, l.url);
}

template <class V>
void Describe(V& v, DataDisposition& d) {
  v.Field({.name = "data",
           .doc = "Which data: training sets, predictions, logs, the model itself.",
           .required = true},
          d.data);
  v.Field({.name = "action",
           .doc = "What becomes of it: Delete, Anonymize, Archive, Retain or Transfer.",
           .required = true},
          d.action);
  v.Field({.name = "reason", .doc = "Why, or on which legal basis.", .length = 1024}, d.reason);
  v.Field({.name = "until",
           .doc = "Until when it is kept. Required for Archive and Retain: nothing is kept for "
                  "ever by oversight. RFC 3339."},
          d.until);
  v.Rules({{"!(self.action in ['Archive', 'Retain']) || has(self.until)",
            "data that is kept needs until"}});
}

template <class V>
void Describe(V& v, Retirement& r) {
  v.Field({.name = "reason", .doc = "Why the use case ends.", .required = true, .length = 4096},
          r.reason);
  v.Field(
      {.name = "data", .doc = "What becomes of its data.", .required = true, .min = 1, .max = 32},
      r.data);
  v.Field({.name = "successor", .doc = "What takes its place: a use case, a rule, people."},
          r.successor);
}

template <class V>
void Describe(V& v, UseCaseSpec& s) {
  v.Field({.name = "title", .doc = "Title for people.", .required = true}, s.title);
  v.Field({.name = "purpose",
           .doc = "What decisions the model supports, about whom, and what happens with them.",
           .required = true,
           .length = 4096},
          s.purpose);
  v.Field({.name = "purposeCategory",
           .doc = "The purpose in one word of the organisation's vocabulary (for example "
                  "credit-decision); compared with the policy's prohibited purposes.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          s.purpose_category);
  v.Field({.name = "owner",
           .doc = "Account of the person who answers for the use case.",
           .required = true,
           .format = Format::kToken},
          s.owner);
  v.Field({.name = "sponsor",
           .doc = "Account of the senior manager who backs it.",
           .format = Format::kToken},
          s.sponsor);
  v.Field({.name = "developers",
           .doc = "Accounts and groups that develop or deploy the model: whoever is listed is not "
                  "independent of it. Of kind User or Group; admission refuses Person and Role, "
                  "which policies differ in.",
           .required = true,
           .min = 1,
           .max = 128},
          s.developers);
  v.Field({.name = "lifecycle",
           .doc = "Proposed (not yet to be deployed above the first environment), Active, Retiring "
                  "(no new versions) or Retired (kept for the record; nothing may serve). It is "
                  "retired only once people have signed off how it ends, and stays so.",
           .required = true},
          s.lifecycle);
  v.Field({.name = "answers",
           .doc = "Answers to the policy's questions: name of the question to the chosen options "
                  "(one, or several where the question allows it).",
           .max = 64,
           .length = 63},
          s.answers);
  v.Field({.name = "deployTo",
           .doc = "Namespaces whose ModelDeployments may refer to this use case, by exact name.",
           .format = Format::kName,
           .max = 64,
           .length = 63,
           .list = ListType::kSet},
          s.deploy_to);
  v.Field({.name = "kpis",
           .doc = "Business indicators the model is judged by.",
           .max = 32,
           .list = ListType::kMap,
           .list_key = "name"},
          s.kpis);
  v.Field({.name = "links",
           .doc = "Documents, repositories, dashboards.",
           .max = 32,
           .list = ListType::kMap,
           .list_key = "name"},
          s.links);
  v.Field({.name = "retirement", .doc = "How it ends. Required for Retiring and Retired."},
          s.retirement);
  v.Rules({{"!(self.lifecycle in ['Retiring', 'Retired']) || has(self.retirement)",
            "a use case that ends needs retirement: why, and what becomes of its data"}});
}

static void Check(const UseCaseSpec& spec, const Json& /*json*/, std::vector<Error>& errors) {
  const bool ends = spec.lifecycle == Lifecycle::kRetiring || spec.lifecycle == Lifecycle::kRetired;
  if (ends && !spec.retirement) {
    AddError(errors, "spec.retirement",
             "is required for lifecycle " + std::string(NameOf(spec.lifecycle)) +
                 ": why it ends, and what becomes of its data");
  }
  for (std::size_t i = 0; spec.retirement && i < spec.retirement->data.size(); ++i) {
    const DataDisposition& data = spec.retirement->data[i];
    const bool kept = data.action == DataAction::kArchive || data.action == DataAction::kRetain;
    if (!kept || data.until) continue;
    AddError(errors, "spec.retirement.data[" + std::to_string(i) + "].until",
             "is required for action " + std::string(NameOf(data.action)));
  }
  // The schema takes all kinds: `countersign doctor` needs what admission alone refuses.
  for (std::size_t i = 0; i < spec.developers.size(); ++i) {
    const SubjectKind kind = spec.developers[i].kind;
    if (kind == SubjectKind::kUser || kind == SubjectKind::kGroup) continue;
    AddError(errors, "spec.developers[" + std::to_string(i) + "].kind",
             "must be one of 'User', 'Group', is '" + std::string(NameOf(kind)) + "'");
  }
}

Result<std::string> AnswersDigest(const UseCaseSpec& spec) {
  Json developers = Json::array();
  for (const Subject& subject : spec.developers) {
    developers.push_back({{"kind", std::string(NameOf(subject.kind))}, {"name", subject.name}});
  }
  return JsonDigest(Json{{"answers", spec.answers},
                         {"developers", std::move(developers)},
                         {"owner", spec.owner},
                         {"purpose", spec.purpose},
                         {"purposeCategory", spec.purpose_category}});
}

Result<std::string> RetirementDigest(const Retirement& retirement) {
  Json data = Json::array();
  for (const DataDisposition& one : retirement.data) {
    data.push_back({{"action", std::string(NameOf(one.action))},
                    {"data", one.data},
                    {"reason", one.reason},
                    {"until", one.until ? FormatTime(*one.until) : std::string()}});
  }
  return JsonDigest(Json{{"data", std::move(data)},
                         {"reason", retirement.reason},
                         {"successor", retirement.successor}});
}

template <>
void Derive(UseCaseSpec& spec) {
  if (spec.retirement) {
    spec.retirement_digest = RetirementDigest(*spec.retirement).value_or(std::string());
  }
  spec.answers_digest = AnswersDigest(spec).value_or(std::string());
}

COUNTERSIGN_INSTANTIATE_KIND(UseCaseSpec);

}  // namespace countersign
