#include "webhook/authority/built_in_source.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/digest.h"
#include "base/log.h"

namespace countersign {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::seconds kFirstRetry{1};
constexpr std::chrono::seconds kLastRetry{30};
// Watches say nothing about the server's clock, and ours stands still while the machine sleeps.
constexpr std::chrono::minutes kClockAge{10};

Json NewSecret(const ObjectKey& key) {
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"metadata",
           {{"name", key.name},
            {"namespace", key.ns},
            {"labels", {{"app.kubernetes.io/part-of", "countersign"}}}}},
          {"type", "Opaque"}};
}

bool AsksForKeys(const Json& metadata) {
  const Json* annotations = Find(metadata, "annotations");
  return annotations != nullptr && Find(*annotations, kRotateAnnotation) != nullptr;
}

}  // namespace

BuiltInSource::BuiltInSource(const KubeClient& client, Clock& clock,
                             const ServerClock& server_clock, BuiltInOptions options)
    : client_(client),
      clock_(clock),
      server_clock_(server_clock),
      options_(std::move(options)),
      secrets_(client, clock, FollowOne(kSecrets, options_.secret),
               [](Json&& secret) -> Result<Stored> {
                 const Json* metadata = Find(secret, "metadata");
                 return Stored{metadata == nullptr ? Json::object() : *metadata,
                               StringAt(secret, "type"), AuthorityFromSecret(secret)};
               }),
      validating_(client, clock,
                  FollowOne(kValidatingWebhookConfigurations, {{}, options_.configuration}),
                  DecodeConfiguration),
      mutating_(client, clock,
                FollowOne(kMutatingWebhookConfigurations, {{}, options_.configuration}),
                DecodeConfiguration) {
  secrets_.OnChange([this](const ObjectChange<Stored>&) { Changed(); });
  validating_.OnChange([this](const ObjectChange<ConfigurationState>&) { Changed(); });
  mutating_.OnChange([this](const ObjectChange<ConfigurationState>&) { Changed(); });
}

BuiltInSource::~BuiltInSource() { Stop(); }

void BuiltInSource::Start() {
  secrets_.Start();
  validating_.Start();
  mutating_.Start();
  thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
}

void BuiltInSource::Stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  mutating_.Stop();
  validating_.Stop();
  secrets_.Stop();
}

void BuiltInSource::Changed() {
  const std::lock_guard lock(mutex_);
  changed_ = true;
  wake_.notify_all();
}

void BuiltInSource::Work(const std::stop_token& stop) {
  // What has not been read must not be taken for absent.
  for (const InformerBase* cache :
       std::initializer_list<const InformerBase*>{&secrets_, &validating_, &mutating_}) {
    if (!cache->WaitForSync(stop, SteadyTime::max())) return;
  }
  while (!stop.stop_requested()) {
    nanoseconds wait = kLastRetry;
    try {
      wait = Turn(stop);
    } catch (const std::exception& e) {
      Log(LogLevel::kError, "tending the certificate authority failed", {{"error", e.what()}});
    }
    std::unique_lock lock(mutex_);
    clock_.WaitUntil(lock, wake_, stop, clock_.Steady() + wait, [this] { return changed_; });
    changed_ = false;
  }
}

nanoseconds BuiltInSource::Turn(const std::stop_token& stop) {
  if (const auto age = server_clock_.Age(); !age || *age > kClockAge) {
    // For its Date. Without an answer the last one, or our own clock, has to do.
    (void)client_.GetPath("/version", Call{stop});
  }
  const Time now = server_clock_.Now();
  const RotationPlan plan = PlanRotation(Look(), options_.policy, now, options_.random);
  if (plan.step == RotationStep::kNone) {
    back_off_ = nanoseconds(0);
    return plan.look_again;
  }
  const bool readable = stored_ != nullptr && stored_->state;
  const AuthorityState before = readable      ? *stored_->state
                                : remembered_ ? *remembered_
                                              : AuthorityState{};
  auto after = Advance(plan.step, before, options_.policy, options_.name, now);
  Status written = after ? Write(plan.step, *after, stop) : Fail(after.error());
  if (written) {
    Log(LogLevel::kInfo, "certificate authority: step taken",
        {{"step", StepName(plan.step)}, {"because", plan.why}});
    back_off_ = nanoseconds(0);
    return nanoseconds(0);
  }
  back_off_ = std::clamp<nanoseconds>(back_off_ * 2, kFirstRetry, kLastRetry);
  // Another replica was first: its state comes with the watch.
  if (written.error().code != Code::kConflict && written.error().code != Code::kAlreadyExists &&
      !stop.stop_requested()) {
    Log(LogLevel::kWarning, "certificate authority: a step could not be taken",
        {{"step", StepName(plan.step)},
         {"because", plan.why},
         {"secret", options_.secret.ToString()},
         {"error", written.error().ToString()}});
  }
  return back_off_;
}

RotationView BuiltInSource::Look() {
  RotationView view;
  stored_ = secrets_.Get(options_.secret);
  view.remembered = remembered_.has_value();
  if (stored_ == nullptr) return view;
  view.stored = RotationView::Stored::kUnreadable;
  Result<AuthorityTimes> times = stored_->state ? CheckAuthority(*stored_->state, options_.name)
                                                : Fail(stored_->state.error());
  if (!times) {
    NoteUnreadable(times.error());
    return view;
  }
  last_fault_.clear();
  const AuthorityState& state = *stored_->state;
  Adopt(state, *times);
  view.stored = RotationView::Stored::kReadable;
  view.times = *times;
  view.has_previous = !state.previous.empty();
  view.rotation_asked = AsksForKeys(stored_->metadata);
  view.remembered = true;

  timers_.See(state, state.next && IsPublished(state.next->certificate), clock_.Steady(), view);
  return view;
}

void BuiltInSource::Adopt(const AuthorityState& state, const AuthorityTimes& times) {
  remembered_ = state;
  const bool published = IsPublished(state.authority.certificate);
  std::shared_ptr<const ServingCertificate> fresh;
  if (served_ != state.leaf.certificate) {
    auto parsed = ServingCertificate::Parse(state.leaf.certificate, state.leaf.key, options_.name,
                                            server_clock_.Now());
    // One that is not valid now, or for another name, is replaced in this very turn.
    if (parsed) {
      fresh = std::move(*parsed);
      served_ = state.leaf.certificate;
      Log(LogLevel::kInfo, "serving certificate renewed",
          {{"serial", fresh->Serial()}, {"notAfter", FormatTime(fresh->NotAfter())}});
    }
  }
  const std::lock_guard lock(mutex_);
  if (fresh != nullptr) current_ = std::move(fresh);
  was_published_ = was_published_ || published;
  stats_.not_after = times.authority.not_after;
}

void BuiltInSource::NoteUnreadable(const Error& error) {
  if (last_fault_ == error.ToString()) return;
  last_fault_ = error.ToString();
  Log(LogLevel::kError, "the Secret of the certificate authority cannot be read; it is replaced",
      {{"secret", options_.secret.ToString()}, {"error", last_fault_}});
  const std::lock_guard lock(mutex_);
  ++stats_.unreadable;
}

bool BuiltInSource::IsPublished(const std::string& certificate) const {
  for (const auto* cache : {&validating_, &mutating_}) {
    const auto found = cache->Get({{}, options_.configuration});
    if (found == nullptr || !found->Trusts(certificate)) return false;
  }
  return true;
}

Status BuiltInSource::Write(RotationStep step, const AuthorityState& state,
                            const std::stop_token& stop) {
  Json secret = NewSecret(options_.secret);
  if (stored_ != nullptr) {
    secret["metadata"] = stored_->metadata;
    if (!stored_->type.empty()) secret["type"] = stored_->type;
  }
  if (step == RotationStep::kPrepare && AsksForKeys(secret["metadata"])) {
    secret["metadata"]["annotations"].erase(std::string(kRotateAnnotation));
  }
  if (step == RotationStep::kRestore) {
    // Somebody may hold what was in there.
    secret["metadata"]["annotations"][std::string(kRotateAnnotation)] = "restored";
  }
  secret["data"] = AuthorityData(state);
  auto answer = stored_ == nullptr ? client_.Create(kSecrets, secret, {}, Call{stop})
                                   : client_.Update(kSecrets, secret, {}, Call{stop});
  if (!answer) return Fail(answer.error());
  {
    const std::lock_guard lock(mutex_);
    ++stats_.steps.at(static_cast<std::size_t>(step));
  }
  secrets_.Upsert(std::move(*answer));
  return {};
}

std::shared_ptr<const ServingCertificate> BuiltInSource::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Time BuiltInSource::NotAfter() const {
  const auto current = Current();
  return current == nullptr ? Time{} : current->NotAfter();
}

AuthorityStats BuiltInSource::Stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

Status BuiltInSource::Healthy() const {
  const auto current = Current();
  if (current == nullptr) {
    return Fail(Code::kFailedPrecondition, "there is no serving certificate yet: Secret " +
                                               options_.secret.ToString() +
                                               " holds no valid one and could not be written");
  }
  if (server_clock_.Now() >= current->NotAfter()) {
    return Fail(Code::kFailedPrecondition,
                "the serving certificate expired at " + FormatTime(current->NotAfter()));
  }
  const std::lock_guard lock(mutex_);
  if (!was_published_) {
    return Fail(Code::kFailedPrecondition,
                "the authority of the serving certificate is not in the caBundle of the webhook "
                "configurations '" +
                    options_.configuration +
                    "' yet: the operator puts it there, see its log (kubectl -n " +
                    options_.secret.ns + " logs deployment/countersign-operator)");
  }
  return {};
}

}  // namespace countersign
