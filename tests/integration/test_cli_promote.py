"""`countersign promote` on files: the next environment's deployment, and what it needs."""

import pytest
import yaml

import samples
from cli import run, write


def objects(namespace=samples.DEV, policy=None, case=None):
    case = case or samples.use_case()
    return [policy or samples.policy(), case, samples.deployment(namespace=namespace),
            samples.answers_sign_off(case)]  # fmt: skip


def promote(folder, to, *arguments):
    return run("promote", "scorer", "--to", to, "-f", folder, *arguments)


def test_the_next_environment_gets_the_same_spec(tmp_path):
    first = objects()
    first[2]["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/name": "dev"}
    write(tmp_path / "all.yaml", *first)
    done = promote(tmp_path, "qa")
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout) == samples.deployment(namespace=samples.QA)
    # What it will be asked for there stands beside it.
    assert "ModelDeployment lending-qa/scorer: Hold in environment qa" in done.stderr
    # It is stored nowhere yet: by its name nobody could sign it.
    assert "approve scorer -f FILE -n lending-qa --role model-validator" in done.stderr
    assert "nobody was authenticated" in done.stderr


def test_what_is_printed_is_judged_by_check_as_was_said(tmp_path):
    write(tmp_path / "all.yaml", *objects())
    (tmp_path / "qa.yaml").write_text(promote(tmp_path, "qa").stdout)
    assert run("check", "-f", tmp_path, "-o", "table").stdout.count(": Hold in environment qa") == 1


@pytest.mark.parametrize(
    ("at", "to", "found"),
    [
        (samples.DEV, "prod", "policy 'lending': the deployment is in 'dev', and after that comes 'qa', not 'prod'"),
        (samples.QA, "dev", "the deployment is in 'qa', and after that comes 'prod', not 'dev'"),
        (samples.PROD, "qa", "policy 'lending': the deployment is in 'prod', its last environment"),
        (samples.DEV, "uat", "--to: must be one of dev, qa, prod, is 'uat'"),
        ("elsewhere", "qa", "namespace 'elsewhere' is in no environment of any policy"),
    ],
)  # fmt: skip
def test_no_environment_is_skipped(tmp_path, at, to, found):
    write(tmp_path / "all.yaml", *objects(at))
    done = promote(tmp_path, to)
    assert (done.returncode, done.stdout) == (2, "")
    assert found in done.stderr


def environments(*pairs):
    return [{"name": n, "namespaces": ns, "enforcement": "Warn"} for n, ns in pairs]


def test_every_policy_over_it_has_to_agree(tmp_path):
    ladder = environments(("dev", [samples.DEV]), ("uat", ["lending-uat"]), ("qa", [samples.QA]))
    write(tmp_path / "all.yaml", *objects(),
          samples.policy({"environments": ladder, "measures": []}, name="bank-wide"))  # fmt: skip
    done = promote(tmp_path, "qa")
    assert done.returncode == 2
    assert "policy 'bank-wide': the deployment is in 'dev', and after that comes 'uat'" in done.stderr


def test_a_policy_that_keeps_it_where_it_is_does_not_mind(tmp_path):
    everywhere = environments(("all", ["lending-*"]))
    write(tmp_path / "all.yaml", *objects(),
          samples.policy({"environments": everywhere, "measures": []}, name="bank-wide"))  # fmt: skip
    assert promote(tmp_path, "qa").returncode == 0


def test_where_there_are_several_namespaces_it_asks(tmp_path):
    several = environments(("dev", [samples.DEV]), ("qa", ["lending-a", "lending-b", "qa-*"]))
    case = samples.use_case(patch={"deployTo": [samples.DEV, "lending-a", "lending-b", "qa-1"]})
    write(tmp_path / "all.yaml", *objects(policy=samples.policy({"environments": several,
                                                                 "measures": []}), case=case))
    done = promote(tmp_path, "qa")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--to-namespace: is required: environment 'qa' has several namespaces: lending-a, lending-b" in done.stderr
    done = promote(tmp_path, "qa", "--to-namespace", "qa-1")
    assert yaml.safe_load(done.stdout)["metadata"] == {"name": "scorer", "namespace": "qa-1"}
    wrong = promote(tmp_path, "qa", "--to-namespace", "lending-prod")
    assert wrong.returncode == 2 and "does not have 'lending-prod' in environment 'qa'" in wrong.stderr


def test_the_use_case_settles_which_namespace(tmp_path):
    several = environments(("dev", [samples.DEV]), ("qa", ["lending-a", "lending-b"]))
    case = samples.use_case(patch={"deployTo": [samples.DEV, "lending-b"]})
    write(tmp_path / "all.yaml", *objects(policy=samples.policy({"environments": several,
                                                                 "measures": []}), case=case))
    done = promote(tmp_path, "qa", "-o", "json")
    assert yaml.safe_load(done.stdout)["metadata"]["namespace"] == "lending-b"


def test_a_name_in_two_namespaces_is_asked_for(tmp_path):
    write(tmp_path / "all.yaml", *objects(), samples.deployment(namespace=samples.QA))
    done = promote(tmp_path, "qa")
    assert done.returncode == 2 and "--namespace: is required" in done.stderr
    assert promote(tmp_path, "qa", "-n", samples.DEV).returncode == 0
    assert "there is no ModelDeployment 'scorer' in namespace 'x'" in promote(
        tmp_path, "qa", "-n", "x").stderr  # fmt: skip
