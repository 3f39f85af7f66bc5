// A kubeconfig file: loaded, or refused with a reason.
#include "kube/endpoint.h"
#include "kube/kubeconfig.h"
#include "tests/fuzz/require.h"
#include "tests/unit/support/temp_dir.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  static const TempDir dir;
  const std::string path = dir.Write("config", std::string(fuzz::Text(data, size)));
  const auto config = LoadKubeconfig({path});
  if (!config) {
    fuzz::RequireReadable(config.error());
    return 0;
  }
  fuzz::Require(ParseEndpoint(config->server.url).has_value(), "the server can be dialled",
                config->server.url);
  for (const auto& [name, value] : config->user.impersonation) {
    fuzz::Require((name + value).find_first_of("\r\n") == std::string::npos, "a header is one line",
                  name + ": " + value);
  }
  return 0;
}
