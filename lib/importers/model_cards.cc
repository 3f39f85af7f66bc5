// Model cards: Documentation.
//
// Google's Model Card Toolkit (schema 0.0.2), the modelCard of a CycloneDX ML-BOM (1.5, 1.6), and
// the front matter of a README on Hugging Face. A section counts as there when its fields are
// filled; what a README has in prose cannot be seen in its front matter, so people say it
// (--section). Completeness is the share of the listed fields that are filled. Sources:
// github.com/tensorflow/model-card-toolkit, schema/v0.0.2; cyclonedx.org/docs/1.6/json;
// huggingface.co/docs/hub/model-cards.
#include <algorithm>
#include <array>
#include <set>

#include "base/rational.h"
#include "base/yaml.h"
#include "importers/claims.h"
#include "importers/fields.h"
#include "importers/formats.h"

namespace countersign {
namespace {

// A field of a card, and the section of our documentation that it fills, if it does.
struct CardField {
  std::string_view path;
  std::string_view section;
};

constexpr CardField kToolkit[] = {
    {"model_details/name", ""},
    {"model_details/overview", ""},
    {"model_details/owners", "owner"},
    {"model_details/version", ""},
    {"model_details/licenses", ""},
    {"model_details/references", ""},
    {"model_parameters/model_architecture", "algorithm"},
    {"model_parameters/data", "data"},
    {"model_parameters/input_format", ""},
    {"model_parameters/output_format", ""},
    {"quantitative_analysis/performance_metrics", "experiments"},
    {"considerations/users", ""},
    {"considerations/use_cases", "intended-use"},
    {"considerations/limitations", "limits"},
    {"considerations/tradeoffs", ""},
    {"considerations/ethical_considerations", ""},
};

constexpr CardField kCycloneDx[] = {
    {"version", ""},
    {"description", ""},
    {"licenses", ""},
    {"supplier", "owner"},
    {"manufacturer", "owner"},
    {"authors", "owner"},
    {"modelCard/modelParameters/approach", ""},
    {"modelCard/modelParameters/task", ""},
    {"modelCard/modelParameters/architectureFamily", ""},
    {"modelCard/modelParameters/modelArchitecture", "algorithm"},
    {"modelCard/modelParameters/datasets", "data"},
    {"modelCard/modelParameters/inputs", ""},
    {"modelCard/modelParameters/outputs", ""},
    {"modelCard/quantitativeAnalysis/performanceMetrics", "experiments"},
    {"modelCard/considerations/users", ""},
    {"modelCard/considerations/useCases", "intended-use"},
    {"modelCard/considerations/technicalLimitations", "limits"},
    {"modelCard/considerations/performanceTradeoffs", ""},
    {"modelCard/considerations/ethicalConsiderations", ""},
    {"modelCard/considerations/fairnessAssessments", ""},
};

constexpr CardField kHuggingFace[] = {
    {"license", ""},      {"language", ""}, {"library_name", ""},
    {"pipeline_tag", ""}, {"tags", ""},     {"base_model", ""},
    {"datasets", "data"}, {"metrics", ""},  {"model-index", "experiments"},
};

constexpr std::array<std::string_view, 6> kSections = {"intended-use", "limits",      "data",
                                                       "algorithm",    "experiments", "owner"};

bool IsFilled(const Json* value) {
  if (value == nullptr || value->is_null()) return false;
  if (value->is_string()) {
    return value->get_ref<const std::string&>().find_first_not_of(" \t\r\n") != std::string::npos;
  }
  if (value->is_structured()) {
    return std::any_of(value->begin(), value->end(),
                       [](const Json& one) { return IsFilled(&one); });
  }
  return true;
}

struct Card {
  std::set<std::string> sections;
  std::int64_t filled = 0;
  std::int64_t fields = 0;
};

Card Look(const Json& json, std::span<const CardField> fields) {
  Card card;
  for (const CardField& field : fields) {
    const bool filled = IsFilled(FindPath(json, field.path));
    ++card.fields;
    card.filled += filled ? 1 : 0;
    if (filled && !field.section.empty()) card.sections.emplace(field.section);
  }
  return card;
}

Status AddSaid(const ImportOptions& options, Card& card) {
  for (const std::string& section : options.sections) {
    if (std::find(kSections.begin(), kSections.end(), section) == kSections.end()) {
      return Fail(Code::kInvalidArgument,
                  "must be intended-use, limits, data, algorithm, experiments or owner, is '" +
                      Excerpt(section) + "'",
                  "--section");
    }
    card.sections.insert(section);
  }
  return {};
}

Result<Imported> Documented(Card card, const ImportOptions& options, const std::string& file) {
  if (auto said = AddSaid(options, card); !said) return Fail(said.error());
  if (card.sections.empty()) {
    return Fail(Code::kInvalidArgument,
                "fills no section of a documentation; what it has in prose is said by --section "
                "NAME: intended-use, limits, data, algorithm, experiments, owner",
                file);
  }
  EvidenceSpec spec;
  spec.type = "Documentation";
  const auto share = Rational::Fraction(card.filled, card.fields);
  if (share) {
    auto number = Decimal::Parse(share->ToText(kDecimalFractionDigits));
    if (number) AddNumber(spec, "completeness", *number, "share");
  }
  Imported imported;
  imported.spec = std::move(spec);
  imported.artifacts.assign(card.sections.begin(), card.sections.end());
  return imported;
}

// The component that is a model, which --component names where there are several.
Result<Field> ModelOf(const Field& root, const ImportOptions& options) {
  std::vector<Field> models;
  const auto consider = [&](const Field& component) {
    if (component.Get("type").Text() == "machine-learning-model") models.push_back(component);
  };
  consider(root.Get("metadata").Get("component"));
  const Field components = root.Get("components");
  for (std::size_t i = 0; components.At(i).Is(); ++i) consider(components.At(i));
  if (!options.component.empty()) {
    std::erase_if(
        models, [&](const Field& model) { return model.Get("name").Text() != options.component; });
  }
  if (models.size() == 1) return models.front();
  if (models.empty()) {
    return Fail(Code::kInvalidArgument,
                "must have a component of type machine-learning-model" +
                    (options.component.empty() ? "" : " called '" + options.component + "'"),
                root.path + "components");
  }
  std::string names;
  for (const Field& model : models) names += (names.empty() ? "" : ", ") + model.Get("name").Text();
  return Fail(Code::kInvalidArgument, "is required: which of " + Excerpt(names, 512),
              "--component");
}

// Between the first line "---" and the next.
Result<std::string_view> FrontMatter(const ImportText& file) {
  constexpr std::string_view kFence = "---";
  const auto line_end = [&](std::size_t from) {
    return std::min(file.text.find('\n', from), file.text.size());
  };
  const auto is_fence = [&](std::size_t from, std::size_t to) {
    std::string_view line = file.text.substr(from, to - from);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line == kFence;
  };
  const std::size_t begin = line_end(0);
  if (is_fence(0, begin)) {
    for (std::size_t at = begin + 1; at < file.text.size();) {
      const std::size_t end = line_end(at);
      if (is_fence(at, end)) return file.text.substr(begin + 1, at - begin - 1);
      at = end + 1;
    }
  }
  return Fail(Code::kInvalidArgument, "must begin with YAML between two lines '---'", file.name);
}

}  // namespace

Result<Imported> ImportModelCardToolkit(std::span<const ImportText> files,
                                        const ImportOptions& options) {
  const ImportText& file = files.front();
  auto json = ParseObject(file);
  if (!json) return Fail(json.error());
  const Field root = Root(*json, file);
  const Field details = root.Get("model_details");
  if (!details.Is() || !details.value->is_object()) {
    return Wrong(details, "the details of a model card of schema 0.0.2");
  }
  auto imported = Documented(Look(*json, kToolkit), options, file.name);
  if (imported) imported->tool = "model-card-toolkit";
  return imported;
}

Result<Imported> ImportCycloneDx(std::span<const ImportText> files, const ImportOptions& options) {
  const ImportText& file = files.front();
  auto json = ParseObject(file);
  if (!json) return Fail(json.error());
  const Field root = Root(*json, file);
  if (root.Get("bomFormat").Text() != "CycloneDX") {
    return Wrong(root.Get("bomFormat"), "\"CycloneDX\"");
  }
  auto model = ModelOf(root, options);
  if (!model) return Fail(model.error());
  if (!model->Get("modelCard").Is()) return Wrong(model->Get("modelCard"), "a model card");
  auto imported = Documented(Look(*model->value, kCycloneDx), options, file.name);
  if (!imported) return imported;
  const Field tools = root.Get("metadata").Get("tools");
  const Field tool = tools.Get("components").Is() ? tools.Get("components").At(0) : tools.At(0);
  imported->tool = tool.Get("name").Text();
  imported->tool_version = tool.Get("version").Text();
  if (const Field at = root.Get("metadata").Get("timestamp"); at.Is()) {
    auto time = ParseTime(at.Text());
    if (!time) return Wrong(at, "a time (RFC 3339)");
    imported->performed_at = *time;
  }
  return imported;
}

Result<Imported> ImportHuggingFaceCard(std::span<const ImportText> files,
                                       const ImportOptions& options) {
  const ImportText& file = files.front();
  auto matter = FrontMatter(file);
  if (!matter) return Fail(matter.error());
  auto yaml = ParseYaml(*matter);
  if (!yaml) return Fail(Code::kInvalidArgument, yaml.error().message, file.name);
  if (!yaml->is_object()) return Fail(Code::kInvalidArgument, "must be a map", file.name);
  return Documented(Look(*yaml, kHuggingFace), options, file.name);
}

}  // namespace countersign
