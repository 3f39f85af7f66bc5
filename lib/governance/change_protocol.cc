#include "governance/change_protocol.h"

#include <algorithm>
#include <map>

#include "governance/types/object.h"

namespace countersign {
namespace {

constexpr std::int64_t kBillion = 1'000'000'000;
constexpr std::int64_t kMostUses = 10'000;

// Reads the claims of one protocol; each function takes those that it understands.
class Reader {
 public:
  explicit Reader(const EvidenceSpec& spec) : spec_(spec) {}

  Result<ChangeProtocol> Run() {
    if (!spec_.model) return Bad("spec.model", "must name the model that the protocol starts from");
    if (spec_.environment.empty()) return Bad("spec.environment", "must name an environment");
    for (const char* name :
         {"kinds", "standsFor", "maxUses", "expiresAt", "policy", "policyDigest", "frameDigest"}) {
      if (std::none_of(spec_.claims.begin(), spec_.claims.end(),
                       [&](const Claim& claim) { return claim.name == name; })) {
        return Bad("spec.claims", std::string("must have claim '") + name + "'");
      }
    }
    for (std::size_t i = 0; i < spec_.claims.size(); ++i) {
      const std::string path = "spec.claims[" + std::to_string(i) + "]";
      if (auto ok = Take(spec_.claims[i], path); !ok) return Fail(ok.error());
    }
    return std::move(protocol_);
  }

 private:
  static tl::unexpected<Error> Bad(const std::string& path, const std::string& text) {
    return Fail(Code::kInvalidArgument, text, path);
  }

  Status Take(const Claim& claim, const std::string& path) {
    const std::map<std::string, std::string ChangeProtocol::*> texts = {
        {"policy", &ChangeProtocol::policy},
        {"policyDigest", &ChangeProtocol::policy_digest},
        {"frameDigest", &ChangeProtocol::frame_digest}};
    if (const auto it = texts.find(claim.name); it != texts.end()) {
      protocol_.*it->second = claim.text;
      return {};
    }
    if (claim.name == "standsFor") {
      protocol_.stands_for = claim.items;
      return {};
    }
    if (claim.name == "freshMeasures") {
      protocol_.fresh = claim.items;
      return {};
    }
    if (claim.name == "kinds") return Kinds(claim, path);
    if (claim.name == "maxUses") return Uses(claim, path);
    if (claim.name == "expiresAt") return Expiry(claim, path);
    return Bound(claim, path);
  }

  Status Kinds(const Claim& claim, const std::string& path) {
    for (std::size_t i = 0; i < claim.items.size(); ++i) {
      bool known = false;
      for (const auto& [kind, name] : EnumNames<ChangeKind>::kNames) {
        if (claim.items[i] != name || kind == ChangeKind::kAlgorithm ||
            kind == ChangeKind::kPurpose) {
          continue;
        }
        protocol_.kinds.insert(kind);
        known = true;
      }
      if (known) continue;
      return Bad(path + ".items[" + std::to_string(i) + "]",
                 "must be DataRefresh, Parameter, Threshold, Feature or Serving, is '" +
                     claim.items[i] + "'");
    }
    return {};
  }

  Status Uses(const Claim& claim, const std::string& path) {
    const std::int64_t billionths = claim.number ? claim.number->billionths() : 0;
    if (billionths % kBillion != 0 || billionths < kBillion || billionths > kMostUses * kBillion) {
      return Bad(path + ".number", "must be a whole number from 1 to " + std::to_string(kMostUses));
    }
    protocol_.max_uses = billionths / kBillion;
    return {};
  }

  Status Expiry(const Claim& claim, const std::string& path) {
    auto time = ParseTime(claim.text);
    if (!time) return Bad(path + ".text", time.error().message);
    protocol_.expires_at = *time;
    return {};
  }

  // "accuracyMin" and "accuracyMax" bound the metric "accuracy". A claim that nobody understands
  // might have been meant as a bound.
  Status Bound(const Claim& claim, const std::string& path) {
    constexpr std::size_t kSuffix = 3;
    const bool least = claim.name.ends_with("Min");
    if (!claim.number || claim.name.size() <= kSuffix || (!least && !claim.name.ends_with("Max"))) {
      return Bad(path, "'" + claim.name +
                           "' is no claim of a ChangeProtocol; bounds on metrics are numbers named "
                           "<metric>Min and <metric>Max");
    }
    NumberBound bound;
    bound.name = claim.name.substr(0, claim.name.size() - kSuffix);
    (least ? bound.min : bound.max) = *claim.number;
    protocol_.bounds.push_back(std::move(bound));
    return {};
  }

  const EvidenceSpec& spec_;
  ChangeProtocol protocol_;
};

}  // namespace

Result<ChangeProtocol> ReadProtocol(const EvidenceSpec& spec) { return Reader(spec).Run(); }

Result<std::string> FrameDigest(const ModelDeploymentSpec& spec) {
  Json json = EncodeSpec(spec);
  for (const char* member : {"digest", "uri", "version"}) json["model"].erase(member);
  return GovernedDigest(json);
}

}  // namespace countersign
