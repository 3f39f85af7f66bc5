// container_signs.h: what a container shows of serving: by its image, what it runs, its variables
// and arguments, and the resources that it asks for.
//
// For recognise.cc. Not thread-safe, as little as the findings that it writes to.
#pragma once

#include <string>

#include "base/describe.h"
#include "base/json.h"
#include "governance/serving/profiles.h"
#include "governance/serving/serving_findings.h"

namespace countersign {

// The first entry of the table that knows the image; null if none does.
[[nodiscard]] const ServingSignal* SignalOfImage(const ServingSignals& signals,
                                                 const std::string& image);

class ContainerSigns {
 public:
  // Both must outlive this.
  ContainerSigns(const ServingSignals& signals, ServingFindings& found)
      : signals_(signals), found_(found) {}

  // Looks through the container that stands at `at`.
  void LookAt(const Json& container, const JsonPath& at);
  // What is asked for by that name: a resource, a claim, a device's path, a variable's name.
  void Accelerator(const std::string& name, const JsonPath& at);

 private:
  void Command(const Json& what, const JsonPath& at, const Json& container);
  void Word(const std::string& word, const std::string& next, const JsonPath& at);
  void Uri(const std::string& value, const JsonPath& at);
  void Variable(const Json& variable, const JsonPath& at);

  const ServingSignals& signals_;
  ServingFindings& found_;
};

}  // namespace countersign
