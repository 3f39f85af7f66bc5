#include "governance/types/incident.h"

#include "governance/types/codec.h"

namespace countersign {

template <class V>
void Describe(V& v, Quarantine& q) {
  v.Field({.name = "scope",
           .doc = "Version (one model by its digest, or every model that contains the component "
                  "of that digest), Model (every version of that name) or UseCase "
                  "(whatever serves it).",
           .required = true},
          q.scope);
  v.Field({.name = "model", .doc = "The model or component. Required for Version."}, q.model);
  v.Field({.name = "modelName",
           .doc = "spec.model.name of the deployments. Required for Model.",
           .length = 253},
          q.model_name);
  v.Field({.name = "response",
           .doc = "What the operator does to what serves: Suspend, or Rollback to an earlier "
                  "approved revision that is not quarantined. Default Suspend."},
          q.response);
  v.Rules({{"(self.scope == 'Version') == has(self.model)", "model goes with scope Version"},
           {"(self.scope == 'Model') == has(self.modelName)", "modelName goes with scope Model"},
           {"!has(self.response) || self.response in ['Suspend', 'Rollback']",
            "response must be Suspend or Rollback"}});
}

template <class V>
void Describe(V& v, IncidentSpec& s) {
  v.Field({.name = "useCase",
           .doc = "Name of the use case, in this object's namespace.",
           .required = true,
           .format = Format::kObjectName},
          s.use_case);
  v.Field({.name = "severity", .doc = "How bad it is.", .required = true}, s.severity);
  v.Field(
      {.name = "category",
       .doc = "What kind of incident it is, as the policy's spec.incidents.deadlines name them; "
              "by default SeriousIncident, Death, WidespreadInfringement or "
              "CriticalInfrastructure (EU AI Act, art. 73).",
       .required = true,
       .format = Format::kToken,
       .length = 63},
      s.category);
  v.Field({.name = "awareAt",
           .doc = "When the organisation became aware of it, from which deadlines are counted. "
                  "RFC 3339.",
           .required = true},
          s.aware_at);
  v.Field({.name = "summary",
           .doc = "What happened, as far as it is known.",
           .required = true,
           .length = 4096},
          s.summary);
  v.Field({.name = "quarantine",
           .doc = "What may not serve until the incident is closed. Nothing, if absent."},
          s.quarantine);
  v.Field({.name = "changeFreeze",
           .doc = "Whether nothing new may be deployed for the use case until the incident is "
                  "closed; what serves goes on."},
          s.change_freeze);
}

static void Check(const IncidentSpec& spec, const Json& /*json*/, std::vector<Error>& errors) {
  if (!spec.quarantine) return;
  const Quarantine& q = *spec.quarantine;
  const std::string path = "spec.quarantine";
  if ((q.scope == QuarantineScope::kVersion) != q.model.has_value()) {
    AddError(errors, path + ".model", "goes with scope Version, and is required there");
  }
  if ((q.scope == QuarantineScope::kModel) != !q.model_name.empty()) {
    AddError(errors, path + ".modelName", "goes with scope Model, and is required there");
  }
  if (q.response != Reaction::kSuspend && q.response != Reaction::kRollback) {
    AddError(errors, path + ".response",
             "must be one of 'Suspend', 'Rollback', is '" + std::string(NameOf(q.response)) + "'");
  }
}

COUNTERSIGN_INSTANTIATE_KIND(IncidentSpec);

}  // namespace countersign
