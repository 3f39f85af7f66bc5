#include "catalog/revision.h"

#include "catalog/resources.h"
#include "evidence/dsse.h"
#include "governance/serving/child_name.h"

namespace countersign {
namespace {

// Says why `revision` does not belong to this object, or nothing.
std::string Misplaced(const Revision& revision, const StoredRevision& stored,
                      const std::string& installation) {
  if (revision.installation != installation) {
    return "is of installation '" + revision.installation + "'";
  }
  if (revision.deployment.ns != stored.key.ns || revision.uid != stored.owner_uid) {
    return "was made for ModelDeployment '" + revision.deployment.ToString() + "' with uid '" +
           revision.uid + "', not for its owner";
  }
  if (RevisionName(revision.deployment.name, revision.number) != stored.key.name) {
    return "was made as revision " + std::to_string(revision.number) + " of '" +
           revision.deployment.name + "'";
  }
  auto spec = ParseJson(revision.spec, kMaxForeignJsonDepth);
  if (!spec) return "carries a spec that cannot be read: " + spec.error().ToString();
  auto digest = GovernedDigest(*spec);
  if (!digest || *digest != revision.governed_digest) {
    return "carries a spec that is not the one of its governed digest";
  }
  return {};
}

}  // namespace

Json RevisionPayload(const Revision& revision) {
  auto spec = ParseJson(revision.spec, kMaxForeignJsonDepth);
  return {{"installation", revision.installation},
          {"namespace", revision.deployment.ns},
          {"name", revision.deployment.name},
          {"uid", revision.uid},
          {"number", revision.number},
          {"governedDigest", revision.governed_digest},
          {"spec", spec ? std::move(*spec) : Json()},
          {"author",
           {{"authenticity",
             revision.author.authenticity == Authenticity::kAttested ? "Attested" : "Unproven"},
            {"user", revision.author.user},
            {"groups", revision.author.groups},
            {"firstSeen", FormatMicroTime(revision.author.first_seen)}}},
          {"created", FormatMicroTime(revision.created)}};
}

Result<Revision> DecodeRevisionPayload(const Json& payload) {
  Revision revision;
  revision.installation = StringAt(payload, "installation");
  revision.deployment = {StringAt(payload, "namespace"), StringAt(payload, "name")};
  revision.uid = StringAt(payload, "uid");
  revision.number = IntAt(payload, "number");
  revision.governed_digest = StringAt(payload, "governedDigest");
  const Json* spec = Find(payload, "spec");
  const auto first_seen = ParseTime(StringAt(payload, "author/firstSeen"));
  const auto created = ParseTime(StringAt(payload, "created"));
  if (spec == nullptr || !spec->is_object() || !first_seen || !created || revision.number <= 0 ||
      revision.uid.empty() || revision.governed_digest.empty()) {
    return Fail(Code::kInvalidArgument, "the payload is not that of a revision");
  }
  revision.spec = DumpJson(*spec);
  revision.spec.shrink_to_fit();  // it is kept for long, and was written in doubling steps
  revision.created = *created;
  // Never better than what was signed: an unknown word is Unproven.
  if (StringAt(payload, "author/authenticity") == "Attested") {
    revision.author.authenticity = Authenticity::kAttested;
  } else {
    revision.author.problem = "the author was not known when the revision was recorded";
  }
  revision.author.user = StringAt(payload, "author/user");
  revision.author.first_seen = *first_seen;
  if (const Json* groups = FindPath(payload, "author/groups");
      groups != nullptr && groups->is_array()) {
    for (const Json& group : *groups) {
      if (group.is_string()) revision.author.groups.push_back(group.get<std::string>());
    }
  }
  return revision;
}

Result<std::shared_ptr<const ModelDeployment>> DeploymentOf(const Revision& revision) {
  auto spec = ParseJson(revision.spec, kMaxForeignJsonDepth);
  if (!spec) return Fail(spec.error());
  auto object = Decode<ModelDeploymentSpec>({{"apiVersion", kApiVersion},
                                             {"kind", ModelDeploymentSpec::kKind},
                                             {"metadata",
                                              {{"namespace", revision.deployment.ns},
                                               {"name", revision.deployment.name},
                                               {"uid", revision.uid}}},
                                             {"spec", std::move(*spec)}});
  if (!object) return Fail(object.error());
  return std::make_shared<const ModelDeployment>(std::move(*object));
}

EnvelopeOpener OpenWith(PublicKeys trusted) {
  return [trusted = std::move(trusted)](const Json& envelope) {
    return OpenEnvelope(trusted, kRevisionPayloadType, DumpJson(envelope));
  };
}

StoredRevision DecodeRevisionObject(const Json& object, const std::string& installation,
                                    const EnvelopeOpener& open) {
  StoredRevision stored;
  stored.key = KeyOf(object);
  stored.uid = UidOf(object);
  stored.number = IntAt(object, "revision");
  if (const Json* owners = FindPath(object, "metadata/ownerReferences");
      owners != nullptr && owners->is_array()) {
    for (const Json& owner : *owners) {
      if (!BoolAt(owner, "controller")) continue;
      stored.owner_uid = StringAt(owner, "uid");
      stored.owner_name = StringAt(owner, "name");
    }
  }
  const Json* data = Find(object, "data");
  auto payload = data == nullptr ? Result<Json>(Fail(Code::kInvalidArgument, "there is no data"))
                                 : open(*data);
  if (!payload) {
    stored.problem = "is not signed by this installation: " + payload.error().ToString();
    return stored;
  }
  auto revision = DecodeRevisionPayload(*payload);
  if (!revision) {
    stored.problem = revision.error().ToString();
    return stored;
  }
  stored.problem = Misplaced(*revision, stored, installation);
  if (!stored.problem.empty()) return stored;
  stored.number = revision->number;
  stored.revision = std::make_shared<const Revision>(std::move(*revision));
  return stored;
}

}  // namespace countersign
