// subjects.h: what a measure asks evidence about: the model as a whole, each of its components, or
// some of them (`subject` of a measure). Pure.
//
// A measure's own function knows nothing of components: it judges one digest. Here it is run once
// for each subject, and its gates become one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "governance/measures/context.h"

namespace countersign {

struct MeasureSubject {
  std::string component;  // empty: the model as a whole
  ModelDigest model;      // what evidence about it names
};

// A model without components is its own and only one, of role BaseModel. Empty: there is none of
// that name or role.
[[nodiscard]] std::vector<MeasureSubject> SubjectsOf(const Measure& measure, const Model& model);

// `run` judges the measure for context.model, which here is the model as a whole.
[[nodiscard]] Gate RunForSubjects(const Context& context,
                                  const std::function<Gate(const Context&)>& run);

}  // namespace countersign
