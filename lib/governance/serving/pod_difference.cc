#include "governance/serving/pod_difference.h"

#include <algorithm>
#include <utility>

#include "base/describe.h"
#include "governance/decision.h"
#include "governance/serving/running.h"

namespace countersign {
namespace {

using Said = PodShape::Said;
using Container = PodShape::Container;

class Comparison {
 public:
  Comparison(const PodShape& approved, const std::string& deployment, const PodShape& here)
      : approved_(approved), here_(here), of_("ModelDeployment '" + deployment + "'") {}

  std::vector<GuardFault> Run() {
    if (approved_.incomplete || here_.incomplete) {
      Add("mounts or says more than can be compared", here_.path);
      return std::move(faults_);
    }
    for (const char* list : kContainerLists) Containers(list);
    Fields(approved_.fields, here_.fields, here_.path);
    return std::move(faults_);
  }

 private:
  void Add(std::string message, std::string path) {
    faults_.push_back({"NotAsApproved", std::move(message), std::move(path)});
  }

  static std::vector<const Container*> In(const PodShape& shape, const std::string& list) {
    std::vector<const Container*> in;
    for (const Container& one : shape.containers) {
      if (one.list == list) in.push_back(&one);
    }
    return in;
  }

  static bool Runs(const Container& a, const Container& b) {
    return !a.fingerprint.empty() && a.fingerprint == b.fingerprint;
  }

  static bool IsTheSame(const Container& a, const Container& b) {
    return Runs(a, b) && a.fields == b.fields && a.mounts == b.mounts;
  }

  // Of containers that run the same, those that are the same belong together.
  void Containers(const char* list) {
    std::vector<const Container*> theirs = In(approved_, list);
    const std::vector<const Container*> in = In(here_, list);
    std::vector<const Container*> ours = in;
    std::vector<const Container*> of(theirs.size(), nullptr);
    for (const auto& alike : {IsTheSame, Runs}) {
      for (std::size_t i = 0; i < theirs.size(); ++i) {
        if (of[i] != nullptr) continue;
        const auto found = std::find_if(ours.begin(), ours.end(), [&](const Container* one) {
          return alike(*theirs[i], *one);
        });
        if (found == ours.end()) continue;
        of[i] = *found;
        ours.erase(found);
      }
    }
    const std::string path = here_.path + "." + list;
    bool all = true;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      if (of[i] == nullptr) {
        all = false;
        faults_.push_back({"ContainerLeftOut",
                           of_ + " runs container '" + OneLine(theirs[i]->name, 63) + "' (" +
                               OneLine(theirs[i]->image, 256) + ") there, which is left out here",
                           path});
        continue;
      }
      Fields(theirs[i]->fields, of[i]->fields, of[i]->path);
      Mounts(theirs[i]->mounts, of[i]->mounts, of[i]->path + ".volumeMounts");
    }
    for (const Container* more : ours) {
      Add(of_ + " does not run it there, or not so often", more->path);
    }
    // One waits for what comes before it.
    const bool in_order = list != std::string_view("initContainers") || !all || in == of;
    if (!in_order && ours.empty()) Add("run in another order than those of " + of_, path);
  }

  void Fields(const std::vector<Said>& theirs, const std::vector<Said>& ours,
              const std::string& path) {
    Each(theirs, ours, [&](const Said* approved, const Said* here) {
      const std::string& what = approved != nullptr ? approved->what : here->what;
      Add(approved == nullptr ? "is set, and " + of_ + " does not set it"
          : here == nullptr   ? "is not set, and " + of_ + " sets it"
                              : "is set to something else than " + of_ + " sets it to",
          path + "." + OneLine(what, 63));
    });
  }

  void Mounts(const std::vector<Said>& theirs, const std::vector<Said>& ours,
              const std::string& path) {
    Each(theirs, ours, [&](const Said* approved, const Said* here) {
      const std::string at =
          " at '" + OneLine(approved != nullptr ? approved->what : here->what, 128) + "'";
      if (approved == nullptr) {
        return Add("mounts " + here->text + at + ", where " + of_ + " mounts nothing", path);
      }
      if (here == nullptr) {
        return Add("mounts nothing" + at + ", where " + of_ + " mounts " + approved->text, path);
      }
      const bool same = approved->text == here->text;
      Add("mounts " + here->text + (same ? " otherwise" : "") + at +
              (same ? " than " : ", where ") + of_ + (same ? " does" : " mounts " + approved->text),
          path);
    });
  }

  // What differs between two lists in order, as pairs; null where one of them has nothing.
  template <typename Visit>
  static void Each(const std::vector<Said>& theirs, const std::vector<Said>& ours,
                   const Visit& visit) {
    auto a = theirs.begin();
    auto b = ours.begin();
    while (a != theirs.end() || b != ours.end()) {
      if (b == ours.end() || (a != theirs.end() && a->what < b->what)) {
        visit(&*a++, nullptr);
      } else if (a == theirs.end() || b->what < a->what) {
        visit(nullptr, &*b++);
      } else {
        if (a->fingerprint != b->fingerprint) visit(&*a, &*b);
        ++a;
        ++b;
      }
    }
  }

  const PodShape& approved_;
  const PodShape& here_;
  const std::string of_;
  std::vector<GuardFault> faults_;
};

}  // namespace

std::vector<GuardFault> DifferencesFrom(const PodShape& approved, const std::string& deployment,
                                        const PodShape& here) {
  return Comparison(approved, deployment, here).Run();
}

}  // namespace countersign
