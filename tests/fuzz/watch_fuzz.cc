// The body of a list and of a watch, as a broken or hostile API server could send it. What is heard
// does not depend on where the wire cuts the stream.
#include "kube/watcher.h"
#include "tests/fuzz/require.h"
#include "tests/unit/support/fake_clock.h"
#include "tests/unit/support/scripted_transport.h"

namespace countersign {
namespace {

class Notes final : public WatchSink {
 public:
  void Begin() override { text += "begin\n"; }
  void Initial(Json&& object) override { text += "initial " + DumpJson(object) + "\n"; }
  void Complete(const std::string& version) override { text += "complete " + version + "\n"; }
  void Applied(Json&& object) override { text += "applied " + DumpJson(object) + "\n"; }
  void Deleted(Json&& object) override { text += "deleted " + DumpJson(object) + "\n"; }
  void Progress(const std::string& version) override { text += "at " + version + "\n"; }

  std::string text;
};

// A streaming list, then whatever the watcher asks for next; all get the same body.
std::string Heard(std::string_view body, std::size_t piece) {
  auto transport = std::make_shared<ScriptedTransport>();
  for (int step = 0; step < 3; ++step) {
    ScriptedTransport::Step answer;
    for (std::size_t at = 0; at < body.size(); at += piece) {
      answer.pieces.emplace_back(body.substr(at, piece));
    }
    transport->Add(std::move(answer));
  }
  FakeClock clock;
  const KubeClient client(transport, clock, ClientOptions{.qps = 0});
  Notes notes;
  Watcher watcher(client, clock, {{"test.example", "v1", "widgets", true, "Widget"}, "a", "", ""},
                  notes, {}, 1);
  for (int step = 0; step < 3; ++step) {
    const auto result = watcher.Step({});
    if (result.error) {
      fuzz::RequireReadable(*result.error);
      notes.text += "error " + result.error->message + "\n";
    }
    notes.text += std::string(watcher.state()) + "\n";
  }
  return notes.text;
}

}  // namespace
}  // namespace countersign

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  const std::string_view body = fuzz::Text(data, size);
  const std::string whole = Heard(body, body.size() + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, body.size() / 2 + 1}) {
    const std::string heard = Heard(body, piece);
    fuzz::Require(heard == whole, "pieces make no difference", whole + "---\n" + heard);
  }
  return 0;
}
