// processors.h: how many processors this process may use. Pure but for reading the cgroup's limit.
#pragma once

namespace countersign {

// The smaller of the machine's processors and the cgroup's CPU limit (cpu.max, rounded up), at
// least 1: in a container the machine's number would start dozens of threads for half a processor.
[[nodiscard]] int AvailableProcessors();

}  // namespace countersign
