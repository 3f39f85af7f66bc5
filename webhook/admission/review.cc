#include "webhook/admission/review.h"

#include <array>
#include <charconv>
#include <cstdint>

#include "base/digest.h"
#include "base/json_without.h"
#include "base/json_writer.h"
#include "governance/admit.h"

namespace countersign {
namespace {

Result<std::string> Required(const Json& json, std::string_view path) {
  const Json* found = FindPath(json, path);
  if (found != nullptr && found->is_string() && !found->get_ref<const std::string&>().empty()) {
    return found->get<std::string>();
  }
  return Fail(Code::kInvalidArgument, "is required and must be a string",
              "request." + std::string(path));
}

Result<Operation> OperationOf(const std::string& text) {
  if (text == "CREATE") return Operation::kCreate;
  if (text == "UPDATE") return Operation::kUpdate;
  if (text == "DELETE") return Operation::kDelete;
  if (text == "CONNECT") return Operation::kConnect;
  return Fail(Code::kInvalidArgument,
              "must be one of CREATE, UPDATE, DELETE, CONNECT, is '" + text.substr(0, 64) + "'",
              "request.operation");
}

// An object or null; anything else cannot be judged.
Result<Json> TakeObject(Json& request, const char* key) {
  const auto it = request.find(key);
  if (it == request.end() || it->is_null()) return Json(nullptr);
  if (!it->is_object()) {
    return Fail(Code::kInvalidArgument, "must be an object or null", std::string("request.") + key);
  }
  return std::move(*it);
}

// OpenID Connect Core 1.0, section 2: auth_time is in seconds since 1970, as text here. Of several
// values nobody could tell which is true.
std::optional<Time> SignedInAt(const Json& extra) {
  const Json* times = Find(extra, kAuthTimeExtra);
  if (times == nullptr || !times->is_array() || times->size() != 1 || !times->front().is_string()) {
    return std::nullopt;
  }
  const auto& text = times->front().get_ref<const std::string&>();
  constexpr std::int64_t kLatest = 253'402'300'799;  // 9999-12-31T23:59:59Z
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds <= 0 ||
      seconds > kLatest) {
    return std::nullopt;
  }
  return Time(std::chrono::seconds(seconds));
}

Status DecodeUser(const Json& request, RequestUser& user) {
  auto name = Required(request, "userInfo/username");
  if (!name) return Fail(name.error());
  user.name = std::move(*name);
  user.uid = StringAt(request, "userInfo/uid");
  const Json* groups = FindPath(request, "userInfo/groups");
  if (groups != nullptr && groups->is_array()) {
    for (const Json& group : *groups) {
      if (group.is_string()) user.groups.push_back(group.get<std::string>());
    }
  }
  if (const Json* extra = FindPath(request, "userInfo/extra")) {
    const Json* ids = Find(*extra, "authentication.kubernetes.io/credential-id");
    if (ids != nullptr && ids->is_array() && !ids->empty() && ids->front().is_string()) {
      user.credential_id = ids->front().get<std::string>();
    }
    user.signed_in_at = SignedInAt(*extra);
  }
  return {};
}

void PutStatus(JsonWriter& out, const ReviewAnswer& answer) {
  out.Key("status").StartObject();
  out.Key("code").Int(answer.code);
  out.Key("reason").String(answer.reason);
  out.Key("message").String(answer.message);
  if (!answer.causes.empty()) {
    out.Key("details").StartObject();
    out.Key("name").String(answer.name);
    out.Key("kind").String(answer.kind);
    out.Key("causes").StartArray();
    for (const Cause& cause : answer.causes) {
      out.StartObject();
      out.Key("reason").String(cause.reason);
      out.Key("message").String(cause.message);
      out.Key("field").String(cause.field);
      out.EndObject();
    }
    out.EndArray();
    out.EndObject();
  }
  out.EndObject();
}

}  // namespace

std::string_view OperationName(Operation operation) {
  switch (operation) {
    case Operation::kCreate: return "CREATE";
    case Operation::kUpdate: return "UPDATE";
    case Operation::kDelete: return "DELETE";
    case Operation::kConnect: return "CONNECT";
  }
  return "UNKNOWN";
}

Result<Json> ParseReview(std::string_view body) {
  static constexpr std::array<std::string_view, 4> kManagedFields = {"request", "*", "metadata",
                                                                     "managedFields"};
  return ParseJsonWithout(body, kManagedFields, kMaxForeignJsonDepth, kMaxReviewMemory);
}

Result<Review> DecodeReview(Json&& body) {
  if (StringAt(body, "apiVersion") != "admission.k8s.io/v1" ||
      StringAt(body, "kind") != "AdmissionReview") {
    return Fail(Code::kInvalidArgument, "must be an admission.k8s.io/v1 AdmissionReview");
  }
  const auto found = body.find("request");
  if (found == body.end() || !found->is_object()) {
    return Fail(Code::kInvalidArgument, "is required", "request");
  }
  Json& request = *found;
  Review review;
  auto uid = Required(request, "uid");
  if (!uid) return Fail(uid.error());
  review.uid = std::move(*uid);
  auto operation_text = Required(request, "operation");
  if (!operation_text) return Fail(operation_text.error());
  auto operation = OperationOf(*operation_text);
  if (!operation) return Fail(operation.error());
  review.operation = *operation;
  auto kind = Required(request, "kind/kind");
  if (!kind) return Fail(kind.error());
  review.kind = std::move(*kind);
  review.group = StringAt(request, "kind/group");
  review.version = StringAt(request, "kind/version");
  review.resource = StringAt(request, "resource/resource");
  review.subresource = StringAt(request, "subResource");
  review.name = StringAt(request, "name");
  review.name_space = StringAt(request, "namespace");
  review.dry_run = BoolAt(request, "dryRun");
  if (auto status = DecodeUser(request, review.user); !status) return Fail(status.error());
  auto object = TakeObject(request, "object");
  if (!object) return Fail(object.error());
  review.object = std::move(*object);
  auto old_object = TakeObject(request, "oldObject");
  if (!old_object) return Fail(old_object.error());
  review.old_object = std::move(*old_object);
  return review;
}

std::string EncodeUnreadable(const std::string& message) {
  JsonWriter out;
  out.StartObject();
  out.Key("apiVersion").String("v1");
  out.Key("kind").String("Status");
  out.Key("status").String("Failure");
  out.Key("reason").String("BadRequest");
  out.Key("code").Int(400);
  out.Key("message").String("Countersign cannot judge this: the review " + message);
  out.EndObject();
  return out.Text();
}

bool SpecUnchanged(const Review& review) {
  const Json* before = Find(review.old_object, "spec");
  const Json* after = Find(review.object, "spec");
  return before != nullptr && after != nullptr && *before == *after;
}

std::string EncodeAnswer(const std::string& uid, const ReviewAnswer& answer) {
  JsonWriter out;
  out.StartObject();
  out.Key("apiVersion").String("admission.k8s.io/v1");
  out.Key("kind").String("AdmissionReview");
  out.Key("response").StartObject();
  out.Key("uid").String(uid);
  out.Key("allowed").Bool(answer.allowed);
  if (!answer.allowed) PutStatus(out, answer);
  if (!answer.warnings.empty()) {
    out.Key("warnings").StartArray();
    for (const std::string& line : WarningLines(answer.warnings)) out.String(line);
    out.EndArray();
  }
  if (!answer.annotations.empty()) {
    out.Key("auditAnnotations").StartObject();
    for (const auto& [key, value] : answer.annotations) out.Key(key).String(value);
    out.EndObject();
  }
  if (answer.allowed && !answer.patch.is_null()) {
    out.Key("patchType").String("JSONPatch");
    out.Key("patch").String(Base64Encode(DumpJson(answer.patch)));
  }
  out.EndObject();
  out.EndObject();
  return out.Text();
}

}  // namespace countersign
