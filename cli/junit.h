// junit.h: test results as JUnit XML, by pugixml.
//
// The dialect that Jenkins, GitLab and GitHub's actions share: testsuites, testsuite, testcase with
// failure or error, and file and line as attributes of a case. Pure functions.
#pragma once

#include <string>
#include <vector>

namespace countersign {

struct JunitCase {
  enum class Outcome { kPassed, kFailed, kError };
  std::string class_name;
  std::string name;
  Outcome outcome = Outcome::kPassed;
  std::string type;     // of the failure: a reason code
  std::string message;  // one line
  std::string text;     // details; of a case that passed, its output
  std::string file;
  std::size_t line = 0;  // 0: unknown
};

struct JunitSuite {
  std::string name;
  std::vector<JunitCase> cases;
};

[[nodiscard]] std::string JunitXml(const std::vector<JunitSuite>& suites);

}  // namespace countersign
