#include "governance/types/reproducibility_snapshot.h"

#include "governance/types/codec.h"

namespace countersign {

template <class V>
void Describe(V& v, CodeState& c) {
  v.Field(
      {.name = "repository", .doc = "Where the code is kept.", .required = true, .length = 1024},
      c.repository);
  v.Field({.name = "commit",
           .doc = "Commit id: 40 or 64 lower-case hexadecimal digits.",
           .required = true,
           .format = Format::kCommit,
           .length = 64},
          c.commit);
  v.Field(
      {.name = "clean",
       .doc = "Whether the working tree had no changes beside the commit. A run from an unclean "
              "tree cannot be repeated and does not pass.",
       .required = true},
      c.clean);
  v.Field(
      {.name = "entryPoint", .doc = "The command that was run.", .required = true, .length = 1024},
      c.entry_point);
  v.Field({.name = "artifactDigest",
           .doc = "SHA-256 of the code as it is kept, for example of its source archive. "
                  "FullSnapshot needs it, or environment.image.",
           .format = Format::kSha256,
           .length = 71},
          c.artifact_digest);
  v.Field({.name = "authors",
           .doc = "Authors of the commits, as git names them, for example e-mail addresses. They "
                  "count as developers of the model.",
           .format = Format::kToken,
           .max = 128,
           .list = ListType::kSet},
          c.authors);
}

template <class V>
void Describe(V& v, DataState& d) {
  v.Field({.name = "name", .doc = "Name of the data set.", .required = true}, d.name);
  v.Field({.name = "digest",
           .doc = "SHA-256 of its bytes.",
           .required = true,
           .format = Format::kSha256,
           .length = 71},
          d.digest);
  v.Field({.name = "role",
           .doc = "What it was used for: Training, Validation or Test.",
           .required = true},
          d.role);
  v.Field({.name = "rows", .doc = "Number of rows, 0 to 10^15.", .max = 1'000'000'000'000'000},
          d.rows);
  v.Field({.name = "split", .doc = "How it was cut from the whole.", .length = 1024}, d.split);
  v.Field({.name = "seed",
           .doc = "Seed of the random split, 0 to 2^53-1.",
           .max = 9'007'199'254'740'991},
          d.seed);
  v.Field({.name = "deterministic",
           .doc = "Whether the split takes no chance, being by date, by key or none: then there is "
                  "no seed. FullSnapshot needs the split, and either this or the seed."},
          d.deterministic);
}

template <class V>
void Describe(V& v, EnvironmentState& e) {
  v.Field({.name = "image",
           .doc = "Image that training ran in, pinned: …@sha256:<64 digits>.",
           .format = Format::kImageDigest,
           .length = 1100},
          e.image);
  v.Field({.name = "lockFileDigest",
           .doc = "SHA-256 of the lock file that pins every dependency; needed for FullSnapshot.",
           .format = Format::kSha256,
           .length = 71},
          e.lock_file_digest);
  v.Field({.name = "unpinned",
           .doc = "Dependencies that are not pinned; none for FullSnapshot.",
           .max = 128},
          e.unpinned);
  v.Field({.name = "runtime", .doc = "Language runtime and version.", .required = true}, e.runtime);
  v.Field({.name = "hardware", .doc = "Processor architecture and accelerators.", .required = true},
          e.hardware);
}

template <class V>
void Describe(V& v, FeatureState& f) {
  v.Field({.name = "names",
           .doc = "Names of the inputs that the model reads.",
           .format = Format::kToken,
           .max = 1024,
           .length = 253,
           .list = ListType::kSet},
          f.names);
  v.Field({.name = "digest",
           .doc = "SHA-256 of what lists them, where they are too many to name.",
           .format = Format::kSha256,
           .length = 71},
          f.digest);
  v.Rules({{"has(self.names) != has(self.digest)", "must have exactly one of names and digest"}});
}

template <class V>
void Describe(V& v, ReproducibilitySnapshotSpec& s) {
  v.Field({.name = "useCase",
           .doc = "Name of the use case, in this object's namespace.",
           .required = true,
           .format = Format::kObjectName},
          s.use_case);
  v.Field({.name = "model", .doc = "The model that the run resulted in.", .required = true},
          s.model);
  v.Field({.name = "performedAt", .doc = "When the run ended. RFC 3339.", .required = true},
          s.performed_at);
  v.Field(PerformedByField(), s.performed_by);
  v.Field({.name = "code", .doc = "The code. Needed for Retrainable and FullSnapshot."}, s.code);
  v.Field({.name = "data",
           .doc = "The data sets. Needed for Retrainable and FullSnapshot.",
           .max = 64,
           .list = ListType::kMap,
           .list_key = "name"},
          s.data);
  v.Field({.name = "environment",
           .doc = "The software and hardware. Needed for Retrainable and FullSnapshot."},
          s.environment);
  v.Field({.name = "parameters",
           .doc = "Hyperparameters, as text. Needed for FullSnapshot.",
           .max = 256,
           .length = 1024},
          s.parameters);
  v.Field({.name = "metrics", .doc = "Results of the run: metric to decimal.", .max = 64},
          s.metrics);
  v.Field({.name = "reproductionOf",
           .doc = "Name of the snapshot that this run repeated, in this namespace: same commit, "
                  "entry point, data, seeds, parameters and lock file. The repetition is stamped "
                  "with whoever creates it; the latest one that counts governs.",
           .format = Format::kObjectName},
          s.reproduction_of);
  v.Field({.name = "previous",
           .doc = "The model that this one takes over from. The kind of change is computed from "
                  "the snapshots of both; what neither or only one of them states counts as a "
                  "change of the algorithm."},
          s.previous);
  v.Field({.name = "algorithm",
           .doc = "The learning algorithm and its implementation, for example "
                  "sklearn.linear_model.LogisticRegression.",
           .length = 253},
          s.algorithm);
  v.Field({.name = "features", .doc = "The inputs that the model reads."}, s.features);
  v.Field({.name = "purposeCategory",
           .doc = "The spec.purposeCategory of the use case that the model was made for.",
           .format = Format::kToken,
           .length = 63},
          s.purpose_category);
  v.Field(
      {.name = "decisionThreshold",
       .doc = "The threshold that turns its score into an outcome, a decimal, if there is one."},
      s.decision_threshold);
  v.Field({.name = "servingImage",
           .doc = "Image that serves the model, pinned: …@sha256:<64 digits>.",
           .format = Format::kImageDigest,
           .length = 1100},
          s.serving_image);
  v.Field(SourcesField(), s.sources);
  v.Field(SupersedesField(), s.supersedes);
  v.Field(SignatureField(), s.signature);
}

static void Check(const ReproducibilitySnapshotSpec& spec, const Json& /*json*/,
                  std::vector<Error>& errors) {
  CheckSignature(spec.signature, errors);
  if (spec.features && spec.features->names.empty() == spec.features->digest.empty()) {
    errors.push_back({Code::kInvalidArgument, "must have exactly one of names and digest",
                      "spec.features", std::nullopt});
  }
  if (spec.previous && *spec.previous == spec.model) {
    errors.push_back({Code::kInvalidArgument,
                      "must be another model than spec.model: no model takes over from itself",
                      "spec.previous.digest", std::nullopt});
  }
}

COUNTERSIGN_INSTANTIATE_KIND(ReproducibilitySnapshotSpec);

}  // namespace countersign
