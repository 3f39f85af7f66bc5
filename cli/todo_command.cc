#include <iostream>
#include <memory>

#include "base/clock.h"
#include "catalog/resources.h"
#include "cli/command.h"
#include "cli/todo.h"
#include "cli/world_source.h"

namespace countersign {
namespace {

struct TodoFlags {
  std::vector<std::string> files;
  bool mine = false;
  std::string user;
  std::vector<std::string> groups;
  std::string role;
  std::string within = "30d";
  std::string now;
  StampFlags stamps;
};

// Who the API server takes us for, with groups.
Result<TodoPerson> Myself(const Cluster& cluster) {
  auto review = cluster.client().Create(
      kSelfSubjectReviews,
      {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}});
  if (!review) return Fail(cluster.Explain("ask who you are", review.error()));
  TodoPerson person;
  person.user = StringAt(*review, "status/userInfo/username");
  if (person.user.empty()) {
    return Fail(Code::kInternal, "the API server does not say who you are");
  }
  const Json* groups = FindPath(*review, "status/userInfo/groups");
  if (groups != nullptr && groups->is_array()) {
    for (const Json& group : *groups) {
      if (group.is_string()) person.groups.push_back(group.get<std::string>());
    }
  }
  return person;
}

Result<Todo> MakeTodo(const TodoFlags& flags, const Global& global) {
  Todo todo;
  auto now = TimeFlag(flags.now, "--now", SystemClock().Now());
  if (!now) return Fail(now.error());
  auto within = ParseDuration(flags.within);
  if (!within) return Fail(Code::kInvalidArgument, within.error().message, "--within");
  todo.scope = {*now, *within, flags.role, std::nullopt};
  if (!flags.user.empty()) todo.scope.person = TodoPerson{flags.user, flags.groups};
  Result<SourcedWorld> sourced = Fail(Code::kInternal, "");
  if (!flags.files.empty()) {
    if (flags.mine) {
      return Fail(Code::kInvalidArgument,
                  "needs a cluster, which knows who you are; for files give --user and --group",
                  "--mine");
    }
    sourced = WorldFromFiles(flags.files, global, *now);
  } else {
    auto cluster = Cluster::Connect(global);
    if (!cluster) return Fail(cluster.error());
    if (flags.mine) {
      auto myself = Myself(**cluster);
      if (!myself) return Fail(myself.error());
      todo.scope.person = std::move(*myself);
    }
    sourced = WorldFromCluster(**cluster, flags.stamps);
  }
  if (!sourced) return Fail(sourced.error());
  todo.unreadable = std::move(sourced->unreadable);
  todo.assumptions = std::move(sourced->assumptions);
  todo.actors = TodoOf(sourced->world, todo.scope);
  return todo;
}

int PrintTodo(const TodoFlags& flags, const Global& global) {
  auto todo = MakeTodo(flags, global);
  if (!todo) return Report(todo.error());
  if (global.IsJson()) {
    std::cout << DumpJson(TodoJson(*todo)) << "\n";
  } else {
    std::cout << TodoText(*todo);
  }
  return todo->unreadable.empty() ? kOk : kFailed;
}

}  // namespace

void AddTodo(CLI::App& app, Global& global, Run& run) {
  CLI::App* command = app.add_subcommand(
      "todo", "Say who must do what next: gates that are not passed, and what will expire");
  AddOutput(*command, global, {"table", "json"});
  auto flags = std::make_shared<TodoFlags>();
  command->add_option("-f,--filename", flags->files,
                      "deployments, evidence and policies from this file, folder or - instead of "
                      "the cluster; repeatable");
  auto* mine = command->add_flag("--mine", flags->mine, "only what waits for you");
  auto* user = command->add_option("--user", flags->user, "only what waits for this account");
  command->add_option("--group", flags->groups, "a group of --user; repeatable")->needs(user);
  mine->excludes(user);
  command->add_option("--role", flags->role, "only what waits for this role");
  command->add_option("--within", flags->within, "how far ahead to look for what expires");
  command->add_option("--now", flags->now, "take this time for now (RFC 3339)");
  AddStampFlags(*command, flags->stamps);
  command->callback(
      [flags, &global, &run] { run = [flags, &global] { return PrintTodo(*flags, global); }; });
}

}  // namespace countersign
