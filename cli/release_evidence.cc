// The evidence of a release: snapshot, bias test and reports.

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include "cli/bias_counts.h"
#include "cli/content_digest.h"
#include "cli/git_state.h"
#include "cli/lock_file.h"
#include "cli/release.h"
#include "governance/report_types.h"
#include "governance/types/bias_cells.h"
#include "governance/types/evidence.h"
#include "importers/claims.h"

namespace countersign {
namespace {

tl::unexpected<Error> Contradicts(const std::string& flag, const std::string& given,
                                  const std::string& recorded) {
  return Fail(Code::kInvalidArgument,
              "is '" + Excerpt(given) + "', and the run's files say '" + Excerpt(recorded) +
                  "': leave it out, or give what is of one run",
              flag);
}

// Not "Python 3.11.70" for "Python 3.11.7", nor "other/train.py" for "train.py".
bool HasWords(const std::string& text, const std::string& words) {
  const auto joins = [&](std::size_t at) {
    if (at >= text.size()) return false;
    const auto byte = static_cast<unsigned char>(text[at]);
    return std::isalnum(byte) != 0 || byte >= 0x80 ||
           std::string_view("_./+-").find(text[at]) != std::string_view::npos;
  };
  for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) {
    if ((at == 0 || !joins(at - 1)) && !joins(at + words.size())) return true;
  }
  return false;
}

Result<std::optional<CodeState>> CodeOf(const ReleaseSpec& spec, const ReleaseFrame& frame,
                                        std::vector<std::string>& notes) {
  if (spec.code.empty()) {
    if (frame.run && !frame.run->commit.empty()) {
      notes.push_back("spec.code is left out: the run names commit " + frame.run->commit +
                      " and not whether the tree was as committed; check it out and give --code");
    }
    return std::optional<CodeState>();
  }
  auto git = ReadGitState(spec.code);
  if (!git) return Fail(git.error());
  if (frame.run && !frame.run->commit.empty() && frame.run->commit != git->commit) {
    return Fail(Code::kInvalidArgument,
                "is at commit " + git->commit + ", and the run was made at " + frame.run->commit +
                    ": check that out",
                "--code");
  }
  if (frame.run) {
    // Another remote is another repository, whatever else its name holds.
    const bool same = spec.repository == frame.run->repository;
    if (!spec.repository.empty() && !frame.run->repository.empty() && !same) {
      return Contradicts("--repository", spec.repository, frame.run->repository);
    }
    auto command = CheckAsRecorded("--entry-point", spec.entry_point, frame.run->entry_point);
    if (!command) return Fail(command.error());
  }
  CodeState code;
  code.commit = git->commit;
  code.clean = git->clean;
  code.authors = git->authors;
  notes.insert(notes.end(), git->notes.begin(), git->notes.end());
  code.repository = !spec.repository.empty()                      ? spec.repository
                    : frame.run && !frame.run->repository.empty() ? frame.run->repository
                                                                  : git->origin;
  code.entry_point =
      spec.entry_point.empty() && frame.run ? frame.run->entry_point : spec.entry_point;
  if (code.repository.empty()) return MissingFlag("--repository", "--code has no remote 'origin'");
  if (code.entry_point.empty())
    return MissingFlag("--entry-point", "the command that trained the model");
  if (!spec.code_archive.empty()) {
    auto archive = DigestFile(spec.code_archive);
    if (!archive) return Fail(archive.error());
    code.artifact_digest = archive->digest;
  }
  if (!code.clean) {
    notes.push_back("the tree of --code is not as committed ('" + git->changes +
                    "'): such a snapshot does not pass");
  }
  return std::optional(std::move(code));
}

Result<std::optional<EnvironmentState>> EnvironmentStateOf(const ReleaseSpec& spec,
                                                           std::vector<std::string>& notes) {
  if (spec.lock_file.empty() && spec.training_image.empty())
    return std::optional<EnvironmentState>();
  if (spec.runtime.empty()) return MissingFlag("--runtime", "what the training ran on");
  if (spec.hardware.empty()) return MissingFlag("--hardware", "what the training ran on");
  EnvironmentState environment;
  environment.image = spec.training_image;
  environment.runtime = spec.runtime;
  environment.hardware = spec.hardware;
  if (!spec.lock_file.empty()) {
    auto lock = ReadLockFile(spec.lock_file);
    if (!lock) return Fail(lock.error());
    environment.lock_file_digest = lock->digest;
    environment.unpinned = lock->unpinned;
    for (const std::string& line : lock->unpinned) {
      notes.push_back("'" + spec.lock_file + "' does not pin '" + Excerpt(line) + "'");
    }
  }
  return std::optional(std::move(environment));
}

Status AddParameters(const ReleaseSpec& spec, const ReleaseFrame& frame,
                     ReproducibilitySnapshotSpec& snapshot) {
  if (frame.run) snapshot.parameters = frame.run->parameters;
  if (spec.parameters.empty()) return {};
  auto map = ReadMapFile(spec.parameters);
  if (!map) return Fail(map.error());
  for (auto it = map->begin(); it != map->end(); ++it) {
    snapshot.parameters[it.key()] = it->is_string() ? it->get<std::string>() : DumpJson(*it);
  }
  return {};
}

Status AddMetrics(const ReleaseSpec& spec, const ReleaseFrame& frame,
                  ReproducibilitySnapshotSpec& snapshot) {
  if (frame.run) {
    for (const auto& [name, text] : frame.run->metrics) {
      // MLflow writes Python's floats: "0.91", "1e-05", "nan".
      const auto number = ParseJson(text);
      auto value = ToDecimal(number ? *number : Json(text), "metrics/" + name);
      if (!value) return Fail(value.error());
      snapshot.metrics[name] = *value;
    }
  }
  if (spec.metrics.empty()) return {};
  auto map = ReadMapFile(spec.metrics);
  if (!map) return Fail(map.error());
  for (auto it = map->begin(); it != map->end(); ++it) {
    auto value = ToDecimal(*it, spec.metrics + ": " + it.key());
    if (!value) return Fail(value.error());
    snapshot.metrics[it.key()] = *value;
  }
  return {};
}

Status AddData(const ReleaseSpec& spec, ReproducibilitySnapshotSpec& snapshot) {
  std::set<std::string> names;
  for (const ReleaseData& data : spec.data) {
    if (!names.insert(data.name).second) {
      return Fail(Code::kInvalidArgument, "is there twice", "--data " + data.name);
    }
    auto file = DigestFile(data.file);
    if (!file) return Fail(file.error());
    snapshot.data.push_back({data.name, file->digest, data.role, file->rows, data.split, data.seed,
                             data.deterministic});
  }
  return {};
}

Result<Claim> ClaimOf(const std::string& type, const std::string& name, const Json& value,
                      const std::string& path) {
  Claim claim;
  claim.name = name;
  const ReportType* known = FindReportType(type);
  const KnownClaim* listed = nullptr;
  if (known != nullptr) {
    for (const KnownClaim& one : known->claims) {
      if (one.name == name) listed = &one;
    }
  }
  const bool number = value.is_number() || (value.is_string() && listed != nullptr &&
                                            listed->type == ClaimType::kNumber);
  if (number) {
    auto decimal = ToDecimal(value, path);
    if (!decimal) return Fail(decimal.error());
    claim.number = *decimal;
  } else if (value.is_boolean()) {
    claim.flag = value.get<bool>();
  } else if (value.is_string()) {
    claim.text = value.get<std::string>();
  } else if (value.is_array() && std::all_of(value.begin(), value.end(),
                                             [](const Json& item) { return item.is_string(); })) {
    claim.items = value.get<std::vector<std::string>>();
  } else {
    return Fail(Code::kInvalidArgument,
                "must be a number, a text, true or false, or a list of words", path);
  }
  return claim;
}

Result<Json> ClaimsOf(const ReleaseReport& report) {
  Json claims = Json::object();
  if (!report.claims_file.empty()) {
    auto map = ReadMapFile(report.claims_file);
    if (!map) return Fail(map.error());
    claims = std::move(*map);
  }
  if (report.claims.empty()) return claims;
  auto own = report.claims.Tree();
  if (!own) return Fail(own.error());
  if (!(*own)->is_object()) {
    return Fail(Code::kInvalidArgument, "must be a map", "evidence " + report.type + ": claims");
  }
  claims.update(**own);
  return claims;
}

}  // namespace

Status CheckAsRecorded(const std::string& flag, const std::string& given,
                       const std::string& recorded) {
  if (given.empty() || recorded.empty() || HasWords(given, recorded)) return {};
  return Contradicts(flag, given, recorded);
}

std::string Kebab(const std::string& type) {
  std::string out;
  for (const char c : type) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (upper && !out.empty()) out += '-';
    out += upper ? static_cast<char>(c - 'A' + 'a') : plain ? c : '-';
  }
  return out;
}

// Who started the run, as it says and as people do.
static Status AddPerformers(const ReleaseSpec& spec, const ReleaseFrame& frame,
                            ReproducibilitySnapshotSpec& snapshot,
                            std::vector<std::string>& notes) {
  std::set<std::string> names;
  for (const std::string& name : spec.performed_by) {
    if (!MatchesFormat(Format::kToken, name)) {
      return Fail(Code::kInvalidArgument,
                  "must be an account or a name, one word, is '" + Excerpt(name) + "'",
                  "--performed-by");
    }
    names.insert(name);
  }
  const std::vector<std::string> none;
  for (const std::string& user : frame.run ? frame.run->users : none) {
    if (MatchesFormat(Format::kToken, user)) {
      names.insert(user);
    } else if (spec.performed_by.empty()) {
      notes.push_back("the run was started by '" + Excerpt(user) +
                      "', which is not one word: say who that is with --performed-by");
    }
  }
  if (frame.run && names.empty()) {
    notes.emplace_back(
        "the run does not say who started it, who counts as a developer: give --performed-by");
  }
  snapshot.performed_by.assign(names.begin(), names.end());
  return {};
}

Result<ReproducibilitySnapshotSpec> SnapshotSpecOf(const ReleaseSpec& spec,
                                                   const ReleaseFrame& frame,
                                                   std::vector<std::string>& notes) {
  ReproducibilitySnapshotSpec snapshot;
  snapshot.use_case = frame.use_case.name;
  snapshot.model = frame.trained;
  snapshot.performed_at = frame.performed_at;
  snapshot.reproduction_of = spec.reproduction_of;
  if (auto added = AddPerformers(spec, frame, snapshot, notes); !added) return Fail(added.error());
  auto code = CodeOf(spec, frame, notes);
  if (!code) return Fail(code.error());
  snapshot.code = std::move(*code);
  auto environment = EnvironmentStateOf(spec, notes);
  if (!environment) return Fail(environment.error());
  snapshot.environment = std::move(*environment);
  if (auto ok = AddData(spec, snapshot); !ok) return Fail(ok.error());
  if (auto ok = AddParameters(spec, frame, snapshot); !ok) return Fail(ok.error());
  if (auto ok = AddMetrics(spec, frame, snapshot); !ok) return Fail(ok.error());
  if (auto ok = AddChangeState(spec, frame, snapshot); !ok) return Fail(ok.error());
  return snapshot;
}

Result<Json> SnapshotOf(const ReleaseSpec& spec, const ReleaseFrame& frame,
                        std::vector<std::string>& notes) {
  auto made = SnapshotSpecOf(spec, frame, notes);
  if (!made) return Fail(made.error());
  const ReproducibilitySnapshotSpec& snapshot = *made;
  const bool anything = frame.run || snapshot.code || snapshot.environment ||
                        !snapshot.data.empty() || !snapshot.parameters.empty() ||
                        !snapshot.metrics.empty() || snapshot.previous;
  if (!anything) {
    if (spec.reproduction_of.empty()) return Json();
    return MissingFlag("--run", "what came of the repetition; or --metrics");
  }
  return EvidenceManifest(snapshot, frame, spec.reproduction_of.empty() ? "run" : "repeated");
}

Result<Json> BiasTestOf(const ReleaseSpec& spec, const ReleaseFrame& frame) {
  if (spec.counts.empty() && spec.predictions.empty()) return Json();
  if (!spec.counts.empty() && !spec.predictions.empty()) {
    return Fail(Code::kInvalidArgument, "cannot be given along with --counts", "--predictions");
  }
  const std::string flag = spec.counts.empty() ? "--predictions" : "--counts";
  if (!spec.data_set) return MissingFlag("--data-set", "the data of " + flag + ", NAME=FILE");
  const ReleaseDataSet& data = *spec.data_set;
  if (spec.protocol.empty()) return MissingFlag("--protocol", "name of the bias test's protocol");
  if (spec.favorable_outcome.empty()) {
    return MissingFlag("--favorable-outcome", "the outcome that counts as positive in " + flag);
  }
  auto counts = spec.counts.empty() ? ReadPredictions(spec.predictions, spec.favorable_outcome)
                                    : ReadCounts(spec.counts);
  if (!counts) return Fail(counts.error());
  auto file = DigestFile(data.file);
  if (!file) return Fail(file.error());
  BiasTestSpec test;
  test.use_case = frame.use_case.name;
  test.model = frame.trained;
  test.performed_at = frame.performed_at;
  test.protocol = spec.protocol;
  test.favorable_outcome = spec.favorable_outcome;
  test.cells = std::move(counts->cells);
  for (const std::string& name : counts->attributes) {
    const auto bins = spec.bins.find(name);
    test.attributes.push_back(
        {name, bins == spec.bins.end() ? std::vector<Decimal>() : bins->second});
  }
  std::int64_t people = 0;
  for (const BiasCell& cell : test.cells) people += RowsOf(cell);
  const std::int64_t rows = file->rows.value_or(people);
  if (rows != people) {
    return Fail(Code::kInvalidArgument,
                "counts " + std::to_string(people) + " people, and '" + data.file + "' has " +
                    std::to_string(rows) + " rows",
                flag);
  }
  test.data_set = {data.name, file->digest, people};
  auto threshold = ThresholdOf(spec);
  if (!threshold) return Fail(threshold.error());
  test.decision_threshold = *threshold;
  return EvidenceManifest(test, frame, "bias");
}

Result<Json> ReportOf(const ReleaseReport& report, const ReleaseFrame& frame) {
  EvidenceSpec evidence;
  evidence.use_case = frame.use_case.name;
  evidence.type = report.type;
  const std::string of_component = "evidence " + report.type + ": component";
  auto subject = SubjectOf(frame, report.component, of_component);
  if (!subject) return Fail(subject.error());
  if (report.about == ReportAbout::kModel) {
    evidence.model = *subject;
  } else if (!report.component.empty()) {
    return Fail(Code::kInvalidArgument, "goes with about: Model", of_component);
  }
  evidence.environment = report.environment;
  evidence.performed_at = frame.performed_at;
  evidence.summary = report.summary;
  auto claims = ClaimsOf(report);
  if (!claims) return Fail(claims.error());
  for (auto it = claims->begin(); it != claims->end(); ++it) {
    auto claim = ClaimOf(report.type, it.key(), *it, "evidence " + report.type + ": " + it.key());
    if (!claim) return Fail(claim.error());
    evidence.claims.push_back(std::move(*claim));
  }
  for (const ReleaseArtifact& artifact : report.artifacts) {
    auto file = DigestFile(artifact.file);
    if (!file) return Fail(file.error());
    evidence.artifacts.push_back({artifact.name, artifact.uri, file->digest});
  }
  return EvidenceManifest(evidence, frame, Kebab(report.type));
}

}  // namespace countersign
