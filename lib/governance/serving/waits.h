// waits.h: what a command line does before it runs anything: wait for others, or ask them
// something.
//
// `until nc -z torchserve 8080; do sleep 2; done` names a host and runs no server. Nothing is
// guessed: only programs of a short list count, which run no others, and only until another one is
// run. What needs more of a shell to be understood than words, quotes, loops and what parts
// commands (variables, functions, patterns, pipes, files) waits for nobody. Nor does a container
// whose environment or mounts may say what these programs are. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace countersign {

// The words of a command line without what only waits at its beginning: none if it does nothing
// else, all of them if it does not wait. `what` is the container itself, or what is executed in it.
[[nodiscard]] std::vector<std::string> AfterWaiting(const Json& what, const Json& container);

}  // namespace countersign
