#include <iostream>
#include <memory>

#include "base/clock.h"
#include "cli/evidence_command.h"
#include "cli/evidence_list.h"
#include "cli/render.h"
#include "cli/world_source.h"

namespace countersign {
namespace {

struct EvidenceFlags {
  std::vector<std::string> files;
  std::string use_case;
  std::string model;
  std::string kind;
  std::string name;
  std::string now;
  StampFlags stamps;
};

constexpr const char* kKinds[] = {"BiasTest", "Evidence", "ReproducibilitySnapshot", "SignOff",
                                  "Waiver"};

struct Listed {
  std::vector<EvidenceEntry> entries;
  std::vector<std::string> unreadable;
  std::vector<std::string> assumptions;
};

Result<Listed> Read(const EvidenceFlags& flags, const Global& global) {
  EvidenceQuery query;
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Fail(now.error());
  query.now = *now;
  if (!flags.use_case.empty()) {
    auto key = KeyFlag(flags.use_case, "--use-case");
    if (!key) return Fail(key.error());
    query.use_case = key->ToString();
  }
  query.name_space = global.name_space;
  query.model = flags.model;
  query.kind = flags.kind;
  query.name = flags.name;
  auto sourced = ReadWorld(flags.files, flags.stamps, global, query.now);
  if (!sourced) return Fail(sourced.error());
  return Listed{ListEvidence(sourced->world, query), std::move(sourced->unreadable),
                std::move(sourced->assumptions)};
}

void PrintJson(const Listed& listed) {
  Json answer = VersionedJson("EvidenceList");
  answer["items"] = Json::array();
  for (const EvidenceEntry& one : listed.entries) answer["items"].push_back(EvidenceEntryJson(one));
  answer["notJudged"] = listed.unreadable;
  answer["assumptions"] = listed.assumptions;
  std::cout << DumpJson(answer) << "\n";
}

void PrintRemarks(const Listed& listed) {
  for (const std::string& line : listed.unreadable) {
    std::cout << "Not judged: " << Printable(line) << "\n";
  }
  if (!listed.assumptions.empty()) std::cout << "Taken for granted:\n";
  for (const std::string& line : listed.assumptions) std::cout << "- " << line << "\n";
}

int List(const EvidenceFlags& flags, const Global& global) {
  auto listed = Read(flags, global);
  if (!listed) return Report(listed.error());
  if (global.IsJson()) {
    PrintJson(*listed);
  } else if (listed->entries.empty()) {
    std::cout << "There is no such evidence.\n";
  } else {
    std::cout << EvidenceTable(listed->entries);
    PrintRemarks(*listed);
  }
  return kOk;
}

int Show(const EvidenceFlags& flags, const Global& global) {
  auto listed = Read(flags, global);
  if (!listed) return Report(listed.error());
  if (listed->entries.empty()) {
    return Report({Code::kNotFound, "there is no evidence named '" + flags.name + "'", "name", {}});
  }
  if (global.IsJson()) {
    PrintJson(*listed);
  } else {
    for (const EvidenceEntry& entry : listed->entries) std::cout << EvidenceText(entry);
    PrintRemarks(*listed);
  }
  return kOk;
}

void AddFlags(CLI::App& command, Global& global, EvidenceFlags& flags) {
  AddOutput(command, global, {"table", "json"});
  command.add_option("-f,--filename", flags.files,
                     "evidence, deployments and policies from this file, folder or - instead of "
                     "the cluster; repeatable");
  command.add_option("--kind", flags.kind, "only objects of this kind")
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kKinds), std::end(kKinds))));
  command.add_option("--now", flags.now, "take this time for now (RFC 3339)");
  AddStampFlags(command, flags.stamps);
}

}  // namespace

void AddEvidenceList(CLI::App& group, Global& global, Run& run) {
  CLI::App* command = group.add_subcommand(
      "list", "List evidence: who stands behind it, and which gates rest on it or why none does");
  auto flags = std::make_shared<EvidenceFlags>();
  AddFlags(*command, global, *flags);
  command->add_option("--use-case", flags->use_case, "only about this UseCase, NAMESPACE/NAME");
  command->add_option("--model-digest", flags->model, "only about the model of this digest");
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return List(*flags, global); }; });
}

void AddEvidenceShow(CLI::App& group, Global& global, Run& run) {
  CLI::App* command =
      group.add_subcommand("show", "Show all that is known of one piece of evidence");
  auto flags = std::make_shared<EvidenceFlags>();
  AddFlags(*command, global, *flags);
  command->add_option("name", flags->name, "name of the object")->required();
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return Show(*flags, global); }; });
}

}  // namespace countersign
