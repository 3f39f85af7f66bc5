// JUnit XML: Verification.
//
// The format has no one owner; what Jenkins reads is the common ground (testsuites, testsuite,
// testcase; failure, error, skipped). Cases are counted, not the attributes of suites, which must
// not state more than is shown: a cut report would pass otherwise.
#include <algorithm>
#include <cstring>
#include <pugixml.hpp>

#include "importers/claims.h"
#include "importers/formats.h"

namespace countersign {
namespace {

struct Counts {
  std::int64_t passed = 0;
  std::int64_t failed = 0;  // failures and errors
  std::int64_t skipped = 0;
  std::int64_t flaky = 0;  // passed when repeated

  [[nodiscard]] std::int64_t All() const { return passed + failed + skipped; }
  Counts& operator+=(const Counts& other) {
    passed += other.passed;
    failed += other.failed;
    skipped += other.skipped;
    flaky += other.flaky;
    return *this;
  }
};

Counts CountsOfCase(const pugi::xml_node& node) {
  const auto has = [&](const char* name) { return !node.child(name).empty(); };
  // googletest: a disabled test has no child, and says so in attributes.
  const auto says = [&](std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* word) {
      return std::strcmp(node.attribute("status").value(), word) == 0 ||
             std::strcmp(node.attribute("result").value(), word) == 0;
    });
  };
  Counts counts;
  if (has("failure") || has("error") || says({"failed", "error"})) {
    counts.failed = 1;
  } else if (has("skipped") || says({"notrun", "skipped", "suppressed", "disabled"})) {
    counts.skipped = 1;
  } else {
    counts.passed = 1;
    // Maven Surefire: failed, and passed when run again.
    counts.flaky = has("flakyFailure") || has("flakyError") ? 1 : 0;
  }
  return counts;
}

bool Is(const pugi::xml_node& node, const char* name) {
  return std::strcmp(node.name(), name) == 0;
}

class Reader {
 public:
  Reader(std::string file, Imported& imported) : file_(std::move(file)), imported_(imported) {}

  Result<Counts> Read(std::string_view text) {
    const auto parsed = document_.load_buffer(
        text.data(), text.size(), pugi::parse_default | pugi::parse_doctype | pugi::parse_pi);
    if (!parsed) {
      return Fault("is no XML at byte " + std::to_string(parsed.offset) + ": " +
                   parsed.description());
    }
    pugi::xml_node root;
    for (const pugi::xml_node& node : document_.children()) {
      if (node.type() == pugi::node_doctype) {
        return Fault("must have no document type: it could define entities");
      }
      if (node.type() != pugi::node_element) continue;
      if (!root.empty()) return Fault("must have one root element");
      root = node;
    }
    if (!Is(root, "testsuites") && !Is(root, "testsuite")) {
      return Fault("must be testsuites or testsuite, is '" + Excerpt(root.name()) + "'");
    }
    return CountsOf(root, 0);
  }

 private:
  [[nodiscard]] tl::unexpected<Error> Fault(std::string message) const {
    return Fail(Code::kInvalidArgument, std::move(message), file_);
  }

  Result<Counts> CountsOf(const pugi::xml_node& suite, int depth) {
    constexpr int kMostNested = 32;
    if (depth > kMostNested) return Fault("must not nest suites deeper than 32");
    Counts counts;
    for (const pugi::xml_node& node : suite.children()) {
      if (Is(node, "testcase")) {
        counts += CountsOfCase(node);
      } else if (Is(node, "testsuite") || Is(node, "testsuites")) {
        auto inner = CountsOf(node, depth + 1);
        if (!inner) return inner;
        counts += *inner;
      }
    }
    if (auto shown = CheckStated(suite, counts); !shown) return Fail(shown.error());
    TakeTime(suite);
    return counts;
  }

  [[nodiscard]] Status CheckStated(const pugi::xml_node& suite, const Counts& counts) const {
    const auto stated = [&](const char* name) { return suite.attribute(name).as_llong(0); };
    const std::string at =
        std::string(suite.name()) + " '" + Excerpt(suite.attribute("name").value()) + "' ";
    const auto check = [&](std::int64_t says, std::int64_t shows, const char* what) -> Status {
      if (says < 0) return Fault(at + "states a negative number of " + what);
      if (says <= shows) return {};
      return Fault(at + "states " + std::to_string(says) + " " + what + " and shows " +
                   std::to_string(shows) + ": it is not whole");
    };
    if (auto all = check(stated("tests"), counts.All(), "tests"); !all) return all;
    if (auto bad = check(stated("failures"), counts.failed, "failures"); !bad) return bad;
    return check(stated("errors"), counts.failed, "errors");
  }

  // The latest time that a suite began, if it says in which zone.
  void TakeTime(const pugi::xml_node& suite) {
    const char* text = suite.attribute("timestamp").value();
    if (*text == '\0') return;
    auto time = ParseTime(text);
    if (!time) {
      zoneless_ = true;
      imported_.performed_at.reset();
      return;
    }
    if (zoneless_) return;
    imported_.performed_at = std::max(imported_.performed_at.value_or(*time), *time);
  }

  pugi::xml_document document_;
  std::string file_;
  Imported& imported_;
  bool zoneless_ = false;
};

}  // namespace

Result<Imported> ImportJunit(std::span<const ImportText> files, const ImportOptions& /*options*/) {
  Imported imported;
  Counts counts;
  bool dated = true;
  std::optional<Time> latest;
  for (const ImportText& file : files) {
    imported.performed_at.reset();
    auto one = Reader(file.name, imported).Read(file.text);
    if (!one) return Fail(one.error());
    counts += *one;
    if (imported.performed_at) {
      latest = std::max(latest.value_or(*imported.performed_at), *imported.performed_at);
    } else {
      dated = false;
    }
  }
  imported.performed_at = dated ? latest : std::nullopt;
  if (counts.passed + counts.failed == 0) {
    return Fail(Code::kInvalidArgument, "has no test that was run", files.front().name);
  }
  EvidenceSpec spec;
  spec.type = "Verification";
  AddText(spec, "result", counts.failed == 0 ? "Passed" : "Failed");
  AddCount(spec, "testsPassed", counts.passed);
  AddCount(spec, "testsFailed", counts.failed);
  AddCount(spec, "testsSkipped", counts.skipped);
  if (counts.flaky > 0) {
    AddCount(spec, "testsFlaky", counts.flaky);
    imported.notes.push_back(std::to_string(counts.flaky) +
                             " tests failed at first and passed when repeated: counted as passed");
  }
  if (counts.skipped > 0) {
    imported.notes.push_back(std::to_string(counts.skipped) +
                             " tests were skipped: neither passed nor failed");
  }
  imported.spec = std::move(spec);
  imported.artifacts = {"report"};
  return imported;
}

}  // namespace countersign
