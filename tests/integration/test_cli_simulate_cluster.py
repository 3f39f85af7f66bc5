"""`countersign simulate` and `matrix` on a real API server, with evidence that admission stamped."""

import json
import os
import re
import subprocess

import pytest
import samples as s
from cli import BIN, ROOT, run, write
from samples import DANA, DEV, HOME, PROD, QA, VERA, VICTOR
from world import INSTALLATION, Installation


@pytest.fixture(scope="module")
def site():
    site = Installation()
    try:
        for namespace in (HOME, DEV, QA, PROD):
            site.cluster.run("create", "namespace", namespace)
        for name, role in (("model-risk", "countersign-approver"),
                           ("ds-lending", "countersign-developer")):
            site.cluster.run("create", "clusterrolebinding", name, f"--clusterrole={role}",
                             f"--group={name}")
        site.apply(s.policy())
        case, mdeploy = s.use_case(), s.deployment()
        site.apply(case)
        site.apply(s.answers_sign_off(case), user=site.cluster.user(*VERA))
        site.apply(s.snapshot("snap", "m1", "credit"), s.bias_test("fair", "m1", "credit"),
                   user=site.cluster.user(*DANA))  # fmt: skip
        for signer in (VERA, VICTOR):
            site.apply(s.sign_off(mdeploy, signer), user=site.cluster.user(*signer))
        site.apply(mdeploy, user=site.cluster.user(*DANA))
        yield site
    finally:
        site.close()


def public_key(key, path):
    done = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], capture_output=True,
                          text=True, check=True)  # fmt: skip
    path.write_text(done.stdout)
    return path


def simulate(site, *arguments, user=None):
    done = run("simulate", "--kubeconfig", user or site.cluster.kubeconfig, "-o", "json",
               "--timeout", "30s", *arguments)  # fmt: skip
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def stricter(count=3):
    measures = s.policy()["spec"]["measures"]
    measures[0]["require"]["signOff"]["count"] = count
    return s.policy({"measures": measures})


def test_a_stricter_policy_is_found_out_before_it_is_applied(site, tmp_path):
    new = write(tmp_path / "new.yaml", stricter())
    code, answer, error = simulate(site, "-f", new)
    assert code == 1, error
    scorer = answer["deployments"][0]
    assert scorer["verdict"] == {"before": "Allow", "after": "Deny"}
    assert [g["gate"] for g in scorer["gates"]] == ["lending/validation"]
    assert any("not verified" in line for line in answer["assumptions"])
    kept = json.loads(site.cluster.run("get", "govpol", "lending", "-o", "json").stdout)
    assert kept["spec"]["measures"][0]["require"]["signOff"]["count"] == 2
    code, answer, _ = simulate(site, "-f", write(tmp_path / "same.yaml", stricter(2)))
    assert (code, answer["deployments"][0]["changed"]) == (0, False)


def test_the_page_compares_this_version_with_what_runs(site, tmp_path):
    page = (ROOT / "docs" / "operations" / "upgrade.md").read_text()
    (text,) = [one for one in re.findall(r"^ *```\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL) if "simulate" in one]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kubectl").symlink_to(site.cluster.kubectl)

    def page_command():
        done = subprocess.run(["bash", "-euc", text], cwd=tmp_path, capture_output=True, text=True, env=os.environ | {
            "PATH": f"{tmp_path}/bin:{BIN}:{os.environ['PATH']}", "KUBECONFIG": str(site.cluster.kubeconfig)})  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done

    done = page_command()
    assert "its status says" not in done.stdout + done.stderr
    # As an operator that judged otherwise.
    status = json.dumps({"status": {"verdict": "Deny", "observedGeneration": 1}})
    site.cluster.run("--kubeconfig", site.operator_user, "patch", "mdeploy", "scorer", "-n", PROD,
                     "--subresource=status", "--type=merge", "-p", status)  # fmt: skip
    try:
        done = page_command()
        assert "its status says Deny" in done.stdout + done.stderr
    finally:
        site.cluster.run("--kubeconfig", site.operator_user, "patch", "mdeploy", "scorer", "-n", PROD,
                         "--subresource=status", "--type=merge", "-p", '{"status": null}')  # fmt: skip


def test_stamps_are_verified_with_the_installations_key(site, tmp_path):
    same = write(tmp_path / "same.yaml", stricter(2))
    key = public_key(site.key, tmp_path / "public.pem")
    arguments = ["-f", same, "--trusted-keys", key, "--installation", INSTALLATION]
    code, answer, error = simulate(site, *arguments)
    assert code == 0, error
    assert answer["deployments"][0]["verdict"] == {"before": "Allow", "after": "Allow"}
    assert answer["assumptions"] == []
    run("keygen", "--out", tmp_path / "other.pem")
    other = public_key(tmp_path / "other.pem", tmp_path / "other.pub")
    _, answer, _ = simulate(site, "-f", same, "--trusted-keys", other, "--installation",
                            INSTALLATION)  # fmt: skip
    assert answer["deployments"][0]["verdict"]["before"] == "Deny"


def test_the_matrix_of_a_use_case_believes_the_stamped_sign_off(site, tmp_path):
    key = public_key(site.key, tmp_path / "public.pem")
    done = run("matrix", "--kubeconfig", site.cluster.kubeconfig, "--use-case", "lending/credit",
               "-o", "json", "--trusted-keys", key, "--installation", INSTALLATION)  # fmt: skip
    answer = json.loads(done.stdout)
    assert [c["name"] for c in answer["classes"]] == ["high"]
    assert answer["useCase"]["byPolicy"]["lending"]["answersApproved"] is True


def test_who_may_not_read_gets_an_error_that_says_so(site, tmp_path):
    new = write(tmp_path / "new.yaml", stricter())
    nobody = site.cluster.user("nobody", [])
    code, answer, error = simulate(site, "-f", new, user=nobody)
    assert (code, answer) == (2, None)
    assert "cannot list governancepolicies" in error and len(error.strip().splitlines()) == 1


def test_a_report_names_who_signed_as_admission_saw_them(site, tmp_path):
    key = public_key(site.key, tmp_path / "public.pem")
    done = run("report", "--framework", "nist-ai-rmf", "--kubeconfig", site.cluster.kubeconfig,
               "-o", "json", "--trusted-keys", key, "--installation", INSTALLATION,
               "--environment", "prod")  # fmt: skip
    assert done.returncode == 1, done.stderr  # the policy asks for three things alone
    answer = json.loads(done.stdout)
    assert answer["assumptions"] == [] and answer["complete"]
    found = {c["id"]: c for c in answer["deployments"][0]["controls"]}
    assert found["MEASURE 2.11"]["state"] == found["MANAGE 1.1"]["state"] == "Met"
    assert found["MEASURE 2.4"]["state"] == "NoMeasure"
    signed = found["MANAGE 1.1"]["basis"][0]["evidence"]
    assert {e["by"] for e in signed} == {"vera", "victor"}
    assert {e["meaning"] for e in signed} == {"Approve as model-validator"}


def test_everybody_is_told_what_waits_for_them(site):
    site.apply(s.deployment("next", QA), user=site.cluster.user(*DANA))

    def todo(who):
        done = run("todo", "--mine", "-o", "json", "--kubeconfig", site.cluster.user(*who))
        assert done.returncode == 0, done.stderr
        return [(a["name"], t["deployment"], t["gate"]) for a in json.loads(done.stdout)["actors"]
                for t in a["tasks"]]  # fmt: skip

    assert todo(VICTOR) == [("model-validator", "lending-qa/next", "lending/validation")]
    assert todo(DANA) == []
    mine = site.cluster.user(*VERA)
    command = "approve next -n lending-qa --role model-validator"
    assert command in run("todo", "--mine", "--kubeconfig", mine).stdout
    done = run(*command.split(), "--rationale", "Checked.", "--yes", "--kubeconfig", mine)
    assert done.returncode == 0, done.stderr
    assert todo(VERA) == []


def test_what_is_promoted_is_admitted_as_was_said(site):
    site.apply(s.deployment(namespace=QA), user=site.cluster.user(*DANA))
    mine = site.cluster.user(*DANA)
    done = run("promote", "scorer", "-n", QA, "--to", "prod", "--kubeconfig", mine)
    assert done.returncode == 0, done.stderr
    assert "ModelDeployment lending-prod/scorer: Allow in environment prod" in done.stderr
    site.cluster.run("apply", "-f", "-", input=done.stdout, user=mine)
    other = run("promote", "next", "-n", QA, "--to", "prod", "--kubeconfig", mine)
    # The sign-offs of the other one hold: what is signed is the spec, not the name.
    assert "ModelDeployment lending-prod/next: Allow" in other.stderr
    skipped = run("promote", "scorer", "-n", QA, "--to", "dev", "--kubeconfig", mine)
    assert skipped.returncode == 2 and "after that comes 'prod', not 'dev'" in skipped.stderr
