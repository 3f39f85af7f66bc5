// Files of tools: evidence, or a refusal with a reason. The first byte chooses the format; options
// are those that a person would give, so that the text is read to its end.
#include <algorithm>
#include <vector>

#include "importers/importer.h"
#include "tests/fuzz/require.h"

namespace {

// What a person would give with the format; others are refused.
countersign::ImportOptions Options(std::string_view format, bool first) {
  countersign::ImportOptions options;
  const bool rows = format.starts_with("predictions");
  const bool counts = format == "fairlearn" || format == "aequitas" || format == "aif360";
  if (rows) {
    options.label = first ? "y" : "";
    options.no_label = !first;
    options.prediction = "p";
  }
  if (counts) options.positive = "favorable";
  if (rows || counts) {
    options.favorable = "1";
    options.favorable_name = "1";
    options.attributes = {{"g", "group"}};
  }
  if (format == "aif360") {
    options.privileged = "a";
    options.unprivileged = "b";
    options.counted = "predictions";
  } else if (rows || counts) {
    options.unknown_group = "unknown";
  }
  if (format == "shap" && first) options.output_class = "0";
  if (format == "huggingface-card") options.sections = {"limits"};
  return options;
}

// Of a folder two files, with a NUL between; what a lock file is, its name says, here as the first
// line.
std::vector<countersign::ImportText> Files(const countersign::ImportFormat& format,
                                           std::string_view text, bool first) {
  if (format.folder) {
    const auto end = std::min(text.find('\0'), text.size());
    return {{"meta.yaml", text.substr(0, end)},
            {"metrics/auc", text.substr(std::min(end + 1, text.size()))}};
  }
  if (format.name == "lock-file") {
    for (const char* name : {"uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock",
                             "conda-lock.yml", "pixi.lock", "package-lock.json", "Cargo.lock"}) {
      const std::string line = std::string(name) + "\n";
      if (text.starts_with(line)) return {{name, text.substr(line.size())}};
    }
  }
  if (format.name == "lock-file") return {{first ? "conda.yaml" : "requirements.txt", text}};
  return {{"in", text}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace countersign;
  if (size == 0) return 0;
  const auto formats = ImportFormats();
  const ImportFormat& format = formats[(data[0] / 2U) % formats.size()];
  const std::string_view text = fuzz::Text(data + 1, size - 1);
  const bool first = data[0] % 2 == 0;
  const auto imported = Import(format, Files(format, text, first), Options(format.name, first));
  if (!imported) {
    fuzz::RequireReadable(imported.error());
    return 0;
  }
  if (const auto* test = std::get_if<BiasTestSpec>(&imported->spec)) {
    fuzz::Require(!test->cells.empty(), "a bias test counts somebody", std::string(text));
  }
  return 0;
}
