#include "webhook/http/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>

namespace countersign::http {
namespace {

std::optional<double> Ratio(double quota, double period) {
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

// "max 100000" (no limit) or "150000 100000" (Documentation/admin-guide/cgroup-v2.rst).
std::optional<double> QuotaV2(const std::string& root) {
  std::ifstream file(root + "/sys/fs/cgroup/cpu.max");
  double quota = 0;
  double period = 0;
  if (file >> quota >> period) return Ratio(quota, period);
  return std::nullopt;
}

std::optional<double> QuotaV1(const std::string& root) {
  std::ifstream quota_file(root + "/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period_file(root + "/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double quota = 0;
  double period = 0;
  if (quota_file >> quota && period_file >> period) return Ratio(quota, period);
  return std::nullopt;
}

int Affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

}  // namespace

int AvailableCpus(const std::string& root) {
  std::optional<double> quota = QuotaV2(root);
  if (!quota) quota = QuotaV1(root);
  const int allowed = Affinity();
  if (!quota || *quota >= allowed) return allowed;
  return std::max(1, static_cast<int>(std::ceil(*quota)));
}

}  // namespace countersign::http
