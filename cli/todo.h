// todo.h: who must do what next, from the gates that are not passed and those that will expire.
//
// A gate's remedy is what the refusal says. For what is passed and runs out within the window, the
// same evaluation at the end of the window gives the remedy before it is needed. Of deployments in
// files it names the file. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/world.h"
#include "governance/decision.h"

namespace countersign {

struct TodoTask {
  std::string deployment;  // "namespace/name", or "GovernancePolicy NAME" of a version that waits
  std::string use_case;    // likewise
  std::string environment;
  std::string gate;  // "policy/measure", a check, "answers" or "version"
  std::string state;
  bool blocking = false;    // nothing new is served until it is done
  std::optional<Time> due;  // when what is passed now ends; nullopt: it is due now
  std::string message;
  std::string next;                   // the remedy, with the command
  std::vector<EvidenceRef> evidence;  // that there is; sign-offs show who gave them
};

// Somebody to whom a holder has lent the role for now.
struct TodoDeputy {
  std::string deputy;  // accounts
  std::string lender;
  std::optional<Time> until;
  friend bool operator==(const TodoDeputy&, const TodoDeputy&) = default;
};

// A role, group, account or person that tasks wait for.
struct TodoActor {
  std::string policy;  // empty for those who are named without one
  Subject subject;
  std::vector<Subject> holders;  // of a role
  std::vector<TodoDeputy> deputies;
  std::vector<TodoTask> tasks;  // what is due now first, then by time
};

// Somebody whose tasks are asked for.
struct TodoPerson {
  std::string user;
  std::vector<std::string> groups;
};

struct TodoScope {
  Time now{};
  Seconds within{};
  std::string role;  // only tasks of this role; empty: of all
  std::optional<TodoPerson> person;
};

// By policy and name. A sign-off is not asked of a person who has given it, nor of one who asked
// for the deployment or is listed as a developer, where these do not count.
[[nodiscard]] std::vector<TodoActor> TodoOf(const World& world, const TodoScope& scope);

struct Todo {
  TodoScope scope;
  std::vector<TodoActor> actors;
  std::vector<std::string> unreadable;
  std::vector<std::string> assumptions;
};
[[nodiscard]] std::string TodoText(const Todo& todo);
[[nodiscard]] Json TodoJson(const Todo& todo);

}  // namespace countersign
