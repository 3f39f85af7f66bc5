// Files of tools: evidence, or a refusal with a reason. The first byte chooses the format; options
// are those that a person would give, so that the text is read to its end.
#include "importers/importer.h"
#include "tests/fuzz/require.h"

namespace {

countersign::ImportOptions Options(bool labels) {
  countersign::ImportOptions options;
  options.label = labels ? "y" : "";
  options.no_label = !labels;
  options.prediction = "p";
  options.favorable = "1";
  options.favorable_name = "1";
  options.positive = "favorable";
  options.attributes = {{"g", "group"}};
  options.unknown_group = "unknown";
  options.privileged = "a";
  options.unprivileged = "b";
  options.counted = "predictions";
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  if (size == 0) return 0;
  const auto formats = ImportFormats();
  const ImportFormat& format = formats[(data[0] / 2U) % formats.size()];
  const ImportText file{"in", fuzz::Text(data + 1, size - 1)};
  const auto imported = Import(format, {&file, 1}, Options(data[0] % 2 == 0));
  if (!imported) {
    fuzz::RequireReadable(imported.error());
    return 0;
  }
  if (const auto* test = std::get_if<BiasTestSpec>(&imported->spec)) {
    fuzz::Require(!test->cells.empty(), "a bias test counts somebody", std::string(file.text));
  }
  return 0;
}
