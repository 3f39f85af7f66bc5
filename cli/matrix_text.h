// matrix_text.h: the matrix of measures for terminals, documents and programs. Pure functions.
#pragma once

#include <string>

#include "base/json.h"
#include "governance/matrix.h"

namespace countersign {

// What is shown: everything, or the part of one use case.
struct MatrixView {
  Matrix matrix;
  std::string use_case;                          // "namespace/name"; empty: everything
  std::map<std::string, PolicyClasses> classes;  // of the use case, by policy
};

// Columns of at most some 38 characters, so that three classes fit a wide terminal.
[[nodiscard]] std::string MatrixTable(const MatrixView& view);
// A table of GitHub Flavored Markdown.
[[nodiscard]] std::string MatrixMarkdown(const MatrixView& view);
[[nodiscard]] Json MatrixJson(const MatrixView& view);

}  // namespace countersign
