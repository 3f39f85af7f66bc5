#include <iostream>
#include <memory>

#include "cli/command.h"
#include "cli/content_digest.h"
#include "cli/manifests.h"
#include "cli/render.h"
#include "governance/types/model_deployment.h"

namespace countersign {
namespace {

struct DigestFlags {
  std::vector<std::string> files;
  std::vector<std::string> models;
};

// What evidence about one subject has to name.
struct Subject {
  std::string source;
  std::string deployment;  // "namespace/name"; empty: bytes on disk
  std::string component;   // empty: the model as a whole
  std::string role;
  ModelDigest digest;
  std::string stated;  // spec.model.digest, where that should be this digest
};

// The digest is what is asked for, so the manifest need not have it yet.
Json WithDigest(const Json& object) {
  Json filled = object;
  const Json* model = FindPath(object, "spec/model");
  if (model == nullptr || !model->is_object() || Find(*model, "components") == nullptr) {
    return filled;
  }
  if (Find(*model, "digest") == nullptr) {
    SetPath(filled, "spec/model/digest", "sha256:" + std::string(64, '0'));
  }
  if (Find(*model, "digestType") == nullptr) {
    SetPath(filled, "spec/model/digestType", std::string(NameOf(DigestType::kComposite)));
  }
  return filled;
}

Located<std::vector<Subject>> SubjectsOf(const Manifest& manifest) {
  auto decoded = Decode<ModelDeploymentSpec>(WithDigest(manifest.object));
  if (!decoded) return FailIn(manifest, decoded.error().path, decoded.error().message);
  const Model& model = decoded->spec.model;
  Subject whole;
  whole.source = manifest.source;
  whole.deployment =
      (decoded->meta.name_space.empty() ? "" : decoded->meta.name_space + "/") + decoded->meta.name;
  whole.digest = model.digest;
  whole.stated = StringAt(manifest.object, "spec/model/digest");
  if (!model.components.empty()) whole.digest.digest = model.composite_digest;
  std::vector<Subject> subjects = {whole};
  for (const Component& component : model.components) {
    Subject part = whole;
    part.component = component.name;
    part.role = std::string(NameOf(component.role));
    part.digest = component.identity;
    part.stated.clear();
    subjects.push_back(std::move(part));
  }
  return subjects;
}

Located<std::vector<Subject>> FromManifests(const std::vector<std::string>& files) {
  auto manifests = ReadManifests(files);
  if (!manifests) return tl::make_unexpected(manifests.error());
  std::vector<Subject> all;
  for (const Manifest& manifest : *manifests) {
    if (StringAt(manifest.object, "kind") != ModelDeploymentSpec::kKind) continue;
    auto subjects = SubjectsOf(manifest);
    if (!subjects) return subjects;
    all.insert(all.end(), subjects->begin(), subjects->end());
  }
  if (!all.empty()) return all;
  Fault fault;
  fault.code = Code::kNotFound;
  fault.message = "there is no ModelDeployment in the manifests";
  return tl::make_unexpected(std::move(fault));
}

std::string Remark(const Subject& subject) {
  if (subject.stated.empty() || subject.stated == subject.digest.digest) return {};
  return "spec.model.digest is " + subject.stated + ": correct it";
}

void PrintTable(const std::vector<Subject>& subjects) {
  std::vector<std::vector<std::string>> rows = {{"SUBJECT", "ROLE", "TYPE", "DIGEST"}};
  std::string remarks;
  for (const Subject& subject : subjects) {
    const std::string name =
        subject.deployment.empty() ? subject.source : "ModelDeployment " + subject.deployment;
    rows.push_back({Printable(subject.component.empty() ? name : "  " + subject.component),
                    subject.role.empty() ? "-" : subject.role,
                    std::string(NameOf(subject.digest.type)), subject.digest.digest});
    if (const std::string remark = Remark(subject); !remark.empty()) {
      remarks += Printable(subject.source + ": " + remark) + "\n";
    }
  }
  std::cout << Table(rows) << remarks;
}

void PrintJson(const std::vector<Subject>& subjects) {
  Json list = Json::array();
  for (const Subject& subject : subjects) {
    Json one = {{"source", subject.source},
                {"digest", subject.digest.digest},
                {"digestType", std::string(NameOf(subject.digest.type))}};
    const auto add = [&](const char* key, const std::string& value) {
      if (!value.empty()) one[key] = value;
    };
    add("deployment", subject.deployment);
    add("component", subject.component);
    add("role", subject.role);
    add("stated", subject.stated);
    list.push_back(std::move(one));
  }
  Json answer = VersionedJson("DigestResult");
  answer["subjects"] = std::move(list);
  std::cout << DumpJson(answer) << "\n";
}

int ShowDigests(const DigestFlags& flags, const Global& global) {
  std::vector<Subject> subjects;
  if (!flags.files.empty()) {
    auto found = FromManifests(flags.files);
    if (!found) return Report(found.error());
    subjects = std::move(*found);
  }
  for (const std::string& path : flags.models) {
    auto digest = DigestModel(path);
    if (!digest) return Report(digest.error());
    subjects.push_back({path, {}, {}, {}, *digest, {}});
  }
  if (subjects.empty()) {
    return Report({Code::kInvalidArgument,
                   "give a ModelDeployment with -f, or a file or folder that is a model",
                   {},
                   {}});
  }
  if (global.IsJson()) {
    PrintJson(subjects);
  } else if (global.output == "digest") {
    for (const Subject& subject : subjects) {
      if (subject.component.empty()) std::cout << subject.digest.digest << "\n";
    }
  } else {
    PrintTable(subjects);
  }
  return kOk;
}

}  // namespace

void AddDigest(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "digest",
      "Print the digest that evidence has to name: of a ModelDeployment and its components, or of "
      "a model on disk");
  AddOutput(*command, global, {"table", "json", "digest"});
  auto flags = std::make_shared<DigestFlags>();
  command->add_option("-f,--filename", flags->files,
                      "file or folder with ModelDeployments, or - for standard input; repeatable; "
                      "spec.model.digest may still be missing");
  command->add_option("model", flags->models,
                      "a file, an OCI image layout, or any other folder that is a model");
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return ShowDigests(*flags, global); }; });
}

}  // namespace countersign
