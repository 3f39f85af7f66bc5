#include "webhook/http/cpu_count.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace countersign::http {
namespace {

namespace fs = std::filesystem;

class CpuCountTest : public testing::Test {
 protected:
  CpuCountTest() {
    std::string name = (fs::temp_directory_path() / "countersign-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~CpuCountTest() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& content) {
    fs::create_directories((root_ + path).substr(0, (root_ + path).rfind('/')));
    std::ofstream(root_ + path) << content;
  }

  std::string root_;
};

TEST_F(CpuCountTest, AQuotaBelowTheMachineLimitsRoundedUp) {
  Write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(AvailableCpus(root_), 1);
  Write("/sys/fs/cgroup/cpu.max", "1000 100000\n");
  EXPECT_EQ(AvailableCpus(root_), 1);
  const int unlimited = AvailableCpus(root_ + "/none");
  Write("/sys/fs/cgroup/cpu.max", "110000 100000\n");
  EXPECT_EQ(AvailableCpus(root_), std::min(unlimited, 2));
}

TEST_F(CpuCountTest, TheFirstVersionOfCgroupsIsUnderstood) {
  Write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(AvailableCpus(root_), 1);
}

TEST_F(CpuCountTest, NoQuotaAHugeOneOrAnUnreadableOneDoNotLimit) {
  const int unlimited = AvailableCpus(root_);
  EXPECT_GE(unlimited, 1);
  for (const char* content : {"max 100000\n", "100000000 100000\n", "garbage", "", "5 0\n"}) {
    Write("/sys/fs/cgroup/cpu.max", content);
    EXPECT_EQ(AvailableCpus(root_), unlimited) << content;
  }
  Write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(AvailableCpus(root_), unlimited);
}

}  // namespace
}  // namespace countersign::http
