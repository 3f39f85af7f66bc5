#include "cli/junit.h"

#include <algorithm>
#include <pugixml.hpp>
#include <sstream>

namespace countersign {
namespace {

// XML 1.0 has no way to write these at all (section 2.2).
std::string Writable(const std::string& text) {
  std::string out = text;
  std::replace_if(
      out.begin(), out.end(),
      [](unsigned char c) { return c < 0x20U && c != '\t' && c != '\n' && c != '\r'; }, ' ');
  return out;
}

void Set(pugi::xml_node node, const char* name, const std::string& value) {
  if (!value.empty()) node.append_attribute(name).set_value(Writable(value).c_str());
}

void SetCounts(pugi::xml_node node, const std::vector<const JunitCase*>& cases) {
  const auto count = [&](JunitCase::Outcome outcome) {
    return static_cast<unsigned>(std::count_if(
        cases.begin(), cases.end(), [&](const JunitCase* c) { return c->outcome == outcome; }));
  };
  node.append_attribute("tests").set_value(static_cast<unsigned>(cases.size()));
  node.append_attribute("failures").set_value(count(JunitCase::Outcome::kFailed));
  node.append_attribute("errors").set_value(count(JunitCase::Outcome::kError));
}

void AddCase(pugi::xml_node suite, const JunitCase& c) {
  pugi::xml_node node = suite.append_child("testcase");
  Set(node, "classname", c.class_name);
  Set(node, "name", c.name);
  Set(node, "file", c.file);
  if (c.line > 0) Set(node, "line", std::to_string(c.line));
  if (c.outcome == JunitCase::Outcome::kPassed) {
    if (!c.text.empty()) node.append_child("system-out").text().set(Writable(c.text).c_str());
    return;
  }
  pugi::xml_node fault =
      node.append_child(c.outcome == JunitCase::Outcome::kFailed ? "failure" : "error");
  Set(fault, "type", c.type);
  Set(fault, "message", c.message);
  if (!c.text.empty()) fault.text().set(Writable(c.text).c_str());
}

}  // namespace

std::string JunitXml(const std::vector<JunitSuite>& suites) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("testsuites");
  Set(root, "name", "countersign");
  std::vector<const JunitCase*> all;
  for (const JunitSuite& suite : suites) {
    for (const JunitCase& c : suite.cases) all.push_back(&c);
  }
  SetCounts(root, all);
  for (const JunitSuite& suite : suites) {
    pugi::xml_node node = root.append_child("testsuite");
    Set(node, "name", suite.name);
    std::vector<const JunitCase*> own;
    own.reserve(suite.cases.size());
    for (const JunitCase& c : suite.cases) own.push_back(&c);
    SetCounts(node, own);
    for (const JunitCase& c : suite.cases) AddCase(node, c);
  }
  std::ostringstream out;
  document.save(out, "  ", pugi::format_default, pugi::encoding_utf8);
  return out.str();
}

}  // namespace countersign
