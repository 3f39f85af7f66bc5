#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <memory>

#include "base/clock.h"
#include "base/describe.h"
#include "base/yaml.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/matrix_text.h"
#include "cli/render.h"
#include "cli/starter.h"
#include "governance/facts.h"

namespace countersign {
namespace {

struct InitFlags {
  std::string pack;
  std::string folder = ".";
  std::string use_case = "my-use-case";
  std::vector<std::string> answers;
};

Status Unanswered(const std::vector<Question>& questions, const Answers& answers) {
  std::string missing;
  for (const Question& question : questions) {
    if (answers.contains(question.name)) continue;
    missing.append(missing.empty() ? "" : ", ").append(question.name);
    for (const auto& [option, score] : question.options) {
      const bool first = &option == &question.options.begin()->first;
      missing.append(first ? "=" : "|").append(option);
    }
  }
  if (missing.empty()) return {};
  return Fail(Code::kInvalidArgument, "standard input is no terminal, and not answered: " + missing,
              "--answer");
}

// As if somebody in the policy's role had signed the answers: what it will owe once that is so.
AttestedSignOff SignedAnswers(const Pack& pack, const UseCase& use_case, Time now) {
  SignOff sign_off;
  sign_off.meta.name = "answers";
  sign_off.meta.name_space = use_case.meta.name_space;
  sign_off.spec.subject.kind = SubjectOfSignOff::kUseCase;
  sign_off.spec.subject.use_case = use_case.meta.name;
  sign_off.spec.subject.answers_digest = use_case.spec.answers_digest;
  sign_off.spec.role = pack.policy.spec.classification.sign_off.role;
  sign_off.spec.signer.username = "signer";
  Provenance by;
  by.authenticity = Authenticity::kAssumed;
  by.user = "signer";
  by.first_seen = now;
  return {std::make_shared<const SignOff>(std::move(sign_off)), by};
}

Status Write(const std::string& folder,
             const std::vector<std::pair<std::string, std::string>>& files) {
  for (const auto& [name, text] : files) {
    const std::string path = (std::filesystem::path(folder) / name).string();
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
      return Fail(Code::kAlreadyExists, "exists already, and nothing was written", path);
    }
  }
  for (const auto& [name, text] : files) {
    const std::string path = (std::filesystem::path(folder) / name).string();
    if (auto written = WriteTextFile(path, text); !written) return written;
    std::cout << "wrote " << path << "\n";
  }
  return {};
}

Status CheckName(const std::string& text, const std::string& flag) {
  if (MatchesFormat(Format::kName, text) && text.size() <= 63) return {};
  return Fail(Code::kInvalidArgument,
              "must be at most 63 lower-case letters, digits and '-', is '" + Excerpt(text) + "'",
              flag);
}

int Init(const InitFlags& flags, const Global& global) {
  auto pack = LoadPack(flags.pack);
  if (!pack) return Report(pack.error());
  const auto& questions = pack->policy.spec.classification.questions;
  auto answers = ParseAnswers(questions, flags.answers);
  if (!answers) return Report(answers.error());
  auto complete = ::isatty(STDIN_FILENO) == 1 ? Ask(questions, std::cin, std::cout, *answers)
                                              : Unanswered(questions, *answers);
  if (!complete) return Report(complete.error());
  const std::string name_space = global.name_space.empty() ? "models-home" : global.name_space;
  for (const auto& [text, flag] : {std::pair{flags.use_case, "--name"}, {name_space, "-n"}}) {
    if (auto ok = CheckName(text, flag); !ok) return Report(ok.error());
  }
  const Json manifest = StarterUseCase(*pack, flags.use_case, name_space, *answers);
  auto decoded = Decode<UseCaseSpec>(manifest);
  if (!decoded) return Report(decoded.error());
  auto written =
      Write(flags.folder,
            {{"policy.yaml", pack->text},
             {"use-case.yaml", DumpYaml(manifest)},
             {"release.yaml", StarterRelease(*pack, flags.use_case, name_space, decoded->spec)},
             {"README.md", StarterReadme(*pack, flags.use_case, name_space)}});
  if (!written) return Report(written.error());
  const auto use_case = std::make_shared<const UseCase>(std::move(*decoded));
  const Time now = SystemClock().Now();
  PolicySet policies;
  policies.policies.push_back(std::make_shared<const GovernancePolicy>(pack->policy));
  UseCaseMatrix part = MatrixFor(policies, use_case, {SignedAnswers(*pack, *use_case, now)}, now);
  std::cout << "\nOnce somebody in role '" << pack->policy.spec.classification.sign_off.role
            << "' has signed the answers, it owes this; README.md says what comes next.\n\n"
            << MatrixTable({std::move(part.matrix), name_space + "/" + flags.use_case,
                            std::move(part.classes)});
  return kOk;
}

}  // namespace

void AddInit(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "init", "Start a project from a policy pack: asks its checklist, writes policy and use case");
  auto flags = std::make_shared<InitFlags>();
  command->add_option("--pack", flags->pack, "the policy pack")
      ->type_name("{" + Joined(PackNames(), ",") + "}")  // for help and completion
      ->required();
  command->add_option("--dir", flags->folder, "folder to write into; default: this one");
  command->add_option("--name", flags->use_case, "name of the use case");
  command->add_option("--answer", flags->answers,
                      "QUESTION=OPTION (several with commas) instead of being asked; repeatable");
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return Init(*flags, global); }; });
}

}  // namespace countersign
