#include <algorithm>
#include <set>

#include "base/digest.h"
#include "cli/doctor_parts.h"
#include "cli/key_rotation.h"
#include "cli/server_certificate.h"
#include "evidence/receipt.h"
#include "evidence/stamp.h"

namespace countersign {
namespace {

// Rolling a certificate over takes people a while where no program does it.
constexpr std::chrono::hours kSoon{24 * 21};
// By which the chart knows the end of a certificate that it made.
constexpr char kNotAfterAnnotation[] = "countersign.dev/not-after";

// The text of one key of a Secret, or of a caBundle; empty if there is none.
std::string Decoded(const std::string& base64) {
  auto text = Base64Decode(base64);
  return text ? std::move(*text) : std::string();
}

// Where the webhook's certificate lies; empty if nobody can tell.
std::string CertificateSecret(const Patient& patient) {
  const Json* webhook = DeploymentOf(patient, "countersign-webhook");
  if (webhook == nullptr) return {};
  if (std::string secret = SecretOf(*webhook, "tls"); !secret.empty()) return secret;
  const std::string built_in = ArgumentOf(*webhook, "--ca-secret");
  return built_in.substr(built_in.find('/') + 1);
}

bool HasCertManager(const Patient& patient) {
  const auto found =
      patient.found.find(NameOf("ValidatingWebhookConfiguration", "", "countersign"));
  const Json* annotations =
      found == patient.found.end() ? nullptr : FindPath(found->second, "metadata/annotations");
  return annotations != nullptr && Find(*annotations, "cert-manager.io/inject-ca-from") != nullptr;
}

// By whoever renews it.
std::string Renew(const Patient& patient) {
  const std::string in = " -n " + patient.name_space;
  const std::string secret = CertificateSecret(patient);
  const Json* webhook = DeploymentOf(patient, "countersign-webhook");
  std::string command = "kubectl get secret" + in + (secret.empty() ? "" : " " + secret);
  if (HasCertManager(patient)) {
    command = "kubectl describe certificate" + in + " countersign-webhook";
  } else if (webhook != nullptr && !ArgumentOf(*webhook, "--ca-secret").empty()) {
    const std::string name = NameOf("Secret", patient.name_space, secret);
    if (!patient.found.contains(name) && !patient.unread.contains(name)) {
      return LogsOf(patient, "countersign-webhook") + " (it makes the Secret when it starts)";
    }
    command =
        "kubectl annotate --overwrite secret" + in + " " + secret + " countersign.dev/rotate=now";
  }
  return command + " and docs/operations/certificates.md";
}

// By whoever gives the certificate its names: new keys for the same names would not help.
std::string Rename(const Patient& patient, const Json& secret, const std::string& name) {
  const std::string in = " -n " + patient.name_space;
  const std::string docs = " and docs/operations/certificates.md";
  const std::string called = StringAt(secret, "metadata/name");
  if (HasCertManager(patient)) {
    if (!ReleaseOf(patient).empty()) return Reinstall(patient) + docs;
    return "kubectl patch certificate" + in + " countersign-webhook --type=merge -p '" +
           DumpJson({{"spec", {{"dnsNames", Json::array({name})}}}}) + "'" + docs;
  }
  const Json* webhook = DeploymentOf(patient, "countersign-webhook");
  if (webhook != nullptr && !ArgumentOf(*webhook, "--ca-secret").empty()) {
    return LogsOf(patient, "countersign-webhook") + " (it issues one for that name by itself)";
  }
  const Json* annotations = FindPath(secret, "metadata/annotations");
  if (annotations != nullptr && Find(*annotations, kNotAfterAnnotation) != nullptr) {
    return "kubectl annotate secret" + in + " " + called + " " + kNotAfterAnnotation + "- && " +
           Reinstall(patient) + docs;
  }
  // A Secret keeps its type.
  const bool tls = StringAt(secret, "type") == "kubernetes.io/tls";
  return "kubectl create secret " + std::string(tls ? "tls " : "generic ") + called + in +
         (tls ? " --cert=tls.crt --key=tls.key" : " --from-file=tls.crt --from-file=tls.key") +
         " --dry-run=client -o yaml | kubectl apply -f -, where tls.crt is issued for DNS:" + name +
         "," + docs;
}

// What the API server trusts: one bundle, if all is well.
std::set<std::string> Bundles(const Patient& patient, Findings& findings) {
  std::set<std::string> bundles;
  std::vector<std::string> without;
  for (const char* kind : {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}) {
    const auto found = patient.found.find(NameOf(kind, "", "countersign"));
    if (found == patient.found.end()) continue;  // said already
    const Json* webhooks = Find(found->second, "webhooks");
    if (webhooks == nullptr || !webhooks->is_array()) continue;
    for (const Json& one : *webhooks) {
      const std::string bundle = Decoded(StringAt(one, "clientConfig/caBundle"));
      if (bundle.empty()) {
        without.push_back(StringAt(one, "name"));
        continue;
      }
      bundles.insert(bundle);
    }
  }
  if (!without.empty()) {
    findings.Fault(
        "entry " + without.front() +
            (without.size() == 1 ? "" : " and " + std::to_string(without.size() - 1) + " more"),
        "has no caBundle: the API server believes no certificate of the webhook", Renew(patient));
  }
  if (bundles.size() > 1) {
    findings.Warn("", "the webhook entries trust different authorities", Renew(patient));
  }
  return bundles;
}

enum class Pem { kChain, kTrusted };

void ExamineEnds(const Patient& patient, const std::string& subject, Pem of, const std::string& pem,
                 Findings& findings) {
  auto ends = CertificateEnds(pem);
  if (!ends) return findings.Fault(subject, ends.error().message, Renew(patient));
  // A server shows its own certificate first, and it is the one that ends; of those that are
  // trusted one is enough.
  const auto last = of == Pem::kChain ? ends->begin()
                                      : std::max_element(ends->begin(), ends->end(),
                                                         [](const auto& a, const auto& b) {
                                                           return a.not_after < b.not_after;
                                                         });
  const std::string until = "'" + last->subject + "' ends " + FormatTime(last->not_after);
  if (last->not_after <= patient.now) {
    findings.Fault(subject, until + ": every request of ours is refused", Renew(patient));
  } else if (last->not_after - patient.now < kSoon) {
    findings.Warn(subject, until, Renew(patient));
  } else {
    findings.Good(subject, until);
  }
}

// As the programs judge them: by every key that counts, and with what another installation says.
std::size_t CountForged(const Patient& patient, const StampAuthority& authority) {
  return static_cast<std::size_t>(
      std::count_if(patient.sign_offs.begin(), patient.sign_offs.end(), [&](const Json& one) {
        const auto digest = StampedDigest(one);
        return digest &&
               VerifyStored(authority, one, *digest).authenticity == Authenticity::kForged;
      }));
}

}  // namespace

void ExamineCertificates(const Patient& patient, std::vector<Diagnosis>& all) {
  Findings findings("certificates", all);
  const auto bundles = Bundles(patient, findings);
  for (const std::string& bundle : bundles) {
    ExamineEnds(patient, "caBundle", Pem::kTrusted, bundle, findings);
  }
  const Json* webhook = DeploymentOf(patient, "countersign-webhook");
  const std::string secret_name = CertificateSecret(patient);
  if (webhook == nullptr || secret_name.empty()) return;
  const std::string subject = NameOf("Secret", patient.name_space, secret_name);
  const Json* secret = Seen(patient, subject, findings);
  if (secret == nullptr) return;
  const std::string certificate = Decoded(StringAt(*secret, "data/tls.crt"));
  ExamineEnds(patient, subject, Pem::kChain, certificate, findings);
  const std::string name = ArgumentOf(*webhook, "--tls-name");
  const std::string refusal = "the API server would not believe it for '" + name + "': ";
  for (const std::string& bundle : bundles) {
    const auto distrust = WhyNotTrusted(certificate, bundle, name, patient.now);
    if (!distrust) continue;
    findings.Fault(subject, refusal + distrust->why,
                   distrust->other_name ? Rename(patient, *secret, name) : Renew(patient));
  }
}

void ExamineStampKey(const Patient& patient, std::vector<Diagnosis>& all) {
  Findings findings("stamp key", all);
  std::set<std::string> secrets;
  std::set<std::string> installations;
  for (const char* program : {"countersign-webhook", "countersign-operator"}) {
    const auto found = patient.found.find(NameOf("Deployment", patient.name_space, program));
    if (found == patient.found.end()) return;  // said already
    secrets.insert(SecretOf(found->second, "stamp"));
    installations.insert(ArgumentOf(found->second, "--installation"));
  }
  const std::string show = "kubectl get deployment -n " + patient.name_space +
                           " countersign-webhook countersign-operator -o yaml";
  if (secrets.size() > 1 || installations.size() > 1) {
    return findings.Fault("",
                          "webhook and operator are given different keys or names of the "
                          "installation: no stamp counts",
                          show);
  }
  const std::string subject = NameOf("Secret", patient.name_space, *secrets.begin());
  const Json* secret = Seen(patient, subject, findings);
  if (secret == nullptr) return;
  auto keys = ReadStampKeys(*secret);
  // All of the Secret: without trusted.pem what an earlier key stamped would count for nothing.
  const std::string restore = "put it back from its backup: kubectl create secret generic " +
                              *secrets.begin() + " -n " + patient.name_space +
                              " --from-file=BACKUP/ --dry-run=client -o yaml | kubectl apply -f -, "
                              "where BACKUP holds key.pem "
                              "and, after a rotation, trusted.pem";
  if (!keys) return findings.Fault(subject, keys.error().ToString(), restore);
  const InstallationKey* key = &keys->key;
  const std::size_t forged = CountForged(patient, {*installations.begin(), keys->trusted});
  const std::string of = " of " + std::to_string(patient.sign_offs.size()) + " sign-offs";
  if (forged > 0) {
    return findings.Fault(subject,
                          key->Fingerprint() + " did not make the stamps on " +
                              std::to_string(forged) + of + ", which count for nothing",
                          restore);
  }
  findings.Good(subject, key->Fingerprint() + ", by which no stamp" + of + " is forged");
}

}  // namespace countersign
