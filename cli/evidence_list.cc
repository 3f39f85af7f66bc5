#include "cli/evidence_list.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "governance/evaluate.h"
#include "governance/in_force.h"
#include "governance/measures/context.h"
#include "governance/measures/corrections.h"
#include "governance/measures/delegation.h"
#include "governance/signers.h"

namespace countersign {
namespace {

using Policies = std::vector<std::shared_ptr<const GovernancePolicy>>;

std::string AboutOf(const SignOffSpec& spec) { return MeaningOf(spec); }
std::string AboutOf(const EvidenceSpec& spec) { return spec.type; }
std::string AboutOf(const WaiverSpec& spec) { return "policy " + spec.policy; }
std::string AboutOf(const BiasTestSpec& spec) {
  return "protocol " + spec.protocol + " on " + spec.data_set.name;
}
std::string AboutOf(const ReproducibilitySnapshotSpec& spec) {
  return spec.reproduction_of.empty() ? "run" : "repeats " + spec.reproduction_of;
}

std::string ModelOf(const std::optional<ModelDigest>& model) {
  return model ? model->digest : std::string();
}
std::string ModelOf(const ModelDigest& model) { return model.digest; }
std::string ModelOf(const SignOffSpec& spec) { return ModelOf(spec.subject.model); }
template <class Spec>
std::string ModelOf(const Spec& spec) {
  return ModelOf(spec.model);
}

const std::string& UseCaseOf(const SignOffSpec& spec) { return spec.subject.use_case; }
template <class Spec>
const std::string& UseCaseOf(const Spec& spec) {
  return spec.use_case;
}

AttestedSignOff SignedUnder(const GovernancePolicySpec& policy, const AttestedSignOff& one) {
  return WithSigner(policy, kAnyEnvironment, one);
}
template <class Spec>
Attested<Spec> SignedUnder(const GovernancePolicySpec& policy, Attested<Spec> one) {
  return WithSigner(policy, kAnyEnvironment, std::move(one));
}

// Of measures that ask for such a piece: who is believed, how strongly it must be somebody's, and
// of how many of them.
struct Asking {
  const std::vector<Subject>* issuers = nullptr;
  Assurance assurance = Assurance::kRequester;
  std::int64_t signers = 1;
};

std::optional<Asking> AskingFor(const Requirement& require, const BiasTestSpec& /*spec*/) {
  if (!require.bias_test) return std::nullopt;
  const BiasTestRequirement& r = *require.bias_test;
  return Asking{&r.issuers, r.assurance, r.signers};
}
std::optional<Asking> AskingFor(const Requirement& require, const EvidenceSpec& spec) {
  if (!require.report || require.report->type != spec.type) return std::nullopt;
  return Asking{&require.report->issuers, require.report->assurance, require.report->signers};
}
std::optional<Asking> AskingFor(const Requirement& require,
                                const ReproducibilitySnapshotSpec& spec) {
  if (!require.reproducibility) return std::nullopt;
  const ReproducibilityRequirement& r = *require.reproducibility;
  return Asking{spec.reproduction_of.empty() ? &r.issuers : &r.reproducers, r.assurance, r.signers};
}

// Why no measure of the policy takes it; empty if one does.
template <class Spec>
std::string Unasked(const GovernancePolicy& policy, const Attested<Spec>& one) {
  const std::string under = "policy '" + policy.meta.name + "'";
  std::string why = "no measure of " + under + " asks for it";
  for (const Measure& measure : policy.spec.measures) {
    const auto asking = AskingFor(measure.require, one.object->spec);
    if (!asking) continue;
    const std::string by = "measure '" + measure.name + "' of " + under;
    if (!IsTrustedIssuer(policy.spec, *asking->issuers, one.by)) {
      why = by + " does not believe '" + one.by.user + "', but " +
            (asking->issuers->empty() ? "nobody" : SubjectsText(*asking->issuers));
    } else if (auto weak = WhyTooWeak(asking->assurance, one.by); !weak.empty()) {
      why = by + ": " + weak;
    } else if (auto few = WhyTooFew(policy.spec, *asking->issuers, asking->signers, one.by);
               !few.empty()) {
      why = by + ": " + few;
    } else {
      return {};
    }
  }
  return why;
}

std::string Unasked(const GovernancePolicy& policy, const AttestedSignOff& one) {
  const SignOffSpec& spec = one.object->spec;
  const std::string under = "policy '" + policy.meta.name + "'";
  if (FindRole(policy.spec, spec.role) == nullptr) {
    return under + " has no role '" + spec.role + "'";
  }
  if (HoldsRole(policy.spec, spec.role, one.by) || !spec.on_behalf_of.empty()) return {};
  return "'" + one.by.user + "' does not hold role '" + spec.role + "' under " + under +
         "; it is held by " + HoldersText(policy.spec, spec.role);
}

std::string Unasked(const GovernancePolicy& policy, const AttestedWaiver& one) {
  if (one.object->spec.policy != policy.meta.name) {
    return "it is for policy '" + one.object->spec.policy + "'";
  }
  return policy.spec.waivers ? "" : "policy '" + policy.meta.name + "' allows no waivers";
}

bool Replaces(const AttestedSignOff& newer, const AttestedSignOff& older) {
  return IsSameSubject(newer.object->spec, older.object->spec) &&
         newer.object->spec.signer.username == older.object->spec.signer.username;
}
bool Replaces(const AttestedWaiver& /*newer*/, const AttestedWaiver& /*older*/) { return false; }
template <class Spec>
bool Replaces(const Attested<Spec>& newer, const Attested<Spec>& older) {
  return IsSameSubject(newer.object->spec, older.object->spec);
}

const std::optional<Correction>& SupersedesOf(const WaiverSpec& /*spec*/) {
  static const std::optional<Correction> kNone;
  return kNone;
}
template <class Spec>
const std::optional<Correction>& SupersedesOf(const Spec& spec) {
  return spec.supersedes;
}

template <class Spec>
std::string Miscorrects(const GovernancePolicySpec& policy, const std::vector<Attested<Spec>>& all,
                        const Attested<Spec>& one) {
  std::map<std::string, Attested<Spec>> seen;
  const auto wrong = WhyNoCorrection<Spec>(
      policy,
      [&](const std::string& name) -> const Attested<Spec>* {
        for (const Attested<Spec>& other : all) {
          if (other.object->meta.name_space != one.object->meta.name_space ||
              other.object->meta.name != name) {
            continue;
          }
          return &seen.emplace(name, SignedUnder(policy, other)).first->second;
        }
        return nullptr;
      },
      one);
  return wrong ? wrong->why : std::string();
}
std::string Miscorrects(const GovernancePolicySpec& /*policy*/,
                        const std::vector<AttestedWaiver>& /*all*/, const AttestedWaiver& /*one*/) {
  return {};
}

std::optional<Time> EndOf(const SignOffSpec& spec) { return spec.expires_at; }
std::optional<Time> EndOf(const WaiverSpec& spec) { return spec.expires_at; }
template <class Spec>
std::optional<Time> EndOf(const Spec& /*spec*/) {
  return std::nullopt;
}

class Lister {
 public:
  Lister(const World& world, const EvidenceQuery& query)
      : query_(query), policies_(PoliciesInForce(world.policies(), query.now).policies) {
    std::sort(policies_.begin(), policies_.end(),
              [](const auto& a, const auto& b) { return a->meta.name < b->meta.name; });
    for (const World::Deployment& deployment : world.deployments()) Judge(world, deployment);
  }

  template <class Spec>
  void Add(const std::vector<Attested<Spec>>& all) {
    for (const Attested<Spec>& one : all) {
      const std::string& home = one.object->meta.name_space;
      const std::string use_case = home + "/" + UseCaseOf(one.object->spec);
      const std::string model = ModelOf(one.object->spec);
      const auto asked = [](const std::string& wanted, std::string_view is) {
        return wanted.empty() || wanted == is;
      };
      if (!asked(query_.name_space, home) || !asked(query_.use_case, use_case) ||
          !asked(query_.model, model) || !asked(query_.kind, Spec::kKind) ||
          !asked(query_.name, one.object->meta.name)) {
        continue;
      }
      EvidenceEntry entry;
      entry.ref = {std::string(Spec::kKind), home, one.object->meta.name, one.object->spec_digest};
      entry.use_case = use_case;
      entry.about = AboutOf(one.object->spec);
      entry.model = model;
      entry.by = one.by;
      Describe(all, one, entry);
      entries_.push_back(std::move(entry));
    }
  }

  std::vector<EvidenceEntry> Take() {
    std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
      return std::tie(a.ref.name_space, a.ref.kind, a.ref.name) <
             std::tie(b.ref.name_space, b.ref.kind, b.ref.name);
    });
    return std::move(entries_);
  }

 private:
  using Key = std::tuple<std::string, std::string, std::string, std::string>;

  static Key KeyOf(const EvidenceRef& ref) {
    return {ref.kind, ref.name_space, ref.name, ref.digest};
  }

  void Judge(const World& world, const World::Deployment& deployment) {
    const Facts facts = world.FactsOf(deployment, query_.now);
    models_.push_back(facts.deployment->spec.model.digest.digest);
    for (const Component& component : facts.deployment->spec.model.components) {
      models_.push_back(component.identity.digest);
    }
    for (const Gate& gate : Evaluate(world.policies(), facts).gates) {
      const std::string name = (gate.policy.empty() ? "" : gate.policy + "/") + gate.measure;
      for (const EvidenceRef& ref : gate.evidence) {
        uses_[KeyOf(ref)].push_back({facts.name_space + "/" + facts.name, name, gate.state});
      }
    }
  }

  template <class Spec>
  void Describe(const std::vector<Attested<Spec>>& all, const Attested<Spec>& one,
                EvidenceEntry& entry) const {
    if (const auto& supersedes = SupersedesOf(one.object->spec)) {
      entry.supersedes = supersedes->name;
      entry.correction = supersedes->reason;
    }
    for (const Attested<Spec>& other : all) {
      const auto& supersedes = SupersedesOf(other.object->spec);
      if (supersedes && supersedes->digest == entry.ref.digest &&
          supersedes->name == entry.ref.name &&
          other.object->meta.name_space == entry.ref.name_space) {
        entry.superseded_by = other.object->meta.name;
      }
    }
    std::vector<std::string> why;
    for (const auto& policy : policies_) {
      const Attested<Spec> mine = SignedUnder(policy->spec, one);
      if (!entry.ref.signatory) {
        entry.ref.signatory = SignatoryOf(policy->spec, mine.by, MeaningOf(one.object->spec));
      }
      if (auto because = WhyNot(*policy, all, mine); !because.empty()) {
        if (std::find(why.begin(), why.end(), because) == why.end()) why.push_back(because);
      }
    }
    if (const auto used = uses_.find(KeyOf(entry.ref)); used != uses_.end()) {
      entry.uses = used->second;
      return;
    }
    if (policies_.empty()) why.emplace_back("there is no policy");
    if (const auto end = EndOf(one.object->spec); end && *end <= query_.now) {
      why.push_back("it ended at " + FormatTime(*end));
    }
    if (auto newer = Newer(all, one); !newer.empty()) {
      why.push_back("'" + newer + "' is newer and about the same");
    }
    if (!entry.model.empty() &&
        std::find(models_.begin(), models_.end(), entry.model) == models_.end()) {
      why.emplace_back("no deployment is of its model");
    }
    if (why.empty()) why.emplace_back("no deployment's gate rests on it");
    entry.why_not = std::move(why);
  }

  template <class Spec>
  static std::string WhyNot(const GovernancePolicy& policy, const std::vector<Attested<Spec>>& all,
                            const Attested<Spec>& one) {
    if (!IsAuthentic(one.by)) return WhyNotAuthentic(one.by);
    if (auto wrong = Miscorrects(policy.spec, all, one); !wrong.empty()) return wrong;
    return Unasked(policy, one);
  }

  template <class Spec>
  static std::string Newer(const std::vector<Attested<Spec>>& all, const Attested<Spec>& one) {
    for (const Attested<Spec>& other : all) {
      if (other.object->meta.name_space == one.object->meta.name_space &&
          other.by.first_seen > one.by.first_seen && Replaces(other, one)) {
        return other.object->meta.name;
      }
    }
    return {};
  }

  const EvidenceQuery& query_;
  Policies policies_;
  std::map<Key, std::vector<EvidenceUse>> uses_;
  std::vector<std::string> models_;
  std::vector<EvidenceEntry> entries_;
};

}  // namespace

std::vector<EvidenceEntry> ListEvidence(const World& world, const EvidenceQuery& query) {
  Lister lister(world, query);
  lister.Add(world.sign_offs());
  lister.Add(world.policies().sign_offs);
  lister.Add(world.bias_tests());
  lister.Add(world.snapshots());
  lister.Add(world.reports());
  lister.Add(world.waivers());
  return lister.Take();
}

}  // namespace countersign
