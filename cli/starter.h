// starter.h: a project to begin with, from a policy pack and the answers to its checklist.
//
// The pack's policy stays as it is, comments included; the use case is written anew. Reads and
// writes no file but the streams that it is given.
#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "governance/types/policy.h"
#include "governance/types/use_case.h"

namespace countersign {

// Question to chosen options.
using Answers = std::map<std::string, std::vector<std::string>>;

struct Pack {
  std::string name;
  std::string text;  // policy.yaml
  GovernancePolicy policy;
};

[[nodiscard]] std::vector<std::string> PackNames();
[[nodiscard]] Result<Pack> LoadPack(const std::string& name);

// "question=option" each; several options of one question are several arguments, or one with
// commas. Errors name the flag and what is allowed.
[[nodiscard]] Result<Answers> ParseAnswers(const std::vector<Question>& questions,
                                           const std::vector<std::string>& arguments);

// Asks for what `answers` lacks, again until it is an option. Fails at the end of the input.
[[nodiscard]] Status Ask(const std::vector<Question>& questions, std::istream& in,
                         std::ostream& out, Answers& answers);

// A UseCase manifest with placeholders for people, and namespaces of the policy's environments.
[[nodiscard]] Json StarterUseCase(const Pack& pack, const std::string& name,
                                  const std::string& name_space, const Answers& answers);

// What a release consists of, for `countersign release`: what every release needs, with
// placeholders, and as comments what the classes of these answers owe beside it, measure by
// measure.
[[nodiscard]] std::string StarterRelease(const Pack& pack, const std::string& name,
                                         const std::string& name_space, const UseCaseSpec& spec);

// What to edit and which commands come next.
[[nodiscard]] std::string StarterReadme(const Pack& pack, const std::string& name,
                                        const std::string& name_space);

}  // namespace countersign
