"""The operator's own records of what served, on a real API server with admission: a model that ran
in one environment may go on to the next, and a record is written once."""

import json

import pytest
import samples as s
from samples import DANA, DEV, HOME, PROD, VERA
from world import Installation, wait_until

OPERATOR = "countersign-operator"


def policy():
    believed = [{"kind": "User", "name": OPERATOR}]
    ran = {"name": "ran-in-dev", "step": "Deployment", "accountable": "ml-engineer",
           "applies": {"environments": ["prod"]},
           "require": {"promotion": {"from": "dev", "soak": "5s", "issuers": believed}}}  # fmt: skip
    return s.policy({"measures": [ran]})


@pytest.fixture(scope="module")
def site():
    site = Installation(workloads=True)
    try:
        for namespace in (HOME, DEV, PROD):
            site.cluster.run("create", "namespace", namespace)
        for name, role in (
            ("model-risk", "countersign-approver"),
            ("ds-lending", "countersign-developer"),
        ):
            site.cluster.run(
                "create", "clusterrolebinding", name, f"--clusterrole={role}", f"--group={name}"
            )
        # With the roles that are installed, and no more.
        site.operator_user = site.cluster.user(OPERATOR)
        site.start_operator("--no-leader-elect")
        case = s.use_case()
        site.apply(policy(), case)
        site.apply(s.answers_sign_off(case), user=site.cluster.user(*VERA))
        yield site
    finally:
        site.close()


def records(site, model):
    done = site.cluster.run("get", "evidence", "-n", HOME, "-o", "json")
    items = [i for i in json.loads(done.stdout)["items"]
             if i["spec"]["type"] == "ServingRecord"
             and i["spec"]["model"]["digest"] == s.digest(model)]  # fmt: skip
    return sorted(items, key=lambda i: int(i["metadata"]["resourceVersion"]))


def claims(record):
    return {c["name"]: c.get("flag", c.get("text")) for c in record["spec"]["claims"]}


def test_what_ran_in_one_environment_may_go_on_to_the_next_and_is_recorded_once(site):
    dana = site.cluster.user(*DANA)
    site.apply(s.deployment(namespace=DEV), user=dana)
    there = s.deployment()
    wait_until(lambda: records(site, "m1"), "the record", 90)
    wait_until(
        lambda: site.apply(there, user=dana, check=False, dry_run=True).returncode == 0,
        "the soak to be over", 60,
    )  # fmt: skip
    (record,) = records(site, "m1")
    assert record["spec"]["environment"] == "dev" and record["spec"]["useCase"] == "credit"
    assert claims(record) == {"healthy": True, "deployment": f"{DEV}/scorer"}
    # Admission stamped it like everybody's.
    assert "countersign.dev/stamp" in record["metadata"]["annotations"]
    assert "created" in site.apply(there, user=dana).stdout

    # Another model has not run there.
    other = s.deployment("other", model="m2")
    refused = site.apply(other, user=dana, check=False)
    assert refused.returncode != 0 and "EvidenceForOtherModel" in refused.stderr

    # A new process reads what was recorded, looks, and writes nothing again.
    assert site.operator.stop() == 0
    site.start_operator("--no-leader-elect")
    site.operator.await_log("caches are full")
    site.cluster.run("label", "usecase", "credit", "-n", HOME, "look=again")

    # What replaces the model ends its run; only then is anything written, after all looks before.
    site.cluster.run(
        "patch", "mdeploy", "scorer", "-n", DEV, "--type=merge", "-p",
        json.dumps({"spec": {"model": s.deployment(model="m2")["spec"]["model"]}}), user=dana,
    )  # fmt: skip
    wait_until(lambda: records(site, "m2"), "the record of the other model", 90)
    first, ended = records(site, "m1")
    assert first == record
    assert claims(ended) == {"healthy": True, "deployment": f"{DEV}/scorer", "ended": True}

    # So does the end of the deployment.
    site.cluster.run("delete", "mdeploy", "scorer", "-n", DEV)
    wait_until(lambda: len(records(site, "m2")) == 2, "the end of the run", 60)
    assert claims(records(site, "m2")[1])["ended"] is True
