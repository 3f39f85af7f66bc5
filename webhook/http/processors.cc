#include "webhook/http/processors.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

namespace countersign {

int AvailableProcessors() {
  const int machine = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::ifstream file("/sys/fs/cgroup/cpu.max");  // "<quota|max> <period>", in microseconds
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return machine;
  const double limit = std::ceil(std::strtod(quota.c_str(), nullptr) / period);
  return std::clamp(static_cast<int>(limit), 1, machine);
}

}  // namespace countersign
