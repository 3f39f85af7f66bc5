// classification.h: questions, conditions and classes of a policy, described once
// (base/describe.h). For policy.cc alone, which instantiates it.
#pragma once

#include "governance/types/describe/fields.h"
#include "governance/types/describe/requirements.h"
#include "governance/types/policy.h"

namespace countersign {

template <class V>
void Describe(V& v, Question& q) {
  v.Field({.name = "name",
           .doc = "Name of the question.",
           .required = true,
           .format = Format::kIdentifier,
           .length = 63},
          q.name);
  v.Field({.name = "description", .doc = "The question as people read it.", .length = 1024},
          q.description);
  v.Field({.name = "multiple", .doc = "Whether several options may be chosen. Default false."},
          q.multiple);
  v.Field({.name = "options",
           .doc = "Possible answers and what each adds to the score, 0 to 64.",
           .required = true,
           .max = 64},
          q.options);
}

template <class V>
void DescribeLeaf(V& v, Leaf& l) {
  v.Field({.name = "scoreAtLeast",
           .doc = "True when the scores of all given answers add up to at least this, 0 to 10000.",
           .max = 10000},
          l.score_at_least);
  v.Field({.name = "answer",
           .doc = "Name of a question; true when its answer includes the option "
                  "in `includes`.",
           .format = Format::kIdentifier,
           .length = 63},
          l.answer);
  v.Field({.name = "includes", .doc = "The option.", .length = 63}, l.includes);
}

template <class V>
void Describe(V& v, Leaf& l) {
  DescribeLeaf(v, l);
  v.Rules({{"has(self.answer) == has(self.includes)", "answer and includes go together"},
           {"has(self.answer) != has(self.scoreAtLeast)",
            "must have exactly one of scoreAtLeast and answer"}});
}

template <class V>
void Describe(V& v, Clause& c) {
  DescribeLeaf(v, c);
  v.Field({.name = "anyOf", .doc = "True when one of these is.", .max = 16}, c.any_of);
  v.Field({.name = "allOf", .doc = "True when all of these are.", .max = 16}, c.all_of);
}

template <class V>
void Describe(V& v, ClassCondition& c) {
  DescribeLeaf(v, c);
  v.Field({.name = "anyOf", .doc = "True when one of these is.", .max = 16}, c.any_of);
  v.Field({.name = "allOf", .doc = "True when all of these are.", .max = 16}, c.all_of);
  v.Field({.name = "otherwise", .doc = "True when no other class is."}, c.otherwise);
}

template <class V>
void Describe(V& v, RiskClass& c) {
  v.Field(NameField("Name of the class, for example high."), c.name);
  v.Field({.name = "description", .doc = "What it stands for.", .length = 1024}, c.description);
  v.Field({.name = "when",
           .doc = "When a use case belongs to it; a use case may belong to several. Exactly one of "
                  "scoreAtLeast, answer, anyOf, allOf, otherwise.",
           .required = true},
          c.when);
}

template <class V>
void Describe(V& v, Classification& c) {
  v.Field({.name = "signOff",
           .doc = "Whose sign-off on a use case makes its answers count. Until then every class "
                  "that its answers could lead to applies.",
           .required = true},
          c.sign_off);
  v.Field({.name = "lowering",
           .doc = "Whose sign-off, beside, lets a use case leave a class that answers signed off "
                  "earlier led to. Without it nobody's is asked for."},
          c.lowering);
  v.Field({.name = "questions",
           .doc = "The checklist that every use case answers.",
           .max = 64,
           .list = ListType::kMap,
           .list_key = "name"},
          c.questions);
  v.Field({.name = "classes",
           .doc = "The risk classes.",
           .required = true,
           .min = 1,
           .max = 32,
           .list = ListType::kMap,
           .list_key = "name"},
          c.classes);
}

}  // namespace countersign
