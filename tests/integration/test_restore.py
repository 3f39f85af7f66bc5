"""A cluster that is made again from a back-up of its objects, by the commands of
docs/operations/backup-and-restore.md."""

import json
import os
import re
import shutil
import subprocess

import samples as s
from lending import account, admit_people, give_evidence, govern
from samples import DANA, DEV, HOME, PROD, QA
from world import ROOT, Installation, wait_until

PAGE = (ROOT / "docs" / "operations" / "backup-and-restore.md").read_text()


def commands(containing):
    """The page's commands, the one block of them that does this."""
    blocks = re.findall(r"^( *)```\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    [found] = [text for _, text in blocks if containing in text]
    return "\n".join(line for line in found.splitlines() if "get secret" not in line)


def run_page(containing, folder, cluster):
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    if not (programs / "kubectl").exists():
        (programs / "kubectl").symlink_to(cluster.kubectl)
    environment = dict(os.environ, KUBECONFIG=str(cluster.kubeconfig),
                       PATH=f"{programs}:{os.environ['PATH']}")  # fmt: skip
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands(containing)], cwd=folder,
                          env=environment, capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


class Restored(Installation):
    """With the objects and the key of before, in the order of the page."""

    def __init__(self, backup):
        self.backup = backup
        super().__init__(operator=True)

    def start_webhook(self, *more):
        if not hasattr(self, "port"):
            shutil.copy(self.backup / "key.pem", self.key)
            for namespace in (HOME, DEV, QA, PROD):
                self.cluster.run("create", "namespace", namespace)
            run_page("kubectl create -f -", self.backup, self.cluster)
        super().start_webhook(*more)


def await_allow(site, name):
    def verdict():
        found = site.cluster.run("get", "mdeploy", name, "-n", PROD, "-o", "json", check=False)
        return json.loads(found.stdout or "{}").get("status", {}).get("verdict")

    wait_until(lambda: verdict() == "Allow", f"{name} to be allowed")


def test_what_a_back_up_of_objects_brings_back_counts_as_before(tmp_path):
    before = Installation(operator=True)
    try:
        govern(before)
        mdeploy = give_evidence(before, "credit", "m1")
        before.apply(mdeploy, user=account(before, DANA))
        await_allow(before, "scorer")
        shutil.copy(before.key, tmp_path / "key.pem")
        run_page("> objects.json", tmp_path, before.cluster)
    finally:
        before.close()

    # Whoever writes into the gap, or into the back-up, gives no evidence by it.
    objects = json.loads((tmp_path / "objects.json").read_text())
    forged = next(o for o in objects["items"] if o["kind"] == "SignOff")
    forged = {**forged, "metadata": {"name": "forged", "namespace": forged["metadata"]["namespace"]}}
    objects["items"].append(forged)
    (tmp_path / "objects.json").write_text(json.dumps(objects))

    after = Restored(tmp_path)
    try:
        admit_people(after)
        await_allow(after, "scorer")

        def unstamped():
            found = after.cluster.run(
                "get", "signoffs,biastests,reproducibilitysnapshots,evidence,waivers", "-A",
                "-o", "json")  # fmt: skip
            return {o["metadata"]["name"] for o in json.loads(found.stdout)["items"]
                    for c in o.get("status", {}).get("conditions", [])
                    if c["reason"] in ("NotStamped", "StampInvalid")}  # fmt: skip

        wait_until(lambda: "forged" in unstamped(), "what was forged to be told")
        assert unstamped() == {"forged"}
    finally:
        after.close()
