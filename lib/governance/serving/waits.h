// waits.h: containers whose command line only waits for others, or asks them something.
//
// `until nc -z torchserve 8080; do sleep 2; done` names a host and runs no server. Nothing is
// guessed: all that such a container runs must be of a short list of programs that run no others,
// and what needs a shell to be understood (variables, substitutions, pipes, functions, patterns)
// waits for nobody. Nor does a container whose environment or mounts may say what these programs
// are. Pure.
#pragma once

#include "base/json.h"

namespace countersign {

// `what` is the container itself, or what is executed in it.
[[nodiscard]] bool OnlyWaits(const Json& what, const Json& container);

}  // namespace countersign
