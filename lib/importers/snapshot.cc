#include "importers/snapshot.h"

#include <algorithm>

namespace countersign {
namespace {

Status MergeText(std::string& whole, const std::string& part, const std::string& what,
                 const std::string& from) {
  if (part.empty() || whole == part) return {};
  if (!whole.empty()) {
    return Fail(Code::kInvalidArgument,
                "says " + what + " '" + Excerpt(part) + "', and another file '" + Excerpt(whole) +
                    "': they are not of one run",
                from);
  }
  whole = part;
  return {};
}

template <class Value, class Text>
Status MergeMap(std::map<std::string, Value>& whole, const std::map<std::string, Value>& part,
                const std::string& what, const std::string& from, const Text& text) {
  for (const auto& [name, value] : part) {
    const auto [at, fresh] = whole.emplace(name, value);
    if (fresh || at->second == value) continue;
    return Fail(Code::kInvalidArgument,
                "says " + what + " '" + Excerpt(name) + "' is " + Excerpt(text(value)) +
                    ", and another file " + Excerpt(text(at->second)) + ": they are not of one run",
                from);
  }
  return {};
}

}  // namespace

Status MergeSnapshot(Imported& whole, const Imported& part, const std::string& from) {
  auto* into = std::get_if<ReproducibilitySnapshotSpec>(&whole.spec);
  const auto* more = std::get_if<ReproducibilitySnapshotSpec>(&part.spec);
  if (into == nullptr || more == nullptr) {
    return Fail(Code::kInvalidArgument, "goes with formats that are parts of a snapshot", from);
  }
  const std::tuple<std::string ImportedRun::*, const char*> texts[] = {
      {&ImportedRun::id, "run"},
      {&ImportedRun::commit, "commit"},
      {&ImportedRun::repository, "repository"},
      {&ImportedRun::runtime, "runtime"},
      {&ImportedRun::lock_file, "lock file"}};
  for (const auto& [member, what] : texts) {
    if (auto ok = MergeText(whole.run.*member, part.run.*member, what, from); !ok) return ok;
  }
  // MLflow names the script, DVC the whole command: the longer of the two if it has the other.
  if (part.run.entry_point.find(whole.run.entry_point) != std::string::npos) {
    whole.run.entry_point = part.run.entry_point;
  } else if (whole.run.entry_point.find(part.run.entry_point) == std::string::npos) {
    return MergeText(whole.run.entry_point, part.run.entry_point, "command", from);
  }
  if (auto ok = MergeMap(into->parameters, more->parameters, "parameter", from,
                         [](const std::string& text) { return text; });
      !ok) {
    return ok;
  }
  if (auto ok = MergeMap(into->metrics, more->metrics, "metric", from,
                         [](const Decimal& number) { return number.ToString(); });
      !ok) {
    return ok;
  }
  if (more->features) into->features = more->features;
  whole.run.unpinned.insert(whole.run.unpinned.end(), part.run.unpinned.begin(),
                            part.run.unpinned.end());
  whole.run.users.insert(whole.run.users.end(), part.run.users.begin(), part.run.users.end());
  whole.run.data.insert(part.run.data.begin(), part.run.data.end());
  if (part.performed_at) {
    whole.performed_at =
        std::max(whole.performed_at.value_or(*part.performed_at), *part.performed_at);
  }
  whole.notes.insert(whole.notes.end(), part.notes.begin(), part.notes.end());
  return {};
}

}  // namespace countersign
