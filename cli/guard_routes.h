// guard_routes.h: by which kinds traffic gets to what serves, for the lock of environments. Pure.
#pragma once

#include <map>
#include <set>
#include <string>

namespace countersign {

// By group: plurals, or "*" for all kinds of the group, which is not their subresources.
[[nodiscard]] const std::map<std::string, std::set<std::string>>& Routes();

}  // namespace countersign
