// weakness.h: that admission is not as it was installed, and how people hear of it.
#pragma once

#include <map>
#include <string>

#include "cli/installation.h"
#include "kube/event_recorder.h"
#include "kube/resource.h"
#include "operator/admission_drift.h"

namespace countersign {

struct Weakness {
  std::string plural;         // of the object's resource
  std::string configuration;  // "ValidatingWebhookConfiguration countersign"
  DriftReport report;
};

// For a condition or an Event: what differs and the command, or where to find it if that is long.
[[nodiscard]] std::string WeaknessText(const Weakness& weakness);

// What brings back what is gone of an installation.
[[nodiscard]] std::string ReinstallCommand(const InstallOptions& installed);

// Tells, by log and Event, what differs, each time that something else does, and when nothing does
// any more. For one thread.
class WeaknessTeller {
 public:
  explicit WeaknessTeller(EventRecorder& events) : events_(events) {}

  // Of an object of `resource`, `uid` empty if there is none. Whether it was news.
  bool Tell(const Resource& resource, const std::string& name, const std::string& uid,
            const Weakness& found);

 private:
  EventRecorder& events_;
  std::map<std::string, std::string> told_;  // by configuration
};

}  // namespace countersign
