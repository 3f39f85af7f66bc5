// doctor_parts.h: the parts of an examination, each over one concern. See doctor.h.
#pragma once

#include "cli/doctor.h"

namespace countersign {

// Collects the findings of one area.
class Findings {
 public:
  Findings(std::string area, std::vector<Diagnosis>& all) : area_(std::move(area)), all_(all) {}

  void Good(const std::string& subject, std::string message);
  void Warn(const std::string& subject, std::string message, std::string next);
  void Fault(const std::string& subject, std::string message, std::string next);
  void Unknown(const std::string& subject, std::string message, std::string next);

 private:
  std::string area_;
  std::vector<Diagnosis>& all_;
};

// The object, or null after a finding that it is missing or could not be read.
[[nodiscard]] const Json* Seen(const Patient& patient, const std::string& name, Findings& findings);

// The command that puts back what belongs to the installation; with Helm, also `setting`.
[[nodiscard]] std::string Reinstall(const Patient& patient, const std::string& setting = {});
// The release of Helm that it came with; empty if it did not.
[[nodiscard]] std::string ReleaseOf(const Patient& patient);
// The command that shows what all replicas of a program logged: one alone may say nothing.
[[nodiscard]] std::string LogsOf(const Patient& patient, const std::string& program);
[[nodiscard]] const Json* DeploymentOf(const Patient& patient, const std::string& program);

// Where the API server is to ask the webhook: a Service, "namespace/name", or a URL without the
// path.
struct Address {
  std::string service;
  std::string url;
};
// As the operator was told; where it was told nothing, as most of the entries have it.
[[nodiscard]] Address AddressOf(const Patient& patient);
// One entry of a webhook configuration that was found.
void ExamineAddress(const Patient& patient, const Json& configuration, std::size_t index,
                    Findings& findings);

void ExamineObjects(const Patient& patient, std::vector<Diagnosis>& all);       // doctor_objects.cc
void ExamineCertificates(const Patient& patient, std::vector<Diagnosis>& all);  // doctor_keys.cc
void ExamineStampKey(const Patient& patient, std::vector<Diagnosis>& all);
void ExaminePrograms(const Patient& patient, std::vector<Diagnosis>& all);  // doctor_programs.cc
void ExamineLeader(const Patient& patient, std::vector<Diagnosis>& all);
void ExamineClocks(const Patient& patient, std::vector<Diagnosis>& all);
void ExaminePolicies(const Patient& patient, std::vector<Diagnosis>& all);
void ExamineCaches(const Patient& patient, std::vector<Diagnosis>& all);  // doctor_caches.cc
void ExamineOwnNamespace(const Patient& patient, std::vector<Diagnosis>& all);
void ExamineProbe(const Patient& patient, std::vector<Diagnosis>& all);

}  // namespace countersign
