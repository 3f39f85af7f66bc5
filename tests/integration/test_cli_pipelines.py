"""The pipeline templates of examples/pipelines: valid, linted, and run step by step for real.

The steps run in a shell as the pipeline's service would run them, with the real programs against a
real control plane with admission and the operator.
"""

import json
import os
import pathlib
import re
import subprocess

import pytest
import samples
import schemas
import yaml
from cli import BIN, ROOT, write
from world import Installation, wait_until

TEMPLATES = ROOT / "examples" / "pipelines"
ANALYST, STEWARD = ("ann", ["your-analysts"]), ("stew", ["your-data-stewards"])
HOME, WHERE = "analytics-home", "analytics"


def documents(name):
    return list(yaml.safe_load_all((TEMPLATES / name).read_text()))


# --- what each service makes of its file ---


def github_steps(version):
    """(script, only after a failure, environment) of each step that is a script."""
    job = documents("github-actions.yaml")[0]["jobs"]["release"]
    environment = job["env"] | {"GITHUB_REF_NAME": "v" + version}
    return [(step["run"], step.get("if") == "failure()", environment)
            for step in job["steps"] if "run" in step]  # fmt: skip


def gitlab_steps(version):
    pipeline = documents("gitlab-ci.yaml")[0]
    environment = pipeline["variables"] | {"CI_COMMIT_TAG": "v" + version}
    jobs = [job for stage in pipeline["stages"] for job in pipeline.values()
            if isinstance(job, dict) and job.get("stage") == stage]  # fmt: skip
    steps = []
    for job in jobs:
        steps.append(("\n".join(job["script"]), False, environment))
        steps += [(line, True, environment) for line in job.get("after_script", [])]
    return steps


def tekton_steps(version):
    *tasks, pipeline = documents("tekton.yaml")
    by_name = {task["metadata"]["name"]: task["spec"] for task in tasks}
    steps = []
    for called in pipeline["spec"]["tasks"]:
        task = by_name[called["taskRef"]["name"]]
        environment = {e["name"]: e["value"].replace("$(params.version)", version)
                       for e in task.get("stepTemplate", {}).get("env", [])}  # fmt: skip
        steps += [(step["script"], False, environment) for step in task["steps"]]
    return steps


PIPELINES = {"github": github_steps, "gitlab": gitlab_steps, "tekton": tekton_steps}


# --- lint ---


def test_the_github_workflow_is_one_by_the_published_schema():
    workflow = documents("github-actions.yaml")[0]
    workflow["on"] = workflow.pop(True)  # YAML 1.1 takes the key `on` for a boolean
    assert schemas.faults("github-workflow", workflow) == []
    # Nothing that somebody outside can choose is pasted into a script.
    scripts = [s["run"] for s in workflow["jobs"]["release"]["steps"] if "run" in s]
    assert not [s for s in scripts if "${{" in s]
    assert workflow["permissions"] == {"contents": "read", "security-events": "write"}


def test_the_gitlab_pipeline_is_one_by_the_published_schema():
    assert schemas.faults("gitlab-ci", documents("gitlab-ci.yaml")[0]) == []


def test_the_tekton_objects_fit_together():
    *tasks, pipeline = documents("tekton.yaml")
    assert {t["kind"] for t in tasks} == {"Task"} and pipeline["kind"] == "Pipeline"
    assert {o["apiVersion"] for o in (*tasks, pipeline)} == {"tekton.dev/v1"}
    by_name = {task["metadata"]["name"]: task["spec"] for task in tasks}
    declared = {p["name"] for p in pipeline["spec"]["params"]}
    spaces = {w["name"] for w in pipeline["spec"]["workspaces"]}
    names = [t["name"] for t in pipeline["spec"]["tasks"]]
    for called in pipeline["spec"]["tasks"]:
        task = by_name[called["taskRef"]["name"]]
        needed = {p["name"] for p in task["params"] if "default" not in p}
        assert needed == {p["name"] for p in called.get("params", [])}
        assert {w["name"] for w in task["workspaces"]} == {w["name"] for w in called["workspaces"]}
        assert {w["workspace"] for w in called["workspaces"]} <= spaces
        assert set(called.get("runAfter", [])) <= set(names)
        used = set(re.findall(r"\$\((params|workspaces)\.(\w+)", json.dumps(called)))
        assert used <= {("params", name) for name in declared}
        known = {("params", p["name"]) for p in task["params"]} | {
            ("workspaces", w["name"]) for w in task["workspaces"]}  # fmt: skip
        assert set(re.findall(r"\$\((params|workspaces)\.(\w+)", json.dumps(task))) <= known
        for step in task["steps"]:
            assert step["image"] and step["script"].startswith("#!/bin/sh\nset -eu\n")
            # A parameter reaches a script as a variable, never as text of it.
            assert "$(params" not in step["script"]


@pytest.mark.parametrize("service", PIPELINES)
def test_the_scripts_pass_shellcheck(service, tmp_path):
    for i, (script, _, _) in enumerate(PIPELINES[service]("1.0.0")):
        path = tmp_path / f"{i}.sh"
        path.write_text(script if script.startswith("#!") else "#!/bin/bash\nset -e\n" + script)
        done = subprocess.run(["shellcheck", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_every_kind_that_decides_is_read():
    """But not the deployments: the one that is released stands in the file."""
    wanted = {p.stem.split("_")[1] for p in (ROOT / "crds").glob("countersign.dev_*.yaml")}
    for service in PIPELINES.values():
        kinds = {env["COUNTERSIGN_KINDS"] for _, _, env in service("1") if "COUNTERSIGN_KINDS" in env}
        assert {frozenset(k.split(",")) for k in kinds} == {
            frozenset(wanted - {"modeldeployments"})}  # fmt: skip


# --- run ---


@pytest.fixture(scope="module")
def site():
    site = Installation(workloads=True, operator=True)
    try:
        for namespace in (HOME, WHERE, "analytics-sandbox"):
            site.cluster.run("create", "namespace", namespace)
        for role, group in (("countersign-developer", ANALYST[1][0]),
                            ("countersign-approver", STEWARD[1][0])):
            site.cluster.run("create", "clusterrolebinding", group, f"--clusterrole={role}",
                             f"--group={group}")  # fmt: skip
        site.cluster.run("apply", "-f", ROOT / "examples/policies/self-service-analytics/policy.yaml")
        yield site
    finally:
        site.close()


def register(site, name, **answers):
    """The one registration: the analyst's file, and the steward's sign-off on its answers."""
    case = samples.obj("UseCase", name, HOME, {
        "title": name, "purpose": "Sorts a list for its author.", "purposeCategory": "analytics",
        "owner": "ann", "developers": [{"kind": "User", "name": "ann"}], "lifecycle": "Active",
        "answers": {"audience": ["single"], "impact": ["none"], "personalData": ["no"],
                    "effects": ["days"]} | answers,
        "deployTo": [WHERE]})  # fmt: skip
    site.apply(case, user=site.cluster.user(*ANALYST))
    subprocess.run([BIN / "countersign", "approve", "--use-case", name, "-n", HOME, "--role",
                    "data-steward", "--rationale", "True.", "--yes", "--kubeconfig",
                    site.cluster.user(*STEWARD)], check=True, capture_output=True)  # fmt: skip


def working_tree(folder, name, case):
    write(folder / "release.yaml", {
        "apiVersion": "cli.countersign.dev/v1", "kind": "Release",
        "spec": {"useCase": f"{HOME}/{case}", "namespace": WHERE, "name": name,
                 "uri": "oci://registry.example/churn@" + samples.digest(name),
                 "metrics": "metrics.yaml",
                 "serving": {"template": {"spec": {"containers": [
                     {"name": "server", "image": samples.IMAGE,
                      "resources": {"requests": {"cpu": "100m", "memory": "64Mi"},
                                    "limits": {"memory": "64Mi"}}}]}}}}})  # fmt: skip
    write(folder / "metrics.yaml", {"accuracy": 0.91})
    return folder


def pipeline(site, steps, folder):
    """Runs the steps until one fails, and then those for failures: (all well, what was printed)."""
    environment = {
        "PATH": f"{BIN}:{site.cluster.assets}:{os.environ['PATH']}", "HOME": str(folder),
        "KUBECONFIG": str(site.cluster.user(*ANALYST)),
    }  # fmt: skip
    failed, said = False, ""
    for script, after_failure, more in steps:
        if after_failure != failed:
            continue
        path = pathlib.Path(folder) / ".step.sh"
        path.write_text(script if script.startswith("#!") else "#!/bin/bash\nset -e\n" + script)
        path.chmod(0o755)
        done = subprocess.run([path], cwd=folder, env=environment | more, capture_output=True,
                              text=True, check=False, timeout=120)  # fmt: skip
        said += done.stdout + done.stderr
        failed = failed or done.returncode != 0
    return not failed, said


def ready(site, name):
    def looked():
        found = json.loads(site.cluster.run("get", "mdeploy", name, "-n", WHERE, "-o", "json").stdout)
        conditions = found.get("status", {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    wait_until(looked, f"{name} to serve", 60)


@pytest.mark.parametrize("service", PIPELINES)
def test_a_model_goes_live_without_anybody_at_the_pipeline(site, service, tmp_path):
    register(site, f"sheet-{service}")
    name = f"live-{service}"
    folder = working_tree(tmp_path, name, f"sheet-{service}")
    well, said = pipeline(site, PIPELINES[service]("1.0.0"), folder)
    assert well, said
    ready(site, name)
    # Once more, as it was: what the cluster has already is no obstacle.
    well, said = pipeline(site, PIPELINES[service]("1.0.0"), folder)
    assert well, said


@pytest.mark.parametrize("service", PIPELINES)
def test_what_needs_a_person_stops_before_it_is_applied_and_says_whom(site, service, tmp_path):
    register(site, f"public-{service}", audience=["public"])
    name = f"held-{service}"
    folder = working_tree(tmp_path, name, f"public-{service}")
    well, said = pipeline(site, PIPELINES[service]("1.0.0"), folder)
    assert not well
    assert f"countersign approve {name} -f out/release.yaml -n {WHERE} --role data-steward" in said, said
    assert site.cluster.run("get", "mdeploy", name, "-n", WHERE, check=False).returncode != 0
    if service != "gitlab":
        log = json.loads((folder / "out" / "countersign.sarif").read_text())
        assert schemas.faults("sarif-2.1.0", log) == []
        assert [r["ruleId"] for r in log["runs"][0]["results"]] == ["SignOffMissing"]
    if service != "github":
        assert "SignOffMissing" in (folder / "out" / "junit.xml").read_text()
