#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/yaml.h"
#include "cli/evidence_command.h"
#include "cli/evidence_import.h"
#include "cli/files.h"
#include "cli/render.h"

namespace countersign {
namespace {

struct ImportFlags {
  EvidenceImport import;
  std::vector<std::string> claims;
  std::string data_set;
  std::string favorable;
  std::vector<std::string> attributes;
  std::vector<std::string> groups;
  std::vector<std::string> rows_of;
  std::vector<std::string> bins;
  std::vector<std::string> data;
  std::string out;
};

// "NAME=VALUE" each.
Result<std::map<std::string, std::string>> Pairs(const std::vector<std::string>& given,
                                                 const std::string& flag) {
  std::map<std::string, std::string> pairs;
  for (const std::string& one : given) {
    const auto equals = one.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Fail(Code::kInvalidArgument, "must be NAME=VALUE, is '" + Excerpt(one) + "'", flag);
    }
    if (!pairs.emplace(one.substr(0, equals), one.substr(equals + 1)).second) {
      return Fail(Code::kInvalidArgument, "is there twice", flag + " " + one.substr(0, equals));
    }
  }
  return pairs;
}

// "VALUE=NAME" as two; "VALUE" alone is its own name.
std::pair<std::string, std::string> Named(const std::string& text) {
  const auto equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) return {text, text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Status ReadBins(const std::vector<std::string>& given, ImportOptions& options) {
  auto pairs = Pairs(given, "--bins");
  if (!pairs) return Fail(pairs.error());
  for (const auto& [attribute, text] : *pairs) {
    std::vector<Decimal>& bins = options.bins[attribute];
    for (const std::string& one : CLI::detail::split(text, ',')) {
      auto bound = Decimal::Parse(one);
      if (!bound) {
        return Fail(Code::kInvalidArgument, bound.error().message, "--bins " + attribute);
      }
      bins.push_back(*bound);
    }
  }
  return {};
}

// What CLI11 took as texts, as the options that they stand for.
Status ReadFlags(ImportFlags& flags) {
  ImportOptions& options = flags.import.options;
  auto claims = Pairs(flags.claims, "--claim");
  if (!claims) return Fail(claims.error());
  options.claims = std::move(*claims);
  auto groups = Pairs(flags.groups, "--group");
  if (!groups) return Fail(groups.error());
  options.groups = std::move(*groups);
  auto rows_of = Pairs(flags.rows_of, "--rows-of");
  if (!rows_of) return Fail(rows_of.error());
  options.rows_of = std::move(*rows_of);
  for (const std::string& one : flags.attributes) {
    auto [column, name] = Named(one);
    options.attributes.push_back({std::move(column), std::move(name)});
  }
  std::tie(options.favorable, options.favorable_name) = Named(flags.favorable);
  if (auto read = ReadBins(flags.bins, options); !read) return read;
  for (const std::string& one : flags.data) {
    auto data = ParseDataFlag(one);
    if (!data) return Fail(data.error());
    flags.import.run.data.push_back(std::move(*data));
  }
  if (flags.data_set.empty()) return {};
  auto data_set = ParseDataSetFlag(flags.data_set);
  if (!data_set) return Fail(data_set.error());
  flags.import.data_set = std::move(*data_set);
  return {};
}

int ImportAndWrite(ImportFlags flags, const Global& global) {
  if (auto read = ReadFlags(flags); !read) return Report(read.error());
  flags.import.now = SystemClock().Now();
  auto made = ImportEvidence(flags.import);
  if (!made) return Report(made.error());
  for (const std::string& note : made->notes) std::cerr << "note: " << Printable(note) << "\n";
  std::string text = global.IsJson() ? DumpJson(made->object) : DumpYaml(made->object);
  if (text.back() != '\n') text += '\n';
  if (flags.out.empty() || flags.out == "-") {
    std::cout << text;
    return kOk;
  }
  if (auto written = WriteTextFile(flags.out, text); !written) return Report(written.error());
  return kOk;
}

std::string FormatsText() {
  std::string text = "Formats:\n";
  for (const ImportFormat& format : ImportFormats()) {
    text.append("  ").append(format.name).append(": ").append(format.doc).append("\n");
  }
  return text;
}

// Of bias tests: what a file of predictions, or of counts by group, leaves open.
void AddTestFlags(CLI::App& command, ImportFlags& flags) {
  ImportOptions& options = flags.import.options;
  const auto text = [&](const char* flag, std::string& member, const char* doc) {
    command.add_option(flag, member, doc);
  };
  const auto many = [&](const char* flag, std::vector<std::string>& member, const char* doc) {
    command.add_option(flag, member, doc)->allow_extra_args(false);
  };
  text("--protocol", flags.import.protocol, "name of the bias test's protocol");
  text("--data-set", flags.data_set, "the test data, NAME=FILE");
  text("--favorable", flags.favorable,
       "outcome that people hope for: as it stands in the file, or VALUE=NAME of the policy");
  many("--attribute", flags.attributes,
       "column that says who is in which group, COLUMN or COLUMN=NAME; repeatable");
  many("--group", flags.groups, "how the policy calls a group, COLUMN:VALUE=NAME; repeatable");
  many("--missing", options.missing,
       "value that means: not known, as an empty one does; repeatable");
  text("--unknown-group", options.unknown_group, "group of the people whose value is not known");
  many("--bins", flags.bins, "inner boundaries of a binned number, NAME=A,B,…");
  text("--label", options.label, "column with what should have come out");
  command.add_flag("--no-label", options.no_label, "labels are not known: count who is selected");
  text("--prediction", options.prediction, "column with what came out");
  text("--score", options.score, "column with the score, instead of --prediction");
  text("--threshold", options.threshold, "score that decides");
  text("--selected", options.selected, "which scores are selected: at-least or at-most");
  text("--weight", options.weight, "column with the weight of a row");
  command.add_flag("--classes", options.classes, "count each of several outcomes");
  text("--positive", options.positive,
       "whether the tool's positive is the favorable or the unfavorable outcome");
  text("--privileged", options.privileged, "what AIF360's privileged group is called");
  text("--unprivileged", options.unprivileged, "what AIF360's unprivileged group is called");
  text("--counted", options.counted, "what AIF360 counted: predictions or labels");
  text("--reference", options.reference, "group that the tool compared with; declares its values");
  many("--rows-of", flags.rows_of,
       "rows that count where there are several, COLUMN=VALUE; repeatable");
  text("--unit", options.unit, "what one count is, e.g. person");
  text("--label-source", options.label_source,
       "ObservedOutcome, HumanAnnotation, ModelJudge or Proxy");
  text("--label-window", options.label_window, "how long outcomes were waited for, e.g. 365d");
  text("--selection", options.selection, "who has a label: All or SelectedOnly");
}

// Of snapshots: what a run's files leave open.
void AddSnapshotFlags(CLI::App& command, ImportFlags& flags) {
  ReleaseSpec& run = flags.import.run;
  const auto text = [&](const char* flag, std::string& member, const char* doc) {
    command.add_option(flag, member, doc);
  };
  command
      .add_option("--with", flags.import.with,
                  "another part of the same snapshot, FORMAT=PATH; repeatable")
      ->allow_extra_args(false);
  text("--stage", flags.import.options.stage, "stage of dvc.lock that trained the model");
  text(
      "--dvc-cache", flags.import.dvc_cache,
      "DVC's cache, for files of folders that it tracks as a whole; default: the .dvc/cache of the "
      "repository of dvc.lock");
  text("--code", run.code, "working tree of the code: commit, and whether it is as committed");
  text("--repository", run.repository, "where the code is kept; default: its remote 'origin'");
  text("--entry-point", run.entry_point, "command that trained the model");
  text("--code-archive", run.code_archive, "the code as it is kept, for its digest");
  text("--runtime", run.runtime, "language runtime and version, e.g. CPython 3.11.7");
  text("--hardware", run.hardware, "processor architecture and accelerators");
  text("--training-image", run.training_image, "image that training ran in, …@sha256:…");
  command
      .add_option("--data", flags.data,
                  "data set of the training, NAME=FILE[:training|validation|test]; repeatable")
      ->allow_extra_args(false);
  text("--algorithm", run.algorithm, "learning algorithm and its implementation");
  text("--features", run.features, "file with the names of the model's inputs, a line each");
  text("--reproduction-of", run.reproduction_of, "snapshot that this run repeated");
}

// Of reports: which of several things in a file is meant.
void AddReportFlags(CLI::App& command, ImportOptions& options) {
  command.add_option("--type", options.type, "type of evidence, where a file has several");
  command.add_option("--output-class", options.output_class,
                     "number of the class that SHAP values are of, from 0");
  command.add_option("--component", options.component, "model of a bill of materials");
  command
      .add_option("--section", options.sections,
                  "section of the documentation that a card has in prose; repeatable")
      ->allow_extra_args(false);
}

}  // namespace

void AddEvidenceImport(CLI::App& group, Global& global, Run& run) {
  CLI::App* command = group.add_subcommand(
      "import", "Print what a tool wrote as evidence, for kubectl apply; never guesses");
  command->footer(FormatsText());
  AddOutput(*command, global, {"yaml", "json"});
  auto flags = std::make_shared<ImportFlags>();
  EvidenceImport& import = flags->import;
  std::vector<std::string> names;
  for (const ImportFormat& format : ImportFormats()) names.emplace_back(format.name);
  command->add_option("format", import.format, "what the file is")
      ->required()
      ->check(CLI::IsMember(names));
  command->add_option("file", import.files, "what the tool wrote; - is standard input")->required();
  const auto text = [&](const char* flag, std::string& member, const char* doc) {
    command->add_option(flag, member, doc);
  };
  text("--use-case", import.use_case, "use case that it is about, NAMESPACE/NAME");
  text("--name", import.name, "how the object's name begins; default: the use case");
  AddModelFlags(*command, import.model);
  command
      ->add_option("--performed-by", import.run.performed_by,
                   "who did the work, where that is not who applies the object: account or name; "
                   "repeatable")
      ->allow_extra_args(false);
  text("--at", import.at, "when the work ended (RFC 3339), where the file does not say");
  text("--environment", import.environment, "environment that it was made in");
  text("--summary", import.summary, "the result in a few sentences");
  text("--kept-at", import.kept_at, "URI where the file is kept, of formats that are a report");
  command
      ->add_option("--claim", flags->claims, "what the file does not say, NAME=VALUE; repeatable")
      ->allow_extra_args(false);
  AddTestFlags(*command, *flags);
  AddSnapshotFlags(*command, *flags);
  AddReportFlags(*command, import.options);
  text("--out", flags->out, "file to write; default: standard output");
  command->callback([flags, &global, &run] {
    run = [flags, &global] { return ImportAndWrite(*flags, global); };
  });
}

}  // namespace countersign
