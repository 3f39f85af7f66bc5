// doctor.h: what is wrong with an installation, judged from what the API server says of it.
//
// Each finding says what was found and the exact next command. What could not be looked at is a
// finding too, and never taken for good. Nothing is changed. Pure functions over a Patient;
// doctor_command.cc asks the cluster.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "governance/serving/profiles.h"

namespace countersign {

enum class Health { kGood, kWarning, kUnknown, kFault };

struct Diagnosis {
  Health health = Health::kGood;
  std::string area;     // what was looked at: "certificates"
  std::string subject;  // "Kind name"; may be empty
  std::string message;
  std::string next;  // a command; empty where all is well
};

// The answer to a dry run that nobody may let through.
struct ProbeAnswer {
  bool admitted = false;
  std::string message;
  Time at{};  // when it came, by the clock of this machine
};

struct Patient {
  std::string name_space;                     // of the programs
  std::vector<Json> wanted;                   // what this program would install
  std::map<std::string, Json> found;          // by NameOf
  std::map<std::string, std::string> unread;  // by NameOf: why nobody could tell what it says
  Time now{};                                 // by the clock of this machine
  std::optional<Time> server_now;             // by that of the API server
  std::optional<ProbeAnswer> probe;           // nullopt: could not be asked, see `unread`
  std::vector<Json> policies;
  std::vector<Json> sign_offs;  // some of them
  std::vector<Json> others;     // some of each further kind of ours; see `unread`, "caches"
  // What serves models in `name_space`, "Deployment 'chat'"; nullopt: could not be read, see
  // `unread`.
  std::optional<std::vector<std::string>> serving = {};
};

// What this program would have installed for the programs that were found, with the table of what
// serves that they are given. Of a table that could not be read nothing is expected.
[[nodiscard]] std::vector<Json> WantedOf(const Patient& patient);
// That table; the one built in where the programs were given none. kNotFound: nobody could read it.
[[nodiscard]] Result<ServingProfiles> ServingTableOf(const Patient& patient);
// The ConfigMap of that table, in the namespace of the programs; empty: they use the one built in.
[[nodiscard]] std::string ProfilesOf(const Patient& patient);

// "ClusterRole countersign-webhook", "Secret countersign-system/countersign-stamp-key".
[[nodiscard]] std::string NameOf(const Json& object);
[[nodiscard]] std::string NameOf(const std::string& kind, const std::string& ns,
                                 const std::string& name);

// The value of "--flag=value" among the arguments of a Deployment's only container.
[[nodiscard]] std::string ArgumentOf(const Json& deployment, const std::string& flag);
// The Secret behind a volume of a Deployment; empty if there is none.
[[nodiscard]] std::string SecretOf(const Json& deployment, const std::string& volume);

[[nodiscard]] std::vector<Diagnosis> Examine(const Patient& patient);

// kOk if all is good, kDenied for a fault, else kFailed where something could not be looked at.
[[nodiscard]] int ExitCodeOf(const std::vector<Diagnosis>& findings);
[[nodiscard]] std::string DoctorText(const std::vector<Diagnosis>& findings);
[[nodiscard]] Json DoctorJson(const std::vector<Diagnosis>& findings);

}  // namespace countersign
