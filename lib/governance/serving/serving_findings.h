// serving_findings.h: gathers what one object shows of serving while it is looked through: signs,
// references and faults, each no longer and no more than is kept.
//
// For recognise.cc and what it looks with. One object's; not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/describe.h"
#include "governance/serving/recognise.h"

namespace countersign {

class ServingFindings {
 public:
  // Fills `out`, which must outlive this and say before the first sign whether it is for a batch.
  explicit ServingFindings(Recognition& out) : out_(out) {}

  // `kind` must outlive this. What an entry is worth it says itself, for what runs to an end apart.
  // Those that the verdict rests on are kept, however many there are.
  void Sign(std::string_view kind, const ServingSignal& signal, const std::string& found,
            const JsonPath& at);
  void Sign(std::string_view kind, const ServingSignal& signal, const std::string& found,
            const std::string& at);
  // A sign that no entry for objects gives.
  void Observed(std::string what, std::string path, const std::string& found);
  // What cannot be looked through is a fault and a sign: who hides a command there would not be
  // found otherwise.
  void Hidden(std::string what, const JsonPath& at, const std::string& why);

  void Add(ServedReference reference, const JsonPath& at);
  void Add(ServedReference reference, const std::string& at);
  // What `value` names, where an entry of the table says that it names a model.
  void AddModel(const std::optional<ReferenceForm>& form, const std::string& value,
                const JsonPath& at);
  // Whether a reference stands there.
  [[nodiscard]] bool NamesAt(const std::string& path) const;

  void Fault(const std::string& path, std::string message);

  // One sign was enough.
  [[nodiscard]] bool IsSure() const { return sure_; }
  [[nodiscard]] std::size_t KindsOfHints() const { return kinds_of_hints_.size(); }
  // How many signs there were that are no URIs: a URI is judged as the model that it names.
  [[nodiscard]] std::size_t TellingSigns() const { return telling_signs_; }

 private:
  [[nodiscard]] Certainty CertaintyOf(const ServingSignal& signal) const;
  [[nodiscard]] std::string_view KindOfHint(std::string_view kind,
                                            const ServingSignal& signal) const;
  [[nodiscard]] bool IsKept(std::string_view kind, const ServingSignal& signal) const;

  Recognition& out_;
  bool sure_ = false;
  std::set<std::string_view> kinds_of_hints_;
  std::size_t telling_signs_ = 0;
};

}  // namespace countersign
