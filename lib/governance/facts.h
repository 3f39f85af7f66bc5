// facts.h: everything that an evaluation may know, gathered beforehand by whoever asks.
//
// Three adapters make Facts: the webhook (request and caches), the operator (caches) and the CLI
// (files). What could not be gathered is itself a fact: a sentence in `unknown`, which blocks.
// Plain values; shared_ptr members point to immutable objects, so Facts can be copied and read
// anywhere.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/shared_list.h"
#include "base/time.h"
#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/incident.h"
#include "governance/types/model_deployment.h"
#include "governance/types/model_record.h"
#include "governance/types/policy.h"
#include "governance/types/reproducibility_snapshot.h"
#include "governance/types/sign_off.h"
#include "governance/types/use_case.h"
#include "governance/types/waiver.h"

namespace countersign {

// How an object is known to come from a person.
enum class Authenticity {
  kUnproven,      // no stamp: it counts for nothing
  kForged,        // a stamp that does not hold; `problem` says why
  kBadSignature,  // signed, and that does not count; `problem` says why
  kSigned,        // stamped, and signed by a key: whose, a policy says (signers.h)
  kForeign,       // stamped by another installation: whether that counts, a policy says
  kAttested,      // stamped by this installation when the API server had authenticated the person
  kAssumed,       // offline: what the object claims, for the CLI alone
  kWithdrawn,     // it was deleted and is there again (records.h); `problem` says when
};

// One of several that signed an object.
struct SignerProof {
  std::string key;
  std::optional<CertificateChain> chain = {};
};

// Which key made the signature that an object carries.
struct SignatureProof {
  std::string key;             // fingerprint, see base/verification_key.h
  bool user_present = false;   // a hardware key was touched
  bool user_verified = false;  // and had a PIN or a finger print
  // Of a signature over a model: what of it was left out, and whether links in it were followed.
  std::vector<std::string> ignored_paths = {};
  bool symlinks = false;
  std::optional<CertificateChain> chain = {};  // of the key, if it came with one
  std::vector<SignerProof> cosigners = {};
};

// Who saw it made, where that was another installation: what its receipt says.
struct ForeignStamp {
  std::string installation;
  std::string key;  // fingerprint of the key that gave the receipt, see base/verification_key.h
};

// A person who signed an object as well.
struct FurtherSigner {
  std::string user;
  std::vector<std::string> groups;
  std::vector<std::string> seen_groups = {};  // as in Provenance
};

// When who made an object had signed in, and what a policy says of that (signers.h).
struct SignIn {
  Time at{};
  bool recent = false;
  std::string problem = {};  // why it is not recent enough, once a policy was asked
};

struct Provenance {
  Authenticity authenticity = Authenticity::kUnproven;
  std::string problem;
  std::string reason = {};  // of a signature that does not count: the problem's code
  std::string user;
  std::vector<std::string> groups;
  Time first_seen{};  // when admission stamped it; ages and key validity count from here
  std::shared_ptr<const SignatureProof> signature = {};  // one that holds, if there is one
  std::string credential_id = {};  // which credential the API server saw; none of an impersonator
  std::optional<SignIn> sign_in = {};    // by an identity token, where the API server told
  std::optional<Time> recorded_at = {};  // of a signer: when admission stamped it, see signers.h
  // When the system knew of it, which its maker cannot choose.
  [[nodiscard]] Time Recorded() const { return recorded_at.value_or(first_seen); }
  std::shared_ptr<const ForeignStamp> foreign = {};  // where another installation stamped it
  std::vector<FurtherSigner> cosigners = {};  // of whom each counts, other people than `user`
  // Of a signer who applied it themselves: their groups as the API server saw them. They give no
  // role, which is the registry's to give, but tell who is not independent.
  std::vector<std::string> seen_groups = {};
};

template <class Spec>
struct Attested {
  std::shared_ptr<const Object<Spec>> object;
  Provenance by;
};

using AttestedSignOff = Attested<SignOffSpec>;
using AttestedSnapshot = Attested<ReproducibilitySnapshotSpec>;
using AttestedBiasTest = Attested<BiasTestSpec>;
using AttestedEvidence = Attested<EvidenceSpec>;
using AttestedWaiver = Attested<WaiverSpec>;

struct PolicySet {
  // In any order; evaluation sorts by name.
  std::vector<std::shared_ptr<const GovernancePolicy>> policies;
  // "GovernancePolicy 'x' cannot be read: …": might have applied, so everything waits for it.
  std::vector<std::string> unreadable;
  // Those on policies, and who made these, by name, where that is known: what in_force.h judges.
  std::vector<AttestedSignOff> sign_offs = {};
  std::map<std::string, Provenance> made_by = {};
};

// What is stored for one use case, whatever model or revision it is for.
struct StoredEvidence {
  SharedList<AttestedSignOff> sign_offs;
  SharedList<AttestedSnapshot> snapshots;
  SharedList<AttestedBiasTest> bias_tests;
  SharedList<AttestedEvidence> reports;
  SharedList<AttestedWaiver> waivers;
  // Alarms count whoever raised them, so nobody asks who did.
  SharedList<std::shared_ptr<const Incident>> incidents;
};

class Dossier;

struct Facts : StoredEvidence {
  Time now{};
  // The deployment as it is asked for, where, and under which digest (GovernedDigest of its spec).
  std::string name_space;
  std::string name;
  std::shared_ptr<const ModelDeployment> deployment;
  std::string governed_digest;
  // Who made this governed revision: the requester at admission, the stamp's person later.
  Provenance author;
  // The use case that spec.useCaseRef names; null if there is none.
  std::shared_ptr<const UseCase> use_case;
  // The evidence of that use case, made ready to be looked up (dossier.h), if somebody keeps it so;
  // one that is not of these lists is not used.
  std::shared_ptr<const Dossier> dossier;
  // What was seen before of the deployment's models, whether it is still there or not.
  std::vector<std::shared_ptr<const ModelRecord>> records = {};
  // What should be here and could not be read, as sentences.
  std::vector<std::string> unknown;
};

}  // namespace countersign
