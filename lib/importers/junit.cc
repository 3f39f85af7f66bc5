// JUnit XML: Verification.
//
// The format has no one owner; what Jenkins reads is the common ground (testsuites, testsuite,
// testcase; failure, error, skipped). Cases are counted, wherever they stand and with any prefix,
// and what failed outside of a case (a class that could not be loaded); not the attributes of
// suites, which must not state more than is shown: a cut report would pass otherwise.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "importers/claims.h"
#include "importers/fields.h"
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

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// An element's name without its prefix.
std::string LocalName(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  return LowerCase(name.substr(name.find_last_of(':') + 1));
}

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsSuite(std::string_view name) { return IsOneOf(name, {"testsuites", "testsuite"}); }

// What says something of a test and holds none.
bool IsRemark(std::string_view name) {
  return IsOneOf(name, {"failure", "error", "skipped", "rerunfailure", "rerunerror", "flakyfailure",
                        "flakyerror", "properties", "system-out", "system-err"});
}

enum class Outcome { kSilent, kPassed, kSkipped, kFailed };

// Of attributes `status` and `result`, which googletest, CTest, Bazel and others write.
std::optional<Outcome> OutcomeOf(std::string_view word) {
  const std::string lower = LowerCase(word);
  if (lower.empty()) return Outcome::kSilent;
  if (IsOneOf(lower, {"failed", "failure", "fail", "error", "errored", "broken", "timeout",
                      "timed_out", "interrupted", "aborted"})) {
    return Outcome::kFailed;
  }
  if (IsOneOf(lower,
              {"notrun", "skipped", "skip", "suppressed", "disabled", "ignored", "pending"})) {
    return Outcome::kSkipped;
  }
  if (IsOneOf(lower, {"run", "completed", "passed", "pass", "success", "succeeded", "ok"})) {
    return Outcome::kPassed;
  }
  return std::nullopt;
}

// About what pugixml takes for the elements, texts and attributes: 64 bytes a node, of which a tag
// may have one before it, and 40 an attribute. Of UTF-16 and UTF-32 the zeros are passed over.
std::size_t BytesOfTree(std::string_view text) {
  constexpr std::size_t kNode = 64;
  constexpr std::size_t kAttribute = 40;
  constexpr std::string_view kBlank(" \t\r\n\0", 5);
  const auto next = [&](std::size_t at, std::string_view passed) {
    const auto found = text.find_first_not_of(passed, at + 1);
    return found == std::string_view::npos ? '\0' : text[found];
  };
  std::size_t bytes = 0;
  for (std::size_t at = text.find_first_of("<="); at != std::string_view::npos;
       at = text.find_first_of("<=", at + 1)) {
    if (text[at] == '<') {
      bytes += next(at, kBlank.substr(4)) == '/' ? kNode : 2 * kNode;
    } else if (const char quote = next(at, kBlank); quote == '"' || quote == '\'') {
      bytes += kAttribute;
    }
  }
  return bytes;
}

class Reader {
 public:
  Reader(std::string file, Imported& imported) : file_(std::move(file)), imported_(imported) {}

  Result<Counts> Read(std::string_view text) {
    if (const std::size_t most = MostTreeBytes(text); BytesOfTree(text) > most) {
      return Fault("has so many elements that they take more than " + std::to_string(most >> 20U) +
                   " MiB of memory: give it as several files, of fewer suites each");
    }
    const auto parsed = document_.load_buffer(
        text.data(), text.size(),
        pugi::parse_default | pugi::parse_doctype | pugi::parse_pi | pugi::parse_fragment);
    if (!parsed) {
      return Fault("is no XML at byte " + std::to_string(parsed.offset) + ": " +
                   parsed.description());
    }
    pugi::xml_node root;
    for (const pugi::xml_node& node : document_.children()) {
      if (node.type() == pugi::node_doctype) {
        return Fault("must have no document type: it could define entities");
      }
      if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata) {
        return Fault("must have no text outside of the root element, has '" +
                     Excerpt(node.value()) + "'");
      }
      if (node.type() != pugi::node_element) continue;
      if (!root.empty()) return Fault("must have one root element");
      root = node;
    }
    if (!IsSuite(LocalName(root))) {
      return Fault("must be testsuites or testsuite, is '" + Excerpt(root.name()) + "'");
    }
    return CountsOf(root, 0);
  }

 private:
  [[nodiscard]] tl::unexpected<Error> Fault(std::string message) const {
    return Fail(Code::kInvalidArgument, std::move(message), file_);
  }

  // Of what stands in a suite, in a case, or in an element that the format does not know.
  Result<Counts> CountsOf(const pugi::xml_node& holder, int depth) {
    constexpr int kMostNested = 32;
    if (depth > kMostNested) return Fault("must not nest elements deeper than 32");
    const bool is_case = LocalName(holder) == "testcase";
    Counts counts;
    for (const pugi::xml_node& node : holder.children()) {
      if (node.type() != pugi::node_element) continue;
      const std::string name = LocalName(node);
      if (IsRemark(name)) {
        // Of no case: a class that could not be loaded, or set up.
        if (!is_case && (name == "failure" || name == "error")) ++counts.failed;
        continue;
      }
      auto inner = CountsOf(node, depth + 1);
      if (!inner) return inner;
      counts += *inner;
    }
    if (is_case) {
      auto own = CountsOfCase(holder);
      if (!own) return own;
      counts += *own;
    }
    return IsSuite(LocalName(holder)) ? Checked(holder, counts) : Result<Counts>(counts);
  }

  Result<Counts> CountsOfCase(const pugi::xml_node& node) const {
    const auto has = [&](std::initializer_list<std::string_view> names) {
      const auto& children = node.children();
      return std::any_of(children.begin(), children.end(), [&](const pugi::xml_node& child) {
        return IsOneOf(LocalName(child), names);
      });
    };
    Outcome said = Outcome::kSilent;
    for (const char* attribute : {"status", "result"}) {
      const char* word = node.attribute(attribute).value();
      const auto outcome = OutcomeOf(word);
      if (!outcome) {
        return Fault("testcase '" + Excerpt(node.attribute("name").value()) + "' has " + attribute +
                     " '" + Excerpt(word) +
                     "', of which nobody knows whether it passed: passed, failed or skipped");
      }
      said = std::max(said, *outcome);
    }
    Counts counts;
    const bool flaky = has({"flakyfailure", "flakyerror"});
    // Surefire repeats what failed; without the word that it passed then, it did not.
    const bool repeated = has({"rerunfailure", "rerunerror"}) && !flaky;
    if (said == Outcome::kFailed || repeated || has({"failure", "error"})) {
      counts.failed = 1;
    } else if (said == Outcome::kSkipped || has({"skipped"})) {
      counts.skipped = 1;
    } else {
      counts.passed = 1;
      // Maven Surefire: failed, and passed when run again.
      counts.flaky = flaky ? 1 : 0;
    }
    return counts;
  }

  Result<Counts> Checked(const pugi::xml_node& suite, const Counts& counts) {
    if (auto shown = CheckStated(suite, counts); !shown) return Fail(shown.error());
    TakeTime(suite);
    return counts;
  }

  [[nodiscard]] Status CheckStated(const pugi::xml_node& suite, const Counts& counts) const {
    const std::string at =
        std::string(suite.name()) + " '" + Excerpt(suite.attribute("name").value()) + "' ";
    const auto check = [&](const char* what, std::int64_t shows) -> Status {
      const pugi::xml_attribute attribute = suite.attribute(what);
      if (attribute.empty()) return {};
      const std::string_view text = attribute.value();
      std::int64_t says = -1;
      const auto read = std::from_chars(text.data(), text.data() + text.size(), says);
      if (read.ec != std::errc() || read.ptr != text.data() + text.size() || says < 0) {
        return Fault(at + "states '" + Excerpt(text) + "' " + what + ": must be a whole number");
      }
      if (says <= shows) return {};
      return Fault(at + "states " + std::to_string(says) + " " + what + " and shows " +
                   std::to_string(shows) + ": it is not whole");
    };
    if (auto all = check("tests", counts.All()); !all) return all;
    if (auto bad = check("failures", counts.failed); !bad) return bad;
    return check("errors", counts.failed);
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
