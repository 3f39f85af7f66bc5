"""Models of several parts: on the command line, and on a real control plane."""

import json
import re

import pytest
import samples as s
import yaml
from cli import ROOT, run as countersign, write
from samples import DANA, HOME, PROD, VERA, VICTOR
from world import Installation, wait_until

ADAPTER = {
    "name": "adapter",
    "role": "Adapter",
    "artifact": {
        "uri": "oci://registry.example/adapter@" + s.digest("adapter"),
        "digest": s.digest("adapter"),
        "digestType": "ociManifest",
    },
}
BASE = {
    "name": "base",
    "role": "BaseModel",
    "hosted": {"provider": "acme", "model": "chat-4", "snapshot": "chat-4-2026-08-06"},
}


def identity(component):
    """As docs/components.md says: without the place that it is fetched from."""
    if "hosted" in component:
        return component
    artifact = {k: component["artifact"][k] for k in ("digest", "digestType")}
    return {**component, "artifact": artifact}


def composite(*components):
    by_name = sorted(components, key=lambda component: component["name"])
    return s.canonical_digest([identity(component) for component in by_name])


def assistant(name, *components, **model):
    own = {"digestType": "composite", "components": list(components), "uri": None}
    own["digest"] = composite(*components)
    return s.deployment(name, PROD, name, "assistant", {"model": {**own, **model}})


# The command line.


def test_digest_prints_what_the_documentation_says(tmp_path):
    path = write(tmp_path / "a.yaml", assistant("a", BASE, ADAPTER))
    told = json.loads(countersign("digest", "-f", path, "-o", "json").stdout)
    assert told["apiVersion"] == "cli.countersign.dev/v1" and told["kind"] == "DigestResult"
    shown = [(one.get("component"), one["digestType"], one["digest"]) for one in told["subjects"]]
    assert shown == [
        (None, "composite", composite(ADAPTER, BASE)),
        ("base", "hosted", s.canonical_digest(BASE["hosted"])),
        ("adapter", "ociManifest", s.digest("adapter")),
    ]


def test_digest_says_what_to_correct_and_fills_in_what_is_missing(tmp_path):
    wrong = assistant("a", BASE, ADAPTER, digest=s.digest("other"))
    missing = assistant("b", BASE)
    del missing["spec"]["model"]["digest"], missing["spec"]["model"]["digestType"]
    path = write(tmp_path / "all.yaml", wrong, missing)
    table = countersign("digest", "-f", path)
    assert table.returncode == 0, table.stderr
    assert f"spec.model.digest is {s.digest('other')}: correct it" in table.stdout
    assert table.stdout.count("correct it") == 1
    alone = countersign("digest", "-f", path, "-o", "digest").stdout.split()
    assert alone == [composite(ADAPTER, BASE), composite(BASE)]


def test_digest_of_a_file_and_of_nothing(tmp_path):
    (tmp_path / "model.bin").write_text("weights")
    told = countersign("digest", tmp_path / "model.bin")
    assert "file" in told.stdout and s.digest("weights") in told.stdout
    for arguments in ((), (tmp_path / "none",), ("-f", write(tmp_path / "u.yaml", s.use_case()))):
        failed = countersign("digest", *arguments)
        assert failed.returncode == 2 and failed.stdout == "" and failed.stderr


def documented():
    """The manifests of docs/components.md, of all its blocks."""
    text = (ROOT / "docs" / "components.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return [one for block in blocks for one in yaml.safe_load_all(block)]


def test_the_example_of_the_documentation_is_allowed(tmp_path):
    objects = documented()
    assert [o["kind"] for o in objects].count("ModelDeployment") == 1
    path = write(tmp_path / "all.yaml", *objects)
    done = countersign("check", "-f", path, "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    gates = json.loads(done.stdout)["deployments"][0]["decision"]["gates"]
    reasons = {gate["measure"]: gate["reason"] for gate in gates}
    assert reasons["parts"] == "ComponentsSufficient"
    assert reasons["injection-test"] == "EvidenceSufficient"


def test_check_names_the_right_digest_the_line_and_the_next_command(tmp_path):
    objects = documented()
    deployment = next(o for o in objects if o["kind"] == "ModelDeployment")
    right = deployment["spec"]["model"]["digest"]
    deployment["spec"]["model"]["digest"] = s.digest("other")
    path = write(tmp_path / "all.yaml", *objects)
    done = countersign("check", "-f", path)
    assert done.returncode == 1
    assert "CompositeDigestMismatch" in done.stdout and f"must be {right}" in done.stdout
    assert "countersign digest -f" in done.stdout
    log = json.loads(countersign("check", "-f", path, "-o", "sarif").stdout)
    result = next(r for r in log["runs"][0]["results"] if "must be " + right in r["message"]["text"])
    line = result["locations"][0]["physicalLocation"]["region"]["startLine"]
    assert path.read_text().splitlines()[line - 1].strip() == f"digest: {s.digest('other')}"


# The control plane.


@pytest.fixture(scope="module")
def site():
    site = Installation(operator=True)
    try:
        for namespace in (HOME, PROD):
            site.cluster.run("create", "namespace", namespace)
        for name, role in (
            ("model-risk", "countersign-approver"),
            ("ds-lending", "countersign-developer"),
        ):
            site.cluster.run(
                "create", "clusterrolebinding", name, f"--clusterrole={role}", f"--group={name}"
            )
        believed = [{"kind": "Group", "name": "ds-lending"}]
        measures = [m for m in s.policy()["spec"]["measures"] if m["name"] == "validation"]
        measures.append({
            "name": "parts", "step": "Deployment", "accountable": "ml-engineer",
            "require": {"components": {"requiredRoles": ["BaseModel"], "providers": ["acme"]}},
        })  # fmt: skip
        measures.append({
            "name": "scan", "step": "PreProduction", "accountable": "ml-engineer",
            "subject": "Each", "require": {"evidence": {
                "type": "Scan", "issuers": believed,
                "claims": [{"claim": "passed", "operator": "Equals", "value": "true"}]}},
        })  # fmt: skip
        site.apply(s.policy({"measures": measures}))
        case = s.use_case("assistant")
        site.apply(case)
        site.apply(s.answers_sign_off(case), user=account(site, VERA))
        yield site
    finally:
        site.close()


def account(site, person):
    return site.cluster.user(*person)


def scan(name, model_digest, digest_type):
    patch = {
        "type": "Scan", "environment": None, "artifacts": None,
        "claims": [{"name": "passed", "flag": True}],
        "model": {"digest": model_digest, "digestType": digest_type},
    }  # fmt: skip
    return s.report(name, "unused", "assistant", patch)


def refusal(site, mdeploy):
    done = site.apply(mdeploy, user=account(site, DANA), check=False)
    assert done.returncode != 0, f"was let through: {done.stdout}"
    return done.stderr


def phase(site, name):
    done = site.cluster.run("get", "mdeploy", name, "-n", PROD, "-o", "json")
    return json.loads(done.stdout).get("status", {}).get("phase")


def test_the_api_server_refuses_what_cannot_be_meant(site):
    both = {**ADAPTER, "hosted": BASE["hosted"]}
    for broken, text in (
        (assistant("broken", both), "exactly one of artifact and hosted"),
        (assistant("broken", BASE, digestType="ociManifest"), "composite goes with components"),
        (assistant("broken", BASE, uri="oci://registry.example/m"), "exactly one of uri and"),
        (assistant("broken", BASE, components=None, uri="oci://r.example/m"), "goes with"),
        (assistant("broken", BASE, BASE), "Duplicate value"),
    ):
        assert text in refusal(site, broken)


def test_a_composite_model_serves_by_its_digest_until_a_component_is_quarantined(site):
    name = "whole"
    wrong = assistant(name, BASE, ADAPTER, digest=s.digest("other"))
    refused = refusal(site, wrong)
    assert "[CompositeDigestMismatch]" in refused and composite(BASE, ADAPTER) in refused
    assert "countersign digest -f" in refused

    mdeploy = assistant(name, BASE, ADAPTER)
    for signer in (VERA, VICTOR):
        site.apply(s.sign_off(mdeploy, signer, f"{name}-{signer[0]}"), user=account(site, signer))
    site.apply(scan("scan-adapter", s.digest("adapter"), "ociManifest"), user=account(site, DANA))
    refused = refusal(site, mdeploy)
    assert "[EvidenceForOtherModel]" in refused and "component 'base'" in refused
    hosted = s.canonical_digest(BASE["hosted"])
    site.apply(scan("scan-base", hosted, "hosted"), user=account(site, DANA))
    assert "created" in site.apply(mdeploy, user=account(site, DANA)).stdout

    def child():
        done = site.cluster.run("get", "deployment", name, "-n", PROD, "-o", "json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    wait_until(child, "the Deployment", 60)
    pod = child()["spec"]["template"]["spec"]
    assert {v["name"]: v["image"]["reference"] for v in pod["volumes"]} == {
        "model-adapter": "registry.example/adapter@" + s.digest("adapter")
    }
    (mount,) = pod["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/models/adapter" and mount["readOnly"]
    env = {e["name"]: e["value"] for e in pod["containers"][0]["env"]}
    assert env["COMPONENT_BASE_SNAPSHOT"] == "chat-4-2026-08-06"

    quarantine = {"scope": "Version", "model": {"digest": hosted, "digestType": "hosted"}}
    site.apply(s.incident("withdrawn", "assistant", {"quarantine": quarantine}))
    wait_until(lambda: child()["spec"]["replicas"] == 0, "serving to be suspended", 60)
    assert phase(site, name) == "Suspended"
    other = refusal(site, assistant("next", BASE))
    assert "[Quarantined]" in other and "component 'base' is quarantined" in other


def test_hosted_models_must_be_pinned(site):
    moving = {**BASE, "hosted": {**BASE["hosted"], "snapshot": "chat-4-latest"}}
    refused = refusal(site, assistant("moving", moving))
    assert "[SnapshotMoves]" in refused and "spec.model.components[0].hosted.snapshot" in refused
