#include <algorithm>
#include <iostream>
#include <memory>

#include "cli/case_runner.h"
#include "cli/command.h"
#include "cli/findings.h"
#include "cli/junit.h"
#include "cli/render.h"

namespace countersign {
namespace {

struct TestFlags {
  std::vector<std::string> files;
  bool require_coverage = false;
};

std::string Where(const CaseResult& c) {
  return (c.file.empty() ? "standard input" : c.file) + ":" + std::to_string(c.line);
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

// What is missing of a measure's coverage, or nothing.
std::string Gap(const MeasureCoverage& coverage) {
  if (coverage.Full()) return {};
  if (!coverage.passed && !coverage.refused) return "no case asserts on it";
  return coverage.passed ? "no case shows it refuse" : "no case shows it pass";
}

std::size_t Covered(const TestRun& run) {
  return static_cast<std::size_t>(std::count_if(run.coverage.begin(), run.coverage.end(),
                                                [](const auto& c) { return c.second.Full(); }));
}

void PrintTable(const TestRun& run) {
  std::size_t passed = 0;
  for (const CaseResult& c : run.cases) {
    passed += c.Passed() ? 1 : 0;
    std::cout << (c.Passed()        ? "PASS   "
                  : c.fault.empty() ? "FAIL   "
                                    : "ERROR  ")
              << Printable(c.name) << " (" << Printable(Where(c)) << ")\n";
    for (const std::string& line : c.differences)
      std::cout << "         " << Printable(line) << "\n";
    if (!c.fault.empty()) std::cout << "         " << Printable(c.fault) << "\n";
  }
  std::cout << passed << " of " << run.cases.size() << " cases passed.\n\n";
  std::vector<std::vector<std::string>> rows = {{"MEASURE", "PASSES", "REFUSES", ""}};
  for (const auto& [name, coverage] : run.coverage) {
    rows.push_back({Printable(name), coverage.passed ? "yes" : "no",
                    coverage.refused ? "yes" : "no", Gap(coverage)});
  }
  std::cout << Table(rows) << Covered(run) << " of " << run.coverage.size()
            << " measures are shown to pass and to refuse.\n";
}

Json RunJson(const TestRun& run) {
  Json answer = VersionedJson("TestResult");
  answer["cases"] = Json::array();
  for (const CaseResult& c : run.cases) {
    Json one = {{"file", c.file},
                {"line", c.line},
                {"name", c.name},
                {"result", c.Passed()        ? "Passed"
                           : c.fault.empty() ? "Failed"
                                             : "Error"}};
    if (!c.differences.empty()) one["differences"] = c.differences;
    if (!c.fault.empty()) one["fault"] = c.fault;
    answer["cases"].push_back(std::move(one));
  }
  answer["coverage"] = Json::array();
  for (const auto& [name, coverage] : run.coverage) {
    answer["coverage"].push_back(
        {{"measure", name}, {"passes", coverage.passed}, {"refuses", coverage.refused}});
  }
  return answer;
}

std::string RunJunit(const TestRun& run) {
  std::vector<JunitSuite> suites;
  for (const CaseResult& c : run.cases) {
    if (suites.empty() || suites.back().name != c.file) suites.push_back({c.file, {}});
    JunitCase out;
    out.class_name = "GovernanceTest";
    out.name = c.name;
    out.file = c.file;
    out.line = c.line;
    if (!c.Passed()) {
      out.outcome = c.fault.empty() ? JunitCase::Outcome::kFailed : JunitCase::Outcome::kError;
      out.type = c.fault.empty() ? "CaseFailed" : "CaseInvalid";
      out.message = c.fault.empty() ? c.differences.front() : c.fault;
      out.text = Joined(c.differences);
    }
    suites.back().cases.push_back(std::move(out));
  }
  return JunitXml(suites);
}

std::vector<Finding> FindingsIn(const TestRun& run, bool require_coverage) {
  std::vector<Finding> findings;
  for (const CaseResult& c : run.cases) {
    if (c.Passed()) continue;
    Finding finding;
    finding.rule = c.fault.empty() ? "CaseFailed" : "CaseInvalid";
    finding.message = c.name + ": " + (c.fault.empty() ? Joined(c.differences) : c.fault);
    finding.file = c.file;
    finding.line = c.line;
    findings.push_back(std::move(finding));
  }
  for (const auto& [name, coverage] : run.coverage) {
    if (coverage.Full()) continue;
    Finding finding;
    finding.severity = require_coverage ? Severity::kError : Severity::kNote;
    finding.rule = "MeasureNotCovered";
    finding.message = name + ": " + Gap(coverage);
    findings.push_back(std::move(finding));
  }
  return findings;
}

void Print(const TestRun& run, const std::string& format, bool require_coverage, bool evaluated) {
  if (format == "json") {
    std::cout << DumpJson(RunJson(run)) << "\n";
  } else if (format == "junit") {
    std::cout << RunJunit(run);
  } else if (format == "sarif") {
    std::cout << DumpJson(SarifLog(FindingsIn(run, require_coverage), evaluated, {})) << "\n";
  } else if (format == "github") {
    std::cout << GithubCommands(FindingsIn(run, require_coverage));
  } else {
    PrintTable(run);
  }
}

int ReportFault(const Fault& fault, const std::string& format) {
  std::cout << FaultText(fault, format);
  return Report(fault);
}

int Test(const TestFlags& flags, const Global& global) {
  auto manifests = ReadManifests(flags.files);
  if (!manifests) return ReportFault(manifests.error(), global.output);
  auto run = RunTests(*manifests);
  if (!run) return ReportFault(run.error(), global.output);
  if (run->cases.empty()) {
    return Report({Code::kNotFound,
                   "there is no " + std::string(kTestKind) + " (" + std::string(kTestApiVersion) +
                       ") in the manifests",
                   {},
                   {}});
  }
  const bool evaluated = std::all_of(run->cases.begin(), run->cases.end(),
                                     [](const CaseResult& c) { return c.fault.empty(); });
  Print(*run, global.output, flags.require_coverage, evaluated);
  if (!evaluated) return kFailed;
  const bool passed = std::all_of(run->cases.begin(), run->cases.end(),
                                  [](const CaseResult& c) { return c.Passed(); });
  const bool covered = !flags.require_coverage || Covered(*run) == run->coverage.size();
  return passed && covered ? kOk : kDenied;
}

}  // namespace

void AddTest(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "test",
      "Run declared cases on policies: exit code 0 all hold, 1 some do not, 2 could not evaluate");
  AddOutput(*command, global, {"table", "json", "junit", "sarif", "github"});
  auto flags = std::make_shared<TestFlags>();
  command
      ->add_option("-f,--filename", flags->files,
                   "file, folder (read recursively) or - with GovernanceTests; repeatable")
      ->required();
  command->add_flag("--require-coverage", flags->require_coverage,
                    "exit code 1 unless each measure is shown to pass and to refuse");
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return Test(*flags, global); }; });
}

}  // namespace countersign
