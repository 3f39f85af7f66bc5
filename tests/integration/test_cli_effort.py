"""What people write by hand for the first and for every further release: docs/effort.md, counted.

Each test does exactly the steps of one row of that page's table, as the people of it, on a real
control plane with admission and the operator. What a training run writes is not written by hand.
"""

import json
import re
import subprocess

import pytest
import samples
import yaml
from cli import ROOT, run, write
from world import Installation, wait_until

MORTGAGE = ROOT / "examples" / "mortgage" / "manifests"
PACK = ROOT / "examples" / "policies" / "self-service-analytics" / "policy.yaml"
PAGE = ROOT / "docs" / "effort.md"
ANN, STEW = ("ann", ["your-analysts"]), ("stew", ["your-data-stewards"])
DANA, VERA, VICTOR = ("dana@bank.example", ["ds-lending"]), ("vera@bank.example", ["model-risk"]), (
    "victor@bank.example", ["model-risk"])  # fmt: skip
ANA = ("ana@bank.example", [])


@pytest.fixture(scope="module")
def site():
    site = Installation(workloads=True, operator=True)
    try:
        admin = site.cluster.run
        for namespace in ("analytics-home", "analytics"):
            admin("create", "namespace", namespace)
        for role, (_, groups) in (("countersign-developer", ANN), ("countersign-approver", STEW)):
            admin("create", "clusterrolebinding", groups[0], f"--clusterrole={role}",
                  f"--group={groups[0]}")  # fmt: skip
        for path in (MORTGAGE / "namespaces.yaml", MORTGAGE / "people.yaml",
                     MORTGAGE / "policy.yaml", PACK):
            admin("apply", "-f", path)
        yield site
    finally:
        site.close()


class Desk:
    """Where somebody works: counts the files that are written by hand, and the commands of all."""

    def __init__(self, site, folder):
        self.site, self.folder = site, folder
        self.folder.mkdir(exist_ok=True)
        self.by_hand, self.commands = set(), []

    def writes(self, name, *objects):
        self.by_hand.add(name)
        return write(self.folder / name, *objects)

    def kubectl(self, who, *arguments, check=True, **how):
        self.commands.append((who[0], "kubectl"))
        return self.site.cluster.run(*arguments, user=self.site.cluster.user(*who), check=check, **how)

    def countersign(self, who, *arguments):
        self.commands.append((who[0], "countersign " + arguments[0]))
        done = run(*arguments, "--kubeconfig", self.site.cluster.user(*who))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def release(self, who, *arguments):
        """`countersign release … | kubectl apply -f -`, which is one command line."""
        made = run("release", *arguments)
        assert made.returncode == 0, made.stderr
        self.commands.append((who[0], "countersign release | kubectl apply"))
        done = self.site.cluster.run("apply", "-f", "-", input=made.stdout, check=False,
                                     user=self.site.cluster.user(*who))  # fmt: skip
        return list(yaml.safe_load_all(made.stdout)), done

    def count(self):
        counted = (len(self.by_hand), len(self.commands), len({who for who, _ in self.commands}))
        self.by_hand, self.commands = set(), []
        return counted

    def served(self, name, namespace, version):
        def looked():
            done = self.site.cluster.run("get", "mdeploy", name, "-n", namespace, "-o", "json")
            status = json.loads(done.stdout).get("status", {})
            ready = any(c["type"] == "Ready" and c["status"] == "True"
                        for c in status.get("conditions", []))  # fmt: skip
            return ready and status.get("servingVersion") == version

        wait_until(looked, f"{name} {version} to serve", 90)


def told(row):
    """(files, commands, people) for the first and for each further release, as the page says."""
    line = next(x for x in PAGE.read_text().splitlines() if x.startswith(f"| {row} |"))
    numbers = [int(n) for n in re.findall(r"\b\d+\b", line)]
    assert len(numbers) == 6, line
    return tuple(numbers[:3]), tuple(numbers[3:])


def container():
    return {"name": "server", "image": samples.IMAGE,
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"},
                          "limits": {"memory": "64Mi"}}}  # fmt: skip


def test_a_low_class_is_one_registration_and_then_one_command(site, tmp_path):
    desk = Desk(site, tmp_path / "desk")
    first, further = told("low")
    case = samples.obj("UseCase", "sheet", "analytics-home", {
        "title": "Sheet", "purpose": "Sorts a list for its author.", "purposeCategory": "analytics",
        "owner": "ann", "developers": [{"kind": "User", "name": "ann"}], "lifecycle": "Active",
        "answers": {"audience": ["single"], "impact": ["none"], "personalData": ["no"],
                    "effects": ["days"]}, "deployTo": ["analytics"]})  # fmt: skip
    desk.kubectl(ANN, "apply", "-f", desk.writes("use-case.yaml", case))
    desk.countersign(STEW, "approve", "--use-case", "sheet", "-n", "analytics-home", "--role",
                     "data-steward", "--rationale", "True.", "--yes")  # fmt: skip

    def release(version):
        write(desk.folder / "metrics.yaml", {"accuracy": 0.9})  # by the training
        uri = "oci://registry.example/sheet@" + samples.digest(version)
        _, done = desk.release(
            ANN, "--use-case", "analytics-home/sheet", "-n", "analytics", "--name", "sheet",
            "--version", version, "--uri", uri, "--metrics", desk.folder / "metrics.yaml",
            "--image", samples.IMAGE, "--request", "cpu=100m", "--request", "memory=64Mi",
            "--limit", "memory=64Mi")  # fmt: skip
        assert done.returncode == 0, done.stderr
        desk.served("sheet", "analytics", version)

    release("1.0")
    assert desk.count() == first
    release("2.0")
    assert desk.count() == further
    # No file, one command line, and nobody but its author.
    assert further == (0, 1, 1)


def train(folder, version):
    """What a training run leaves behind."""
    write(folder / "metrics.yaml", {"accuracy": 0.9, "auc": 0.95})
    write(folder / "parameters.yaml", {"depth": "4"})
    people = [f"{race},{status},{tp},10,10,{tp}" for race in ("black", "not-black")
              for status in ("single", "not-single") for tp in (90,)]  # fmt: skip
    (folder / "counts.csv").write_text("race,maritalStatus,tp,fp,fn,tn\n" + "\n".join(people) + "\n")
    (folder / "train.csv").write_text(f"id\n{version}\n")
    (folder / "test.csv").write_text("id\n" + "".join(f"{i}\n" for i in range(800)))
    (folder / "requirements.lock").write_text("numpy==2.1.0\n")


def git(folder):
    if (folder / ".git").exists():
        return
    folder.mkdir()
    (folder / "train.py").write_text("print()\n")
    call = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*call, *command], check=True)
    subprocess.run([*call, "archive", "-o", folder.with_suffix(".tar"), "HEAD"], check=True)


RUN = {
    "useCase": "lending/mortgage-preapproval", "name": "scorer", "code": "code",
    "repository": "https://git.example/scorer", "entryPoint": "python train.py",
    "lockFile": "requirements.lock", "runtime": "CPython 3.11", "hardware": "x86_64",
    "metrics": "metrics.yaml", "parameters": "parameters.yaml", "codeArchive": "code.tar",
    "data": [{"name": "train", "file": "train.csv", "split": "half", "seed": 7},
             {"name": "test", "file": "test.csv", "role": "Test", "split": "half", "seed": 7}],
}  # fmt: skip


def release_file(**more):
    return {"apiVersion": "cli.countersign.dev/v1", "kind": "Release", "spec": RUN | more}


def test_a_high_class_is_three_files_and_then_none(site, tmp_path):
    desk = Desk(site, tmp_path / "desk")
    first, further = told("high")
    assert first[0] <= 3 and further[0] <= 1
    case = next(yaml.safe_load_all((MORTGAGE / "use-cases.yaml").read_text()))
    desk.kubectl(DANA, "apply", "-f", desk.writes("use-case.yaml", case))
    desk.countersign(VERA, "approve", "--use-case", "mortgage-preapproval", "-n", "lending",
                     "--role", "model-validator", "--rationale", "True.", "--yes")  # fmt: skip
    desk.writes("release.yaml", release_file(
        namespace="lending-prod", counts="counts.csv", protocol="holdout",
        favorableOutcome="approved", dataSet={"name": "test", "file": "test.csv"},
        fallback={"kind": "Human", "description": "An underwriter decides."},
        serving={"replicas": 1, "template": {"spec": {"containers": [container()]}}}))  # fmt: skip
    desk.writes("repeat.yaml", release_file())

    def release(version):
        git(desk.folder / "code")
        train(desk.folder, version)
        model = ["--version", version, "--uri",
                 "oci://registry.example/scorer@" + samples.digest("scorer" + version)]  # fmt: skip
        made, done = desk.release(DANA, "-c", desk.folder / "release.yaml", *model)
        # The evidence is in; the deployment is refused until others have done their part.
        assert done.returncode != 0 and "independent-validation" in done.stderr, done.stderr
        snapshot = next(o for o in made if o["kind"] == "ReproducibilitySnapshot")
        _, repeated = desk.release(
            VERA, "-c", desk.folder / "repeat.yaml", *model, "--evidence-only",
            "--reproduction-of", snapshot["metadata"]["name"])  # fmt: skip
        assert repeated.returncode == 0, repeated.stderr
        path = write(tmp_path / "made.yaml", *made)
        for who, role in ((VERA, "model-validator"), (VICTOR, "model-validator"),
                          (ANA, "business-owner")):  # fmt: skip
            desk.countersign(who, "approve", "-f", path, "--role", role, "--rationale", "Checked.",
                             "--yes")  # fmt: skip
        desk.kubectl(DANA, "apply", "-f", path)
        desk.served("scorer", "lending-prod", version)

    release("1.0")
    assert desk.count() == first
    release("2.0")
    assert desk.count() == further
