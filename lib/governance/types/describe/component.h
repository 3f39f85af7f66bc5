// component.h: how components of a model are described. For those that instantiate it.
#pragma once

#include "base/describe.h"
#include "governance/types/component.h"

namespace countersign {

template <class V>
void Describe(V& v, ComponentArtifact& a) {
  v.Field({.name = "uri",
           .doc = "Where the operator gets it from: oci://registry/repository@sha256:…, with the "
                  "same digest as the field digest. No part of its identity. Tags are refused "
                  "above the first environment.",
           .required = true,
           .length = 1024},
          a.uri);
  Describe(v, a.digest);
  v.Rules({{"!(self.digestType in ['composite', 'hosted'])",
            "digestType of a component must be ociManifest, modelSigningRoot or file"}});
}

template <class V>
void Describe(V& v, HostedModel& h) {
  v.Field({.name = "provider",
           .doc = "Who runs it, one name for each contract, as policies list it: a name of the "
                  "organisation's own choice.",
           .required = true,
           .format = Format::kName,
           .length = 63},
          h.provider);
  v.Field({.name = "model",
           .doc = "The provider's id of the model.",
           .required = true,
           .format = Format::kToken},
          h.model);
  v.Field({.name = "snapshot",
           .doc = "The provider's id of the one state of the model that was tested, for example a "
                  "dated version. Not a name that moves, such as latest.",
           .format = Format::kToken},
          h.snapshot);
}

template <class V>
void Describe(V& v, Component& c) {
  // Short enough for the volume and the environment variables that are named after it.
  v.Field({.name = "name",
           .doc = "Name of the component in this model; an artefact is mounted at /models/<name>.",
           .required = true,
           .format = Format::kName,
           .length = 50},
          c.name);
  v.Field({.name = "role",
           .doc = "What it is to the model: BaseModel, Adapter, EnsembleMember, EmbeddingModel, "
                  "RetrieverIndex, Prompt, Tokenizer, Guardrail or Other.",
           .required = true},
          c.role);
  v.Field({.name = "artifact", .doc = "Bytes of known digest. Either this or hosted."}, c.artifact);
  v.Field({.name = "hosted",
           .doc = "A model that a provider runs, named by what was tested. Either this or "
                  "artifact."},
          c.hosted);
  v.Rules(
      {{"has(self.artifact) != has(self.hosted)", "must have exactly one of artifact and hosted"}});
}

}  // namespace countersign
