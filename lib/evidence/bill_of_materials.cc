#include "evidence/bill_of_materials.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

namespace countersign {
namespace {

tl::unexpected<Error> Bad(std::string path, std::string why) {
  return Fail(Code::kInvalidArgument, std::move(why), std::move(path));
}

std::string Member(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

bool IsOperator(std::string_view word) {
  constexpr std::array<std::string_view, 6> kOperators = {"AND", "OR", "WITH", "and", "or", "with"};
  return std::find(kOperators.begin(), kOperators.end(), word) != kOperators.end();
}

bool IsIdentifier(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("-.:+").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

class Walk {
 public:
  Result<BomContents> Run(const Json& bom) {
    Name(bom);
    if (const Json* described = FindPath(bom, "metadata/component"); described != nullptr) {
      if (auto read = Component(*described, "metadata.component"); !read) return Fail(read.error());
    }
    if (auto read = Parts(bom, ""); !read) return Fail(read.error());
    return std::move(contents_);
  }

 private:
  // Which name each bom-ref stands for: model cards refer to data sets.
  void Name(const Json& json) {
    if (json.is_object()) {
      const std::string name = StringAt(json, "name");
      const std::string ref = StringAt(json, "bom-ref");
      if (!ref.empty() && !name.empty()) names_[ref].insert(name);
    }
    if (!json.is_structured()) return;
    for (const Json& inner : json) Name(inner);
  }

  template <class Take>
  static Status Each(const Json& json, const std::string& path, const char* name,
                     const Take& take) {
    const Json* list = Find(json, name);
    if (list == nullptr || list->is_null()) return {};
    const std::string at = Member(path, name);
    if (!list->is_array()) return Bad(at, "must be a list");
    for (std::size_t i = 0; i < list->size(); ++i) {
      const std::string here = at + "[" + std::to_string(i) + "]";
      if (!(*list)[i].is_object()) return Bad(here, "must be an object");
      if (auto taken = take((*list)[i], here); !taken) return taken;
    }
    return {};
  }

  Status Parts(const Json& json, const std::string& path) {
    auto read = Each(json, path, "components", [&](const Json& one, const std::string& at) {
      ++contents_.components;
      if (StringAt(one, "type") != "data" && !HasLicense(one)) ++contents_.unlicensed;
      return Component(one, at);
    });
    if (!read) return read;
    return Each(json, path, "services", [&](const Json& one, const std::string& at) -> Status {
      if (auto own = Licenses(one, at); !own) return own;
      return Parts(one, at);
    });
  }

  static bool HasLicense(const Json& component) {
    const auto some = [&](const char* path) {
      const Json* list = FindPath(component, path);
      return list != nullptr && list->is_array() && !list->empty();
    };
    return some("licenses") || some("evidence/licenses");
  }

  Status Component(const Json& one, const std::string& path) {
    if (!one.is_object()) return Bad(path, "must be an object");
    if (StringAt(one, "type") == "data") {
      const std::string name = StringAt(one, "name");
      if (name.empty()) return Bad(Member(path, "name"), "is required");
      contents_.data_sets.insert(name);
    }
    if (auto own = Licenses(one, path); !own) return own;
    if (const Json* seen = Find(one, "evidence"); seen != nullptr) {
      if (auto read = Licenses(*seen, Member(path, "evidence")); !read) return read;
    }
    const auto data = [&](const Json& set, const std::string& at) { return DataSet(set, at); };
    if (auto read = Each(one, path, "data", data); !read) return read;
    if (const Json* model = FindPath(one, "modelCard/modelParameters"); model != nullptr) {
      auto read = Each(*model, Member(path, "modelCard.modelParameters"), "datasets", data);
      if (!read) return read;
    }
    if (const Json* pedigree = Find(one, "pedigree"); pedigree != nullptr) {
      auto read =
          Each(*pedigree, Member(path, "pedigree"), "ancestors",
               [&](const Json& base, const std::string& at) { return Component(base, at); });
      if (!read) return read;
    }
    return Parts(one, path);
  }

  Status DataSet(const Json& set, const std::string& path) {
    const std::string name = StringAt(set, "name");
    const std::string ref = StringAt(set, "ref");
    const auto named = names_.find(ref);
    if (named != names_.end() && expanded_.insert(ref).second) {
      contents_.data_sets.insert(named->second.begin(), named->second.end());
    }
    if (!name.empty()) contents_.data_sets.insert(name);
    if (!name.empty() || named != names_.end()) return {};
    const std::string id = ref.empty() ? StringAt(set, "bom-ref") : ref;
    if (id.empty()) return Bad(path, "must have a name, a ref or a bom-ref");
    contents_.data_sets.insert(id);
    return {};
  }

  Status Licenses(const Json& of, const std::string& path) {
    return Each(of, path, "licenses", [&](const Json& one, const std::string& at) -> Status {
      const std::string expression = StringAt(one, "expression");
      if (!expression.empty()) return Expression(expression, Member(at, "expression"));
      std::string name = StringAt(one, "license/id");
      if (name.empty()) name = StringAt(one, "license/name");
      if (name.empty()) return Bad(at, "must have license.id, license.name or expression");
      AddLicense(name);
      return {};
    });
  }

  // "+" stands for later versions too: it is of the one that it names all the same.
  void AddLicense(const std::string& name) {
    contents_.licenses.insert(name);
    if (name.size() > 1 && name.ends_with('+')) {
      contents_.licenses.insert(name.substr(0, name.size() - 1));
    }
  }

  // An SPDX expression: its identifiers, of licences and of exceptions.
  Status Expression(const std::string& text, const std::string& path) {
    constexpr std::string_view kBetween = " \t\r\n()";
    std::size_t from = text.find_first_not_of(kBetween);
    if (from == std::string::npos) return Bad(path, "must be an SPDX expression, is empty");
    while (from != std::string::npos) {
      const std::size_t to = std::min(text.find_first_of(kBetween, from), text.size());
      const std::string word = text.substr(from, to - from);
      if (!IsIdentifier(word)) {
        return Bad(path, "must be an SPDX expression, is '" + Excerpt(text) + "'");
      }
      if (!IsOperator(word)) AddLicense(word);
      from = text.find_first_not_of(kBetween, to);
    }
    return {};
  }

  BomContents contents_;
  std::map<std::string, std::set<std::string>> names_;
  std::set<std::string> expanded_;  // references are many, and what they stand for is read once
};

}  // namespace

Result<BomContents> ContentsOfBom(const Json& bom) { return Walk().Run(bom); }

}  // namespace countersign
