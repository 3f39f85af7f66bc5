#include "governance/serving/serving_findings.h"

#include <algorithm>
#include <utility>

#include "governance/decision.h"

namespace countersign {
namespace {

// What an object of any depth and breadth leaves behind is bounded, so that those that are kept
// take memory as objects do that somebody meant.
constexpr std::size_t kMostSigns = 32;
constexpr std::size_t kLongestPath = 1024;

}  // namespace

Certainty ServingFindings::CertaintyOf(const ServingSignal& signal) const {
  return out_.batch && signal.in_batch ? *signal.in_batch : signal.certainty;
}

// What trains shows several of them as well, which says no more than one.
std::string_view ServingFindings::KindOfHint(std::string_view kind,
                                             const ServingSignal& signal) const {
  return out_.batch && signal.in_batch ? "training" : kind;
}

bool ServingFindings::IsKept(std::string_view kind, const ServingSignal& signal) const {
  return out_.signs.size() < kMostSigns || !kinds_of_hints_.contains(KindOfHint(kind, signal)) ||
         (!sure_ && CertaintyOf(signal) == Certainty::kServing);
}

void ServingFindings::Sign(std::string_view kind, const ServingSignal& signal,
                           const std::string& found, const JsonPath& at) {
  Sign(kind, signal, found, IsKept(kind, signal) ? at.ToString() : std::string());
}

void ServingFindings::Sign(std::string_view kind, const ServingSignal& signal,
                           const std::string& found, const std::string& at) {
  const Certainty certainty = CertaintyOf(signal);
  if (certainty == Certainty::kIgnore) return;
  const bool kept = IsKept(kind, signal);
  if (certainty == Certainty::kServing) sure_ = true;
  if (kind != "uri") ++telling_signs_;
  kinds_of_hints_.insert(KindOfHint(kind, signal));
  if (!kept) return;
  out_.signs.push_back({std::string(kind) + " '" + signal.match + "'", Excerpt(at, kLongestPath),
                        OneLine(found, 128), certainty});
}

void ServingFindings::Observed(std::string what, std::string path, const std::string& found) {
  sure_ = true;
  out_.signs.push_back(
      {std::move(what), std::move(path), OneLine(found, 128), Certainty::kServing});
}

void ServingFindings::Hidden(std::string what, const JsonPath& at, const std::string& why) {
  Fault(at.ToString(), "are " + why);
  sure_ = true;
  ++telling_signs_;
  if (out_.signs.size() < kMostSigns) {
    out_.signs.push_back(
        {std::move(what), Excerpt(at.ToString(), kLongestPath), why, Certainty::kServing});
  }
}

void ServingFindings::Add(ServedReference reference, const JsonPath& at) {
  Add(std::move(reference), at.ToString());
}

void ServingFindings::Add(ServedReference reference, const std::string& at) {
  if (reference.text.empty()) return;
  reference.path = Excerpt(at, kLongestPath);
  if (out_.references.size() == kMaxServedReferences) {
    Fault(reference.path, "names more than " + std::to_string(kMaxServedReferences) + " models");
    return;
  }
  if (std::find(out_.references.begin(), out_.references.end(), reference) ==
      out_.references.end()) {
    out_.references.push_back(std::move(reference));
  }
}

void ServingFindings::AddModel(const std::optional<ReferenceForm>& form, const std::string& value,
                               const JsonPath& at) {
  if (form) Add(NormaliseAs(*form, value, {}), at);
}

bool ServingFindings::NamesAt(const std::string& path) const {
  return std::any_of(out_.references.begin(), out_.references.end(),
                     [&](const ServedReference& one) { return one.path == path; });
}

void ServingFindings::Fault(const std::string& path, std::string message) {
  constexpr std::size_t kMost = 8;
  if (out_.faults.size() < kMost) {
    out_.faults.push_back(
        {Code::kInvalidArgument, std::move(message), Excerpt(path, kLongestPath), {}});
  }
}

}  // namespace countersign
