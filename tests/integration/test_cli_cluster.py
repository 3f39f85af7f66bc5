"""CRDs, admission policies, roles and the command line on a real API server, as separate users.

No webhook runs here: what is tested holds without one.
"""

import json
import os
import pathlib
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
import schemas
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("COUNTERSIGN_BIN", ROOT / "build" / "debug" / "bin"))
SAMPLES = ROOT / "tests" / "unit" / "governance" / "testdata" / "samples.yaml"
PLURALS = ("governancepolicies", "usecases", "modeldeployments", "signoffs",
           "reproducibilitysnapshots", "biastests", "evidence", "waivers", "incidents",
           "modelrecords")
VERA, DEV, OPERATOR = "vera@bank.example", "dev@bank.example", "operator@bank.example"


def binding(name, role, user, namespace=None):
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": meta,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }


class Stage:
    def __init__(self, plane, folder):
        self.plane = plane
        self.users = {name: plane.user(name, []) for name in (VERA, DEV, OPERATOR)}
        ca = folder / "ca.crt"
        ca.write_text(pathlib.Path(plane.authority.certificate).read_text())
        text = self.cli("install", "--crds", "--url", "https://127.0.0.1:1", "--ca-file", ca,
                        "--operator-user", OPERATOR).stdout
        # Nothing would answer at that address; all else of the installation is applied.
        objects = [o for o in yaml.safe_load_all(text)
                   if not o["kind"].endswith("WebhookConfiguration")]
        objects += [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}}
                    for n in ("lending", "lending-prod")]
        # kubectl reads a status before it patches one; the operator does not.
        objects.append({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "status-reader"},
            "rules": [{"apiGroups": ["countersign.dev"], "resources": ["*/status"],
                       "verbs": ["get"]}]})  # fmt: skip
        objects += [
            binding("status-readers", "status-reader", OPERATOR),
            binding("viewers", "countersign-viewer", VERA),
            binding("dev-viewers", "countersign-viewer", DEV),
            binding("approvers", "countersign-approver", VERA, "lending"),
            binding("developers", "countersign-developer", DEV, "lending-prod"),
            binding("developers", "countersign-developer", DEV, "lending"),
        ]
        self.apply(objects)
        for plural in PLURALS:
            plane.run("wait", "--for=condition=Established", f"crd/{plural}.countersign.dev",
                      "--timeout=60s")
        # Records of models are the operator's alone.
        samples = [o for o in yaml.safe_load_all(SAMPLES.read_text()) if o["kind"] != "ModelRecord"]
        plane.run("apply", "-f", "-", input="\n---\n".join(map(json.dumps, samples)))

    def apply(self, objects):
        self.plane.run("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(objects))

    def kubectl(self, *arguments, user=None, check=True):
        return self.plane.run(*arguments, user=self.users.get(user), check=check)

    def cli(self, *arguments, user=None):
        where = ["--kubeconfig", self.users[user]] if user else []
        return subprocess.run([BIN / "countersign", *map(str, arguments), *map(str, where)],
                              capture_output=True, text=True, check=False, timeout=60, input="")

    def get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)


@pytest.fixture(scope="module")
def stage(cluster, tmp_path_factory):
    return Stage(cluster.plane, tmp_path_factory.mktemp("cli"))


def eventually_refused(command):
    """Admission policies are in force a moment after they are stored."""
    from world import controlplane
    answers = []

    def refused():
        answers.append(command())
        return answers[-1].returncode != 0

    controlplane.wait_until(refused, "the API server to refuse")
    return answers[-1].stderr


def test_explain_reads_like_documentation(stage):
    text = stage.kubectl("explain", "mdeploy.spec.model.digest").stdout
    assert "FIELD: digest <string>" in text
    assert "The model's content digest" in text


def test_names_categories_columns_and_selectors(stage):
    assert "modeldeployment.countersign.dev/sample" in stage.kubectl(
        "get", "countersign", "-A", "-o", "name").stdout
    head = stage.kubectl("get", "mdeploy", "-n", "lending-prod").stdout.splitlines()[0].split()
    assert head == ["NAME", "MODEL", "VERSION", "ENV", "CLASS", "GATES", "READY", "WHY", "AGE"]
    for kind, selector in (("signoffs", "spec.role=model-validator"),
                           ("mdeploy", "spec.useCaseRef.name=sample"),
                           ("biastests", "spec.useCase=sample"),
                           ("repsnap", "spec.useCase=sample")):
        found = stage.kubectl("get", kind, "-A", "--field-selector", selector, "-o", "name").stdout
        assert "sample" in found, kind


def test_status_says_that_nobody_has_looked_yet(stage):
    assert stage.get("usecase", "sample", "-n", "lending")["status"] == {"observedGeneration": -1}


def test_schema_refuses_with_the_path(stage):
    policy = stage.get("govpol", "sample")
    policy["metadata"] = {"name": "wrong"}
    del policy["spec"]["measures"][0]["require"]["signOff"]
    done = stage.plane.run("create", "-f", "-", input=json.dumps(policy), check=False)
    assert "exactly one kind of requirement" in done.stderr
    policy["spec"]["measures"] = [dict(stage.get("govpol", "sample")["spec"]["measures"][0],
                                       frobnicate=1)]
    done = stage.plane.run("create", "--validate=strict", "-f", "-", input=json.dumps(policy),
                           check=False)
    assert 'unknown field "spec.measures[0].frobnicate"' in done.stderr


@pytest.mark.parametrize("kind", ["signoff", "repsnap", "biastest"])
def test_evidence_is_final_with_403_and_labels_are_free(stage, kind):
    patch = {"signoff": {"rationale": "other"}, "repsnap": {"parameters": {"C": "2"}},
             "biastest": {"protocol": "other"}}[kind]
    change = json.dumps({"spec": patch})
    error = eventually_refused(lambda: stage.kubectl(
        "patch", kind, "sample", "-n", "lending", "--type=merge", "-p", change, check=False))
    assert "(Forbidden)" in error and "evidence may not be changed" in error
    assert "immutable" not in error
    error = eventually_refused(lambda: stage.kubectl(
        "annotate", kind, "sample", "-n", "lending", "countersign.dev/stamp=x", check=False))
    assert "the stamp of evidence may not be changed" in error
    stage.kubectl("label", kind, "sample", "-n", "lending", "looked=yes")


def test_only_the_operators_account_writes_status(stage):
    change = ["patch", "mdeploy", "sample", "-n", "lending-prod", "--subresource=status",
              "--type=merge", "-p", '{"status": {"verdict": "Allow"}}']
    error = eventually_refused(lambda: stage.kubectl(*change, check=False))
    assert "(Forbidden)" in error and "status may be written by the operator alone" in error
    stage.kubectl(*change, user=OPERATOR)


def test_scale_is_a_subresource(stage):
    before = stage.get("mdeploy", "sample", "-n", "lending-prod")["spec"]["serving"]["replicas"]
    stage.kubectl("scale", "mdeploy", "sample", "-n", "lending-prod", f"--replicas={before + 1}",
                  user=DEV)
    after = stage.get("mdeploy", "sample", "-n", "lending-prod")["spec"]["serving"]["replicas"]
    assert after == before + 1


def test_approve_signs_as_whoever_calls(stage):
    done = stage.cli("approve", "sample", "-n", "lending-prod", "--role", "model-validator",
                     "--rationale", "Checked.", "--expires-in", "30d", "--yes", user=VERA)
    assert done.returncode == 0, done.stderr
    for shown in ("credit-scorer 2.3.1", "environment      prod", f"{VERA} as role model-valid",
                  "BiasTest sample (attempt 1 of 1 of protocol holdout-v1 on data set holdout)",
                  "Gates before this sign-off"):
        assert shown in done.stdout
    name = done.stdout.strip().splitlines()[-1].split()[0].split("/")[1]
    assert name.startswith("sample-model-validator-")
    spec = stage.get("signoff", name, "-n", "lending")["spec"]
    assert spec["signer"] == {"username": VERA}
    explained = stage.cli("explain", "sample", "-n", "lending-prod", "-o", "json", user=VERA)
    assert spec["subject"]["governedDigest"] == json.loads(explained.stdout)["governedDigest"]
    assert {e["kind"] for e in spec["shown"]["evidence"]} == {"BiasTest", "Evidence", "ReproducibilitySnapshot"}


def test_approve_from_a_manifest_binds_the_same_digest(stage, tmp_path):
    sample = next(o for o in yaml.safe_load_all(SAMPLES.read_text())
                  if o["kind"] == "ModelDeployment")
    sample["metadata"]["name"] = "not-there-yet"
    path = tmp_path / "deployment.yaml"
    path.write_text(yaml.safe_dump(sample))
    done = stage.cli("approve", "-f", path, "--role", "model-validator", "--rationale", "Early.",
                     "--yes", "-o", "json", user=VERA)
    assert done.returncode == 0, done.stderr
    signed = json.loads(done.stdout)["spec"]["subject"]["governedDigest"]
    checked = json.loads(stage.cli("check", "-f", SAMPLES, "-o", "json").stdout)
    assert signed == checked["deployments"][0]["decision"]["governedDigest"]


def test_a_namespace_that_is_not_the_manifests_is_refused(stage, tmp_path):
    """As kubectl does: whoever names one means it."""
    samples = [o for o in yaml.safe_load_all(SAMPLES.read_text()) if o["kind"] == "ModelDeployment"]
    path = tmp_path / "deployment.yaml"
    path.write_text(yaml.safe_dump(samples[0]))
    decide = ("approve", "-f", path, "--role", "model-validator", "--rationale", "x", "--yes")
    done = stage.cli(*decide, "-n", "lending", user=VERA)
    assert done.returncode == 2 and "the manifest is for namespace 'lending-prod'" in done.stderr
    other = {**samples[0], "metadata": {**samples[0]["metadata"], "name": "other"}}
    path.write_text(yaml.safe_dump_all([samples[0], other]))
    done = stage.cli(*decide, "-n", "lending", user=VERA)
    assert done.returncode == 2 and "holds 2, none of them in namespace 'lending'" in done.stderr


def test_whoever_signs_the_same_again_is_told(stage):
    decide = ("approve", "sample", "-n", "lending-prod", "--role", "model-validator",
              "--rationale", "Again.", "--yes")  # fmt: skip
    assert stage.cli(*decide, user=VERA).returncode == 0
    done = stage.cli(*decide, user=VERA)
    assert done.returncode == 0, done.stderr
    assert "the same of this very revision before" in done.stderr and "-f FILE" in done.stderr


@pytest.mark.parametrize("command", [("scan",), ("adopt",), ("evidence", "list")])
def test_a_namespace_that_is_not_there_is_no_good_news(stage, command):
    done = stage.cli(*command, "-n", "lending-prd", "--kubeconfig", stage.plane.kubeconfig)
    assert done.returncode == 2, done.stdout
    assert "there is no namespace 'lending-prd' in the cluster" in done.stderr


def test_a_waiver_in_force_shows_when_it_ends(stage):
    columns = stage.get("crd", "waivers.countersign.dev")["spec"]["versions"][0]
    kinds = {c["name"]: c["type"] for c in columns["additionalPrinterColumns"]}
    assert kinds["Expires"] == "string", "a date to come would be shown as <invalid>"


def test_approve_answers_of_a_use_case(stage):
    done = stage.cli("reject", "--use-case", "sample", "-n", "lending", "--role",
                     "model-validator", "--rationale", "True.", "--yes", "-o", "json",
                     user=VERA)
    assert done.returncode == 0, done.stderr
    spec = json.loads(done.stdout)["spec"]
    assert (spec["decision"], spec["subject"]["kind"]) == ("Reject", "UseCase")


@pytest.mark.parametrize(
    ("arguments", "user", "sentence"),
    [
        (["sample", "-n", "lending-prod", "--role", "model-validator"], DEV,
         'User "dev@bank.example" cannot create resource "signoffs"'),
        (["sample", "-n", "lending-prod", "--role", "owner"], VERA, "they ask for 'model-validator'"),
        (["nope", "-n", "lending-prod", "--role", "model-validator"], VERA, "-f FILE"),
        (["--use-case", "nope", "-n", "lending", "--role", "x"], VERA, '"nope" not found'),
    ],
)
def test_refusals_are_one_clear_sentence(stage, arguments, user, sentence):
    done = stage.cli("approve", *arguments, "--rationale", "x", "--yes", user=user)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_explain_says_what_is_wrong_and_what_to_do(stage):
    deployment = stage.get("mdeploy", "sample", "-n", "lending-prod")
    status = {"observedGeneration": deployment["metadata"]["generation"], "environment": "prod",
              "verdict": "Deny", "gatesPassed": "0/1",
              "gates": [{"measure": "validation", "policy": "sample", "state": "Missing",
                         "reason": "SignOffMissing", "message": "needs 2 sign-offs, has none",
                         "remedy": "group 'model-risk' can run: kubectl countersign approve …"}]}
    stage.kubectl("patch", "mdeploy", "sample", "-n", "lending-prod", "--subresource=status",
                  "--type=merge", "-p", json.dumps({"status": status}), user=OPERATOR)
    done = stage.cli("explain", "sample", "-n", "lending-prod", user=VERA)
    text = done.stdout
    assert (done.returncode, done.stderr) == (1, "")
    assert "needs 2 sign-offs, has none" in text
    assert "What to do next:\n- group 'model-risk' can run: kubectl countersign approve" in text
    assert "has not looked" not in text
    suites = ElementTree.fromstring(
        stage.cli("explain", "sample", "-n", "lending-prod", "-o", "junit", user=VERA).stdout)
    assert suites.find(".//testcase[@name='validation']/failure").get("type") == "SignOffMissing"
    log = json.loads(
        stage.cli("explain", "sample", "-n", "lending-prod", "-o", "sarif", user=VERA).stdout)
    assert schemas.faults("sarif-2.1.0", log) == []
    assert [r["ruleId"] for r in log["runs"][0]["results"]] == ["SignOffMissing"]
    status["verdict"] = "Warn"
    stage.kubectl("patch", "mdeploy", "sample", "-n", "lending-prod", "--subresource=status",
                  "--type=merge", "-p", json.dumps({"status": status}), user=OPERATOR)
    assert stage.cli("explain", "sample", "-n", "lending-prod", user=VERA).returncode == 0


def test_explain_never_says_0_of_what_nobody_has_evaluated(stage):
    sample = stage.get("mdeploy", "sample", "-n", "lending-prod")
    new = {k: sample[k] for k in ("apiVersion", "kind", "spec")}
    new["metadata"] = {"name": "unseen", "namespace": "lending-prod"}
    stage.plane.run("create", "-f", "-", input=json.dumps(new))
    done = stage.cli("explain", "unseen", "-n", "lending-prod", "-o", "json", user=VERA)
    assert done.returncode == 2
    assert json.loads(done.stdout)["observed"] is False
    assert "has not evaluated this generation" in done.stderr


def test_matrix_shows_what_the_cluster_asks_for(stage):
    done = stage.cli("matrix", "--use-case", "lending/sample", "-o", "json", user=VERA)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert "sample" in answer["policies"]
    assert {row["measure"] for row in answer["rows"]} >= {"validation", "bias"}
    # The sample's sign-offs carry no stamp: nobody has signed the answers.
    assert answer["useCase"]["byPolicy"]["sample"]["answersApproved"] is False
    table = stage.cli("matrix", user=VERA)
    assert table.returncode == 0 and "(sample/validation)" in table.stdout


def test_records_of_models_are_the_operators_alone(stage):
    name = f"sha256-{'9' * 64}"
    text = json.dumps({"apiVersion": "countersign.dev/v1alpha1", "kind": "ModelRecord",
                       "metadata": {"name": name}, "spec": {"digest": f"sha256:{'9' * 64}"}})

    def create(user):
        return stage.plane.run("create", "-f", "-", input=text, user=user, check=False)

    def refused(command):
        return "the records of models are the operator's alone" in eventually_refused(command)

    # Also for administrators, who pass RBAC.
    assert refused(lambda: create(None))
    assert create(stage.users[OPERATOR]).returncode == 0
    assert refused(lambda: stage.kubectl("delete", "modelrec", name, check=False))
    assert refused(lambda: stage.kubectl("annotate", "modelrec", name, "a=b", check=False))
    assert stage.get("modelrec", name)["spec"]["digest"].endswith("9" * 64)
    assert stage.kubectl("delete", "modelrec", name, user=OPERATOR, check=False).returncode != 0
