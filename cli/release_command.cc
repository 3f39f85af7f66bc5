#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/yaml.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/release.h"
#include "cli/render.h"

namespace countersign {
namespace {

struct ReleaseFlags {
  std::string config;
  ReleaseSpec texts;
  std::vector<std::pair<const ReleaseText*, CLI::Option*>> given;
  std::vector<std::string> data;
  std::string data_set;
  std::vector<std::string> requests;
  std::vector<std::string> limits;
  std::vector<std::string> performed_by;
  std::optional<std::int64_t> replicas;
  std::optional<std::int64_t> port;
  std::string threshold;
  std::string at;
  std::string out;
  bool evidence_only = false;
};

// "cpu=100m" each, into `serving.resources.<member>`.
Status SetResources(const std::vector<std::string>& given, const std::string& member,
                    const std::string& flag, Json& serving) {
  for (const std::string& one : given) {
    const auto equals = one.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Fail(Code::kInvalidArgument, "must be NAME=QUANTITY, is '" + Excerpt(one) + "'", flag);
    }
    serving["resources"][member][one.substr(0, equals)] = one.substr(equals + 1);
  }
  return {};
}

Status SetServing(const ReleaseFlags& flags, ReleaseSpec& spec) {
  Json serving = Json::object();
  if (!spec.serving.empty()) {
    auto tree = spec.serving.Tree();
    if (!tree) return Fail(tree.error());
    if (!(*tree)->is_object()) return Fail(Code::kInvalidArgument, "must be a map", "serving");
    serving = **tree;
  }
  if (flags.replicas) serving["replicas"] = *flags.replicas;
  if (flags.port) serving["port"] = *flags.port;
  if (auto set = SetResources(flags.requests, "requests", "--request", serving); !set) return set;
  if (auto set = SetResources(flags.limits, "limits", "--limit", serving); !set) return set;
  spec.serving = RawJson::Of(std::make_shared<const Json>(std::move(serving)));
  if (!flags.threshold.empty()) {
    Json decision = Json::object();
    if (!spec.decision.empty()) {
      if (auto tree = spec.decision.Tree(); tree && (*tree)->is_object()) decision = **tree;
    }
    decision["threshold"] = flags.threshold;
    spec.decision = RawJson::Of(std::make_shared<const Json>(std::move(decision)));
  }
  return {};
}

// The file, and over it what stands on the command line.
Result<ReleaseSpec> SpecOf(const ReleaseFlags& flags, const Global& global) {
  ReleaseSpec spec;
  if (!flags.config.empty()) {
    auto read = ReadReleaseFile(flags.config);
    if (!read) return Fail(read.error());
    spec = std::move(*read);
  }
  for (const auto& [text, option] : flags.given) {
    if (option->count() > 0) spec.*text->member = flags.texts.*text->member;
  }
  if (!global.name_space.empty()) spec.name_space = global.name_space;
  if (!flags.data.empty()) spec.data.clear();
  for (const std::string& one : flags.data) {
    auto data = ParseDataFlag(one);
    if (!data) return Fail(data.error());
    spec.data.push_back(std::move(*data));
  }
  if (!flags.performed_by.empty()) spec.performed_by = flags.performed_by;
  if (!flags.data_set.empty()) {
    auto data_set = ParseDataSetFlag(flags.data_set);
    if (!data_set) return Fail(data_set.error());
    spec.data_set = std::move(*data_set);
  }
  if (auto set = SetServing(flags, spec); !set) return Fail(set.error());
  return spec;
}

std::string Documents(const std::vector<Json>& objects) {
  std::string text;
  for (const Json& object : objects) {
    text.append(text.empty() ? "" : "---\n").append(DumpYaml(object));
    if (text.back() != '\n') text += '\n';
  }
  return text;
}

int MakeAndWrite(const ReleaseFlags& flags, const Global& global) {
  ReleaseOptions options;
  options.now = std::chrono::floor<std::chrono::seconds>(SystemClock().Now());
  options.evidence_only = flags.evidence_only;
  if (!flags.at.empty()) {
    auto at = ParseTime(flags.at);
    if (!at) return Report({Code::kInvalidArgument, at.error().message, "--at", {}});
    options.at = *at;
  }
  auto spec = SpecOf(flags, global);
  if (!spec) return Report(spec.error());
  auto release = MakeRelease(*spec, options);
  if (!release) return Report(release.error());
  for (const std::string& note : release->notes) std::cerr << "note: " << Printable(note) << "\n";
  const std::string text = Documents(release->objects);
  if (flags.out.empty() || flags.out == "-") {
    std::cout << text;
    return kOk;
  }
  if (auto written = WriteTextFile(flags.out, text); !written) return Report(written.error());
  return kOk;
}

}  // namespace

void AddRelease(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "release",
      "Turn a model and its training run into one file for kubectl apply: evidence and deployment");
  auto flags = std::make_shared<ReleaseFlags>();
  command->add_option("-c,--config", flags->config, "file with all of this (kind: Release)");
  for (const ReleaseText& text : ReleaseTexts()) {
    if (text.member == &ReleaseSpec::name_space) continue;  // a flag of all commands
    flags->given.emplace_back(&text,
                              command->add_option(text.flag, flags->texts.*text.member, text.doc));
  }
  command->add_option("--data", flags->data,
                      "data set of the training, NAME=FILE[:training|validation|test]; repeatable");
  command
      ->add_option("--performed-by", flags->performed_by,
                   "who started the training run, beside whom it names; repeatable")
      ->allow_extra_args(false);
  command->add_option("--data-set", flags->data_set, "data that --counts are of, NAME=FILE");
  command->add_option("--threshold", flags->threshold, "score from which on people are selected");
  command->add_option("--replicas", flags->replicas, "number of pods; default: 1");
  command->add_option("--port", flags->port, "port of the serving container; default: 8080");
  command->add_option(
      "--request", flags->requests,
      "resources that the container of --image asks for, e.g. cpu=100m; repeatable");
  command->add_option("--limit", flags->limits, "its limits, e.g. memory=256Mi; repeatable");
  command->add_option("--at", flags->at,
                      "when the work ended (RFC 3339); default: the run's end, else now");
  command->add_flag("--evidence-only", flags->evidence_only, "leave the ModelDeployment out");
  command->add_option("-o,--output", flags->out, "file to write; default: standard output");
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return MakeAndWrite(*flags, global); }; });
}

}  // namespace countersign
