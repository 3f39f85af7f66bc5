// What was suspended does not start again but by passing, and nothing that others write keeps its
// pods running.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tests/unit/operator/operator_site.h"

namespace countersign {
namespace {

using Site = OperatorSite;

Json Others() {
  return Json::array({{{"apiVersion", "v1"},
                       {"kind", "ConfigMap"},
                       {"name", "mine"},
                       {"uid", "cm-1"},
                       {"controller", true}}});
}

TEST(Suspension, OutlastsTheUseCase) {
  Site site;
  site.Serve();
  site.Quarantine();
  site.api->Remove(kUseCases, {"home", "credit"});
  site.UntilSuspended("use-case");
  site.PutUseCase("elsewhere");
  site.UntilSuspended("does not list namespace");
  // All that the home namespace held goes.
  site.api->Remove(kUseCases, {"home", "credit"});
  site.api->Remove(kIncidents, {"home", "wrong"});
  site.Withdraw('1');
  site.UntilSuspended("use-case");
  site.Tamper();
  site.api->Put(kIncidents, {{"metadata", {{"name", "wrong"}, {"namespace", "home"}}},
                             {"spec", site.incident}});
  site.PutUseCase();
  site.Approve('1');
  site.Close();
  site.UntilServing('1');
}

TEST(Suspension, OutlastsAnotherGateThatOnlyHolds) {
  Site site;
  site.Serve();
  site.Quarantine();
  site.Withdraw('1');
  site.Close();
  site.UntilSuspended("validation");
  site.Tamper();
  // Nor does a restart make it what serves, whatever became of the Deployment meanwhile.
  for (const int way : {0, 1, 2}) {
    site.program.reset();
    if (way == 1) site.Edit(kDeployments, [](Json& child) { child["spec"]["replicas"] = 2; });
    if (way == 2) site.api->Remove(kDeployments, kKey);
    site.Start();
    site.PutUseCase();
    site.Until("a look", [&] {
      return site.program->MetricsText().find("countersign_deployments{verdict=\"Deny\"} 1") !=
             std::string::npos;
    });
    site.Until("no pods", [&] { return site.Phase() == "Suspended" && site.Replicas() <= 0; });
  }
  site.Approve('1');
  site.UntilServing('1');
}

TEST(Suspension, ComesAlsoOverAUseCaseThatIsGone) {
  Site site;
  site.Serve();
  site.api->Remove(kUseCases, {"home", "credit"});
  site.UntilSaid("use-case");
  EXPECT_EQ(site.Replicas(), 2) << "that alone takes nothing down";
  site.Raise();
  site.UntilSuspended("use-case");
}

TEST(Suspension, ComesWithAUseCaseThatGoesWhereAMeasureAsksForIt) {
  for (const bool deleted : {true, false}) {
    Site site;
    site.Serve();
    site.PutPolicy("Suspend");
    if (deleted) {
      site.api->Remove(kUseCases, {"home", "credit"});
    } else {
      site.PutUseCase("elsewhere");
    }
    site.UntilSuspended("does not list namespace");
    site.PutUseCase();
    site.UntilServing('1');
  }
}

TEST(Suspension, ComesWhateverElseIsRefusedOrOwnedByOthers) {
  for (const char* kind : {"Deployment", "Service"}) {
    Site site;
    site.Serve();
    const bool workload = kind == std::string("Deployment");
    site.Edit(workload ? kDeployments : kServices,
              [](Json& child) { child["metadata"]["ownerReferences"] = Others(); });
    site.Quarantine();
    site.Tamper();
    site.Until("our owner", [&] {
      const Json child = site.Child(workload ? kDeployments : kServices);
      return StringAt(child["metadata"]["ownerReferences"][0], "kind") == "ModelDeployment";
    });
  }
  Site site;
  site.Serve();
  site.api->Intercept([](const HttpRequest& request) {
    return Forbidden(request, "PATCH", "/services/", "somebody says no");
  });
  site.Edit(kServices, [](Json& child) { child["spec"]["externalIPs"] = {"192.0.2.1"}; });
  site.UntilSaid("somebody says no");
  site.Edit(kDeployments, [](Json& child) {
    child["spec"]["template"]["spec"]["containers"][0]["image"] = "evil";
  });
  site.Until("the Deployment to be right", [&] { return site.Image() != "evil"; });
  site.Quarantine();
  site.Tamper();
}

TEST(Suspension, ComesWhileANewRevisionCannotBeRecorded) {
  Site site;
  site.Serve();
  site.PutPolicy("Suspend");
  // A quota of the namespace, for example.
  site.RefuseRevisions();
  site.Deploy('2');
  site.Approve('2');
  site.UntilSaid("exceeded quota");
  EXPECT_EQ(site.Model(), "1");
  EXPECT_EQ(site.Replicas(), 2);
  site.Withdraw('1');
  site.UntilSuspended("serving is suspended");
  site.Tamper();
}

TEST(Suspension, ComesWhileWhatServesIsLostAndItsSuccessorCannotBeRecorded) {
  for (const bool another : {false, true}) {
    Site site;
    site.Serve();
    if (another) {
      site.Deploy('2');
      site.Approve('2');
      site.UntilServing('2');
      site.Withdraw('1');
    }
    site.PutPolicy("Suspend");
    site.RefuseRevisions();
    site.Deploy('3');
    site.Approve('3');
    site.UntilSaid("exceeded quota");
    site.program.reset();
    // Whoever changes what the Deployment says of itself leaves nobody who knows what it serves.
    site.Edit(kDeployments, [](Json& child) {
      child["metadata"]["annotations"][std::string(kGovernedDigestAnnotation)] = Digest('e');
      child["metadata"]["labels"][std::string(kRevisionLabel)] = "77";
    });
    if (!another) site.api->Remove(kControllerRevisions, {"env", "scorer-1"});
    site.Start();
    if (another) {
      site.Until("revision 2", [&] { return site.Replicas() == 2 && site.Revision() == "2"; });
      site.Withdraw('2');
      site.Until("no pods", [&] { return site.Replicas() == 0; });
      site.UntilSaid("serving is suspended");
    } else {
      site.Until("nothing", [&] { return site.Child().is_null(); });
      site.UntilSaid("nothing serves, because no revision was approved yet");
    }
    // And what was asked for comes when it can be recorded.
    site.api->Intercept({});
    site.PutPolicy();
    site.UntilServing('3');
  }
}

TEST(Suspension, DoesNotComeOverWhatIsApprovedWhenOnlyItsRevisionIsLost) {
  for (const bool restarted : {false, true}) {
    Site site;
    site.Serve();
    const std::string uid = UidOf(site.Child());
    site.RefuseRevisions();
    if (restarted) site.program.reset();
    site.api->Remove(kControllerRevisions, {"env", "scorer-1"});
    if (restarted) site.Start();
    site.UntilSaid("exceeded quota; what serves is what is approved, and goes on");
    const auto status = [&] { return site.Deployed()["status"]; };
    site.Until("its version", [&] { return StringAt(status(), "servingVersion") == "1.0.0"; });
    EXPECT_EQ(site.Phase(), "Serving");
    EXPECT_FALSE(status().contains("approvedRevision")) << "that it is recorded nobody says";
    // It is guarded as ever.
    site.Edit(kDeployments, [](Json& child) {
      child["spec"]["replicas"] = 7;
      child["spec"]["template"]["spec"]["containers"][0]["image"] = "evil";
    });
    site.Until("what is approved", [&] { return site.Replicas() == 2 && site.Image() != "evil"; });
    EXPECT_EQ(UidOf(site.Child()), uid);
    if (restarted) {
      // And judged; what no revision says was approved nothing keeps.
      site.Withdraw('1');
      site.Until("nothing", [&] { return site.Child().is_null(); });
      continue;
    }
    site.api->Intercept({});
    site.PutPolicy();
    site.Until("a revision", [&] { return IntAt(status(), "approvedRevision") == 1; });
    site.UntilServing('1');
    EXPECT_EQ(UidOf(site.Child()), uid);
  }
}

TEST(Suspension, ComesWhenWhatIsLostIsNotWhatIsApprovedAndCannotBeRecorded) {
  Site site;
  site.Serve();
  site.RefuseRevisions();
  site.Deploy('2');
  site.Approve('2');
  site.UntilSaid("exceeded quota");
  EXPECT_EQ(site.Model(), "1");
  site.api->Remove(kControllerRevisions, {"env", "scorer-1"});
  site.Until("nothing", [&] { return site.Child().is_null(); });
  site.Until("an Event that is true", [&] {
    const auto events = site.api->All(kEvents);
    return std::any_of(events.begin(), events.end(), [](const Json& event) {
      return StringAt(event, "reason") == "RevisionMissing" &&
             StringAt(event, "note").ends_with("removed until the spec can be recorded");
    });
  });
}

TEST(Suspension, DoesNotWaitForARecordThatSomebodyElseWrote) {
  Site site;
  site.Serve();
  site.api->Intercept([](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.method == "GET" || request.target.find("/modelrecords") == std::string::npos) {
      return std::nullopt;
    }
    return Result<HttpResponse>(HttpResponse{
        409, {}, R"({"kind":"Status","status":"Failure","reason":"Conflict","code":409})"});
  });
  site.Raise();
  site.Until("no pods", [&] { return site.Replicas() == 0; });
  site.api->Intercept({});
  site.UntilSuspended("quarantined by Incident 'wrong'");
}

TEST(Suspension, ComesWhileADeletionIsHeldUp) {
  Site site;
  site.Serve();
  const std::string uid = UidOf(site.Child());
  site.Edit(kDeployments, [](Json& child) {
    child["metadata"]["finalizers"] = {"tenant.example/keep"};
    child["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z";
  });
  site.Until("a new one", [&] { return site.Replicas() == 2 && UidOf(site.Child()) != uid; });

  site.Edit(kModelDeployments, [](Json& object) {
    object["metadata"]["finalizers"] = {"tenant.example/keep"};
    object["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z";
  });
  site.Until("nothing", [&] { return site.Child().is_null() && site.Child(kServices).is_null(); });
  site.UntilSaid("BeingDeleted");
  EXPECT_EQ(site.Phase(), "Nothing");
}

// Two caches hold ModelDeployments, and either may hear of the deletion first: often enough, one of
// many times, the one that does not know yet what becomes of the children.
// What `kubectl delete --cascade=orphan` and the garbage collector do.
void DeleteAndOrphan(OperatorSite& site) {
  site.Edit(kModelDeployments, [](Json& object) {
    object["metadata"]["finalizers"] = {"orphan"};
    object["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z";
  });
  for (const Resource& resource : {kDeployments, kServices}) {
    if (site.Child(resource).is_null()) continue;
    site.Edit(resource, [](Json& child) { child["metadata"].erase("ownerReferences"); });
  }
  site.api->Remove(kModelDeployments, kKey);
}

void UntilAllowed(OperatorSite& site, int count) {
  const std::string line = "countersign_deployments{verdict=\"Allow\"} " + std::to_string(count);
  site.Until(line,
             [&] { return site.program->MetricsText().find(line + "\n") != std::string::npos; });
}

TEST(Suspension, DoesNotComeWithADeletionThatLeavesTheChildrenBehind) {
  for (int round = 0; round < 20; ++round) {
    Site site;
    site.Serve();
    UntilAllowed(site, 1);
    const std::string uid = UidOf(site.Child());
    DeleteAndOrphan(site);
    UntilAllowed(site, 0);
    ASSERT_EQ(UidOf(site.Child()), uid) << "round " << round;
    ASSERT_EQ(site.Replicas(), 2) << "round " << round;
  }
}

TEST(Suspension, LeavesWhatADeletionLeftBehindWithoutAnOwnerWhicheverWriteWasUnderWay) {
  // The garbage collector would take along what has the owner again.
  const struct {
    const char* method;
    const char* request;
    void (*change)(Json& child);
  } cases[] = {
      {"PATCH", "/deployments/scorer?", [](Json& child) { child["spec"]["replicas"] = 7; }},
      {"PUT", "/deployments/scorer?", [](Json& child) { child["spec"]["replicas"] = 7; }},
      {"GET", "/modeldeployments/scorer",
       [](Json& child) { child["metadata"].erase("ownerReferences"); }},
      {"GET", "/modeldeployments/scorer",
       [](Json& child) { child["metadata"]["ownerReferences"][0]["uid"] = "of-another"; }},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(std::string(one.method) + " " + one.request);
    Site site;
    site.Serve();
    UntilAllowed(site, 1);
    std::atomic<bool> done = false;
    site.api->Intercept([&](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
      if (request.method == one.method && request.target.find(one.request) != std::string::npos &&
          !done.exchange(true)) {
        DeleteAndOrphan(site);
      }
      return std::nullopt;
    });
    site.Edit(kDeployments, one.change);
    UntilAllowed(site, 0);
    EXPECT_TRUE(done);
    EXPECT_FALSE(site.Child()["metadata"].contains("ownerReferences")) << site.Child().dump();
    site.program.reset();  // before what its requests are shown to
  }
}

TEST(Suspension, ComesWithADeletionAlsoOverChildrenThatLostTheirOwner) {
  for (const bool approved : {true, false}) {
    Site site;
    site.Serve();
    site.program.reset();
    for (const Resource& resource : {kDeployments, kServices}) {
      site.Edit(resource, [&](Json& child) {
        child["metadata"].erase("ownerReferences");
        if (!approved) child["metadata"]["labels"][std::string(kRevisionLabel)] = "77";
      });
    }
    site.Edit(kModelDeployments, [](Json& object) {
      object["metadata"]["finalizers"] = {"tenant.example/keep"};
      object["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z";
    });
    site.Start();
    if (approved) {
      site.Until("nothing",
                 [&] { return site.Child().is_null() && site.Child(kServices).is_null(); });
      site.UntilSaid("BeingDeleted");
    } else {
      site.UntilSaid("ChildNameTaken");
      EXPECT_EQ(site.Replicas(), 2) << "it may be anybody's";
    }
  }
}

TEST(Suspension, IsNotKeptFromWhatAForgedRevisionReplaced) {
  for (const bool restarted : {false, true}) {
    Site site;
    site.Serve();
    Json forged = *site.api->Find(kControllerRevisions, {"env", "scorer-1"});
    forged["metadata"].erase("uid");
    forged["metadata"].erase("resourceVersion");
    forged["metadata"]["name"] = "scorer-99";
    forged["revision"] = 99;
    site.api->Put(kControllerRevisions, forged);
    site.Deploy('2');
    site.Until("held", [&] { return site.Phase() == "Held"; });
    if (restarted) site.program.reset();
    site.api->Remove(kControllerRevisions, {"env", "scorer-1"});
    if (!restarted) {
      site.Until("nothing", [&] { return site.Child().is_null(); });
      continue;
    }
    // Whoever never saw one that verifies may have the wrong key, and keeps what serves; but for
    // what nobody's signature lets serve.
    site.Start();
    site.UntilSaid("RevisionsUnverified");
    EXPECT_EQ(site.Replicas(), 2);
    site.Raise();
    site.UntilSuspended("quarantined");
  }
}

TEST(Suspension, TakesThePlaceOfARevisionThatIsLost) {
  Site site;
  site.Serve();
  site.Deploy('2');
  site.Approve('2');
  site.UntilServing('2');
  site.Withdraw('1');
  site.Deploy('3');
  site.Until("held", [&] { return site.Phase() == "Held"; });
  const Json second = *site.api->Find(kControllerRevisions, {"env", "scorer-2"});
  site.api->Remove(kControllerRevisions, {"env", "scorer-2"});
  site.UntilSuspended("no approved revision meets policy");
  EXPECT_EQ(site.Model(), "2") << "revision 1 is not put in its place";
  site.api->Put(kControllerRevisions, second);
  site.Until("it again", [&] { return site.Replicas() == 2 && site.Phase() == "Held"; });
  EXPECT_EQ(site.Model(), "2");
}

TEST(Suspension, ComesWithAConfigMapThatIsNotWhatWasApproved) {
  for (const char* reaction : {"Hold", "Suspend"}) {
    Site site;
    const Json approved = {{"threshold", "0.5"}};
    const auto put = [&](const Json& data) {
      site.api->Put(kConfigMaps,
                    {{"metadata", {{"name", "cfg"}, {"namespace", "env"}}}, {"data", data}});
    };
    site.Start();
    put(approved);
    site.PutPolicy(reaction);
    site.PutUseCase();
    const std::string digest = *JsonDigest(Json{{"data", approved}});
    site.Deploy('1', {{"config", Json::array({{{"name", "cfg"}, {"digest", digest}}})}});
    site.Approve('1');
    site.UntilServing('1');
    put({{"threshold", "0.01"}});
    if (reaction == std::string("Hold")) {
      site.UntilSaid("ConfigMismatch");
      site.Until("the verdict",
                 [&] { return StringAt(site.Deployed(), "status/verdict") == "Hold"; });
      EXPECT_EQ(site.Replicas(), 2);
    } else {
      site.UntilSuspended("configuration");
    }
    put(approved);
    site.UntilServing('1');
    site.Until("all well", [&] { return StringAt(site.Deployed(), "status/verdict") == "Allow"; });
  }
}

// Whoever may change Deployments takes off whatever says that one is ours; its selector stays.
void TakeOff(Site& site, bool owner) {
  site.Edit(kDeployments, [&](Json& child) {
    child["metadata"].erase("labels");
    child["metadata"].erase("annotations");
    child["metadata"].erase("managedFields");
    if (owner) child["metadata"].erase("ownerReferences");
  });
}

TEST(Suspension, ComesOverWhatNobodyCanTellToBeOursButByItsSelector) {
  for (const bool owner : {false, true}) {
    Site site;
    site.Serve();
    site.program.reset();
    TakeOff(site, owner);
    site.Raise();
    site.Start();
    site.UntilSuspended("quarantined");
    EXPECT_EQ(site.Model(), "1");
  }
}

TEST(Suspension, IsToldWhereTheNameIsAnothers) {
  Site site;
  site.Serve();
  site.program.reset();
  TakeOff(site, true);
  site.Edit(kDeployments,
            [](Json& child) { child["spec"]["selector"]["matchLabels"] = {{"app", "mine"}}; });
  site.Raise();
  site.Start();
  site.UntilSaid("its pods run on");
  EXPECT_EQ(site.Phase(), "Suspended");
  EXPECT_EQ(site.Replicas(), 2) << "it is somebody's";
}

TEST(Suspension, TakesAwayWhatIsNotInTheCache) {
  // Being deleted, and held by a finalizer; or with a spec that is not approved, and no revision.
  for (const bool leaving : {true, false}) {
    for (const bool running : {true, false}) {
      Site site;
      site.Serve();
      if (!leaving) {
        site.Deploy('2');
        site.Until("held", [&] { return site.Phase() == "Held"; });
      }
      // Nobody reads of the one before the other is done.
      if (!running) site.program.reset();
      TakeOff(site, false);
      if (leaving) {
        site.Edit(kModelDeployments, [](Json& object) {
          object["metadata"]["finalizers"] = {"tenant.example/keep"};
          object["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z";
        });
      } else {
        site.api->Remove(kControllerRevisions, {"env", "scorer-1"});
      }
      if (!running) site.Start();
      site.Until("nothing", [&] { return site.Child().is_null(); });
      site.Until("the phase", [&] { return site.Phase() == "Nothing"; });
    }
  }
}

TEST(Suspension, IsToldOfAlsoWithoutOurLabelsOnWhatWasLeftBehind) {
  Site site;
  site.Serve();
  // Somebody is faster than the operator.
  site.api->Intercept([](const HttpRequest& request) {
    return Forbidden(request, "PATCH", "/deployments/", "later");
  });
  TakeOff(site, true);
  site.api->Remove(kModelDeployments, kKey);
  site.Until("an Event", [&] {
    const auto events = site.api->All(kEvents);
    return std::any_of(events.begin(), events.end(),
                       [](const Json& event) { return StringAt(event, "reason") == "LeftBehind"; });
  });
}

TEST(Suspension, IsToldWhereItIsNotPossibleBecauseTheDeploymentWasLeftBehind) {
  Site site;
  site.Serve();
  site.api->Remove(kModelDeployments, kKey);
  site.Until("an Event", [&] {
    // As the garbage collector does, until the operator knows that the owner is gone.
    if (site.Child()["metadata"].contains("ownerReferences")) {
      site.Edit(kDeployments, [](Json& child) { child["metadata"].erase("ownerReferences"); });
    }
    const auto events = site.api->All(kEvents);
    return std::any_of(events.begin(), events.end(), [](const Json& event) {
      return StringAt(event, "reason") == "LeftBehind" &&
             StringAt(event, "regarding/kind") == "Deployment";
    });
  });
  EXPECT_EQ(site.Replicas(), 2);
  // One of the same name does not take it for its own before something is approved.
  site.Deploy('2');
  site.UntilSaid("was left behind");
  EXPECT_EQ(site.Replicas(), 2);
}

}  // namespace
}  // namespace countersign
