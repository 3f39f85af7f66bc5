// importer.h: what tools wrote, as evidence: text in, a spec out, or an error that says what to
// ask.
//
// An importer reads one format. It takes what the file states and never guesses: what can be read
// in two ways, or is needed and not there, is an error that names the option of `countersign
// evidence import` to give. Whose the evidence is (use case, model) the caller adds. Pure functions
// without state; whatever the text, they end with a value or an error.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "governance/types/bias_test.h"
#include "governance/types/evidence.h"
#include "governance/types/reproducibility_snapshot.h"

namespace countersign {

struct ImportText {
  std::string name;  // for messages
  std::string_view text;
};

// A column that says which group somebody is in, and what the policy calls the attribute.
struct ImportAttribute {
  std::string column;
  std::string name;
};

// What people say beyond the file; empty: nothing. Each is an option of the command.
struct ImportOptions {
  std::map<std::string, std::string> claims;
  // Of predictions.
  std::string label;  // column, as the next two
  bool no_label = false;
  std::string prediction;
  std::string score;
  std::string threshold;
  std::string selected;  // "at-least" or "at-most": which scores select
  std::string weight;    // column
  bool classes = false;  // count each of several outcomes
  // Of predictions and of counts by group.
  std::string favorable;       // as it stands in the file
  std::string favorable_name;  // as the policy calls it
  std::string positive;        // "favorable" or "unfavorable": what a tool's positive is
  std::vector<ImportAttribute> attributes;
  std::map<std::string, std::string> groups;  // "column:value" to what it is called
  std::vector<std::string> missing;           // values that mean: not known
  std::string unknown_group;
  std::map<std::string, std::vector<Decimal>> bins;  // by attribute
  std::string privileged;                            // group, as the next
  std::string unprivileged;
  std::string counted;                         // "predictions": what a tool counted
  std::string reference;                       // group that declared values compare with
  std::map<std::string, std::string> rows_of;  // column to the value of the rows that count
  std::string stage;                           // of a pipeline
  std::string type;                            // of evidence, where a file has several
  std::string output_class;                    // number of the class that SHAP values are of
  std::string component;                       // of a bill of materials
  std::vector<std::string> sections;           // of a documentation, that a card has in prose
  std::string unit;
  std::string label_source;
  std::string label_window;
  std::string selection;
};

// A data file as a pipeline recorded it, for finding out whether a file is still that one.
struct ImportedData {
  std::string md5;
  std::optional<std::int64_t> size;
  std::string folder = {};  // to which its path is relative; empty: where the import runs
};

// What a file says of a training run that is more, or less, than a snapshot states. Empty: nothing.
struct ImportedRun {
  std::string id;
  std::string commit;
  std::string repository;
  std::string entry_point;
  std::string runtime;
  std::string lock_file;           // the file itself, if it is one
  std::vector<std::string> users;  // who started it
  std::vector<std::string> unpinned;
  std::map<std::string, ImportedData> data;  // by path
};

using ImportedSpec = std::variant<EvidenceSpec, BiasTestSpec, ReproducibilitySnapshotSpec>;

struct Imported {
  ImportedSpec spec;
  std::optional<Time> performed_at;  // as the file states it, with its zone
  std::string tool;                  // empty: the file does not say, as the next
  std::string tool_version;
  std::vector<std::string> artifacts;  // which of the type's artifacts the file is
  ImportedRun run;                     // with a snapshot
  std::vector<std::string> notes;      // what was left out and will matter, a sentence each
};

struct ImportFormat {
  std::string_view name;
  std::string_view doc;
  Result<Imported> (*import)(std::span<const ImportText>, const ImportOptions&);
  bool several = false;  // whether it adds up several files
  bool folder = false;   // whether it is a folder's files, by their path in it
};

// In the order of the documentation (docs/importing.md).
[[nodiscard]] std::span<const ImportFormat> ImportFormats();
[[nodiscard]] const ImportFormat* FindImportFormat(std::string_view name);  // null: none

// What `format` makes of `files`, with the claims of the options, which may add to what the files
// state and not contradict it. An option that the format does not look at is an error.
[[nodiscard]] Result<Imported> Import(const ImportFormat& format, std::span<const ImportText> files,
                                      const ImportOptions& options);

}  // namespace countersign
