#include "governance/serving/reference.h"

#include <algorithm>

#include "base/describe.h"
#include "governance/decision.h"

namespace countersign {
namespace {

// Object names are bounded by Kubernetes; a longer one is no name of anything.
constexpr std::size_t kMaxReference = 2048;
constexpr std::size_t kShown = 256;

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool IsPlain(std::string_view text) {
  return !text.empty() && text.size() <= kMaxReference &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

bool Climbs(std::string_view text) {
  return text == ".." || text.starts_with("../") || text.find("/../") != std::string_view::npos ||
         text.ends_with("/..");
}

bool IsCommit(std::string_view text) {
  return text.size() == 40 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Of what is not understood only its text is kept, on one line: it goes into messages.
ServedReference Unpinned(std::string_view text) {
  ServedReference reference;
  reference.text = OneLine(std::string(text), kShown);
  return reference;
}

// Of what follows the scheme, without what may be a secret.
std::string_view WithoutQuery(std::string_view rest) {
  return rest.substr(0, std::min(rest.find('?'), rest.size()));
}
// A name before '@' is part of what is named, but a password's, and of a web server.
std::string_view WithoutSecrets(std::string_view rest, bool is_web) {
  rest = WithoutQuery(rest);
  const std::size_t at = rest.substr(0, rest.find('/')).rfind('@');
  if (at == std::string_view::npos) return rest;
  const bool secret = is_web || rest.substr(0, at).find(':') != std::string_view::npos;
  return secret ? rest.substr(at + 1) : rest;
}

}  // namespace

ServedReference NormaliseImage(std::string_view image) {
  const std::size_t at = image.find('@');
  if (!IsPlain(image) || Climbs(image) || at == std::string_view::npos) return Unpinned(image);
  const std::string_view digest = image.substr(at + 1);
  std::string_view name = image.substr(0, at);
  // A second '@' makes the rest no digest.
  if (name.empty() || !MatchesFormat(Format::kSha256, digest)) return Unpinned(image);
  const std::size_t slash = name.find('/');
  const std::size_t tag = name.rfind(':');
  // The colon of a port is followed by the path.
  if (tag != std::string_view::npos && name.find('/', tag) == std::string_view::npos) {
    name = name.substr(0, tag);
  }
  const std::string host = slash == std::string_view::npos ? "" : Lower(name.substr(0, slash));
  ServedReference reference;
  reference.text = host + std::string(name.substr(host.size())) + "@" + std::string(digest);
  reference.digest = digest;
  reference.pinned = true;
  return reference;
}

ServedReference NormaliseUri(std::string_view uri) {
  const std::size_t colon = uri.find("://");
  if (!IsPlain(uri) || colon == std::string_view::npos || colon == 0) return Unpinned(uri);
  const std::string scheme = Lower(uri.substr(0, colon));
  const std::string_view rest = uri.substr(colon + 3);
  const bool by_digest = scheme == "hf" || scheme == "oci" || scheme.starts_with("oci+");
  if (by_digest && WithoutQuery(rest) != rest) {
    return Unpinned(scheme + "://" + std::string(WithoutQuery(rest)) + "?…");
  }
  // How the bytes come into the Pod is all that tells these apart.
  if (scheme == "oci" || scheme.starts_with("oci+")) {
    ServedReference reference = NormaliseImage(rest);
    reference.text.insert(0, "oci://");
    return reference;
  }
  if (scheme == "hf") {
    const std::size_t revision = rest.rfind(':');
    return revision == std::string_view::npos
               ? NormaliseHuggingFace(rest, {})
               : NormaliseHuggingFace(rest.substr(0, revision), rest.substr(revision + 1));
  }
  return Unpinned(scheme + "://" + std::string(WithoutSecrets(rest, scheme.starts_with("http"))));
}

ServedReference NormaliseHuggingFace(std::string_view model, std::string_view revision) {
  ServedReference reference;
  reference.text = "hf://" + OneLine(std::string(model), kShown);
  if (!revision.empty()) reference.text += ":" + OneLine(std::string(revision), kShown);
  reference.pinned = IsPlain(model) && model.size() <= kShown && !Climbs(model) &&
                     std::count(model.begin(), model.end(), '/') == 1 && IsCommit(revision);
  return reference;
}

ServedReference NormaliseAs(ReferenceForm form, std::string_view value, std::string_view version) {
  const bool has_scheme = value.find("://") != std::string_view::npos;
  switch (form) {
    case ReferenceForm::kUri: return NormaliseUri(value);
    case ReferenceForm::kImage: {
      // A digest may stand where a tag is expected.
      const std::string separator = version.starts_with("sha256:") ? "@" : ":";
      return NormaliseImage(version.empty()
                                ? std::string(value)
                                : std::string(value) + separator + std::string(version));
    }
    case ReferenceForm::kHuggingFace:
      return has_scheme ? NormaliseUri(value) : NormaliseHuggingFace(value, version);
    case ReferenceForm::kName:
      if (has_scheme) return NormaliseUri(value);
      if (value.starts_with('/') || value.starts_with("./")) return {};
      return NormaliseHuggingFace(value, version);
    case ReferenceForm::kOpaque: return Unpinned(value);
    case ReferenceForm::kRoute: {
      ServedReference reference = Unpinned(value);
      reference.kind = ServedReference::Kind::kRoute;
      return reference;
    }
  }
  return Unpinned(value);
}

}  // namespace countersign
