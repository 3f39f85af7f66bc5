// component.h: what a model is put together from: a base model, an adapter, a prompt, an index.
// Part of ModelDeployment (model_deployment.h).
//
// Every component has an identity that evidence can be about, and all of them together have the
// composite digest, which is the model's. Neither depends on where an artefact is fetched from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "governance/types/common.h"

namespace countersign {

// A closed list: a policy that asks for a role must not miss it because somebody spelt it
// otherwise.
enum class ComponentRole {
  kBaseModel,
  kAdapter,
  kEnsembleMember,
  kEmbeddingModel,
  kRetrieverIndex,
  kPrompt,
  kTokenizer,
  kGuardrail,
  kOther
};
template <>
struct EnumNames<ComponentRole> {
  static constexpr std::pair<ComponentRole, std::string_view> kNames[] = {
      {ComponentRole::kBaseModel, "BaseModel"},
      {ComponentRole::kAdapter, "Adapter"},
      {ComponentRole::kEnsembleMember, "EnsembleMember"},
      {ComponentRole::kEmbeddingModel, "EmbeddingModel"},
      {ComponentRole::kRetrieverIndex, "RetrieverIndex"},
      {ComponentRole::kPrompt, "Prompt"},
      {ComponentRole::kTokenizer, "Tokenizer"},
      {ComponentRole::kGuardrail, "Guardrail"},
      {ComponentRole::kOther, "Other"}};
};

// Bytes that the operator mounts.
struct ComponentArtifact {
  std::string uri;
  ModelDigest digest;
};

// A model that somebody else runs. Nobody here can take a digest of it.
struct HostedModel {
  std::string provider;
  std::string model;
  std::string snapshot;  // empty: whatever the provider serves under that name
};

struct Component {
  std::string name;
  ComponentRole role = ComponentRole::kOther;
  std::optional<ComponentArtifact> artifact;
  std::optional<HostedModel> hosted;
  // What evidence about it names, filled in by Decode: the artefact's digest, or, of type `hosted`,
  // SHA-256 over the canonical JSON of {provider, model, snapshot}.
  ModelDigest identity;
};

// SHA-256 over the canonical JSON (RFC 8785) of the components in the order of their names, each
// {name, role, artifact: {digest, digestType} | hosted: {provider, model, snapshot}}.
[[nodiscard]] Result<std::string> CompositeDigest(const std::vector<Component>& components);

// Fills Component::identity.
void Identify(std::vector<Component>& components);

// What the schema cannot say, with paths from `path` on: spec.model.components.
void CheckComponents(const std::vector<Component>& components, const std::string& path,
                     std::vector<Error>& errors);

// "hosted 'acme/chat-4' of snapshot '2026-08-06'", for messages.
[[nodiscard]] std::string HostedText(const HostedModel& hosted);

}  // namespace countersign
