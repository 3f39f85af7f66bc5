// cpu_count.h: how many CPUs this process may really use.
//
// std::thread::hardware_concurrency() counts the node's; a container is limited by its cgroup's
// quota. Reads files, keeps no state. Thread-safe; what cannot be read does not limit.
#pragma once

#include <string>

namespace countersign::http {

// The lesser of the scheduler's affinity mask and the cgroup quota (v2 `cpu.max`, v1
// `cpu.cfs_quota_us`), rounded up, at least 1. `root` is prefixed to /sys for tests.
[[nodiscard]] int AvailableCpus(const std::string& root = "");

}  // namespace countersign::http
