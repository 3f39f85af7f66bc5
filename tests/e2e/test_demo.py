"""Runs `make demo`'s program as a newcomer does, and reads what it prints.

The demo checks every step itself and ends with 1 when one was not seen; here it is made sure that
it tells the whole story, and that it fails when it should.
"""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "examples" / "mortgage" / "demo.py"
# The slowest part is a first installation of the example's Python packages.
TIMEOUT_SECONDS = 600


sys.path.insert(0, str(ROOT / "tests" / "controlplane"))

import controlplane  # noqa: E402

# What the demo creates beside namespaces, and must take away from a cluster that is not its own.
CLUSTER_WIDE = (
    "namespaces,crds,clusterroles,clusterrolebindings,csr,"
    "validatingadmissionpolicies,validatingadmissionpolicybindings,"
    "validatingwebhookconfigurations,mutatingwebhookconfigurations"
)


def run(**environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["/usr/bin/python3", str(DEMO)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=TIMEOUT_SECONDS,
        env={k: v for k, v in os.environ.items() if k != "KUBECONFIG"} | environment,
    )


@pytest.fixture(scope="module")
def demo() -> subprocess.CompletedProcess:
    return run()


def test_every_step_is_seen(demo):
    assert demo.returncode == 0, demo.stdout[-3000:] + demo.stderr[-3000:]
    assert re.search(r"All \d+ steps were seen to happen\.", demo.stdout)


@pytest.mark.parametrize(
    "sentence",
    [
        "the API server authenticates all five by their certificates",
        "a policy with an unknown role is refused, with the field's path",
        "The label is the lender's decision",
        # The first model: refused for what is missing, then by its numbers.
        "[BiasTestMissing]",
        "[SnapshotMissing]",
        "[SignOffMissing]",
        "Remedy:",
        "[BiasOutOfBounds]",
        "0.763",
        # The second: passes by its numbers, then by people.
        "5 digests of data and models are the same in a second training.",
        "bias and reproducibility pass on the numbers",
        "'dan@bank.example' does not count: is a developer of the model",
        "with two independent validators and the owner behind it",
        # Serving, and what happens to it.
        "2 pods available with the approved model mounted by digest",
        "refused; version 2.0.0 serves on",
        "[SignOffForOtherRevision]",
        "on record twice, with the same id",
        "[SignerNotInRole]",
        "Governed=False",
        "no pods left, and an Event says why",
        "governed again, 2 pods available back",
        "no human was asked",
        "Where to look next",
    ],
)
def test_the_story_says(demo, sentence):
    assert sentence in " ".join(demo.stdout.split())


def test_no_colour_and_no_half_sentence_when_piped(demo):
    assert "\033" not in demo.stdout
    assert demo.stderr == ""


def test_files_that_the_end_points_to_exist(demo):
    end = demo.stdout.split("Where to look next")[1]
    paths = re.findall(r"^    (\S+[/.]\S*)", end, flags=re.MULTILINE)
    assert paths
    for path in paths:
        assert (ROOT / path).exists(), path


def test_missing_programs_are_one_clear_sentence(tmp_path):
    done = run(COUNTERSIGN_BIN=str(tmp_path))
    assert done.returncode == 1
    assert f"Cannot run the demo: {tmp_path}/countersign does not exist" in done.stdout


def test_a_cluster_that_does_not_answer_is_one_clear_sentence(tmp_path):
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        """
apiVersion: v1
kind: Config
current-context: gone
clusters: [{name: gone, cluster: {server: "https://127.0.0.1:9"}}]
contexts: [{name: gone, context: {cluster: gone, user: nobody}}]
users: [{name: nobody, user: {token: none}}]
"""
    )
    done = run(KUBECONFIG=str(kubeconfig))
    assert done.returncode == 1
    assert "Cannot run the demo: the cluster of KUBECONFIG does not answer" in done.stdout


@pytest.fixture(scope="module")
def cluster():
    with controlplane.start() as running:
        yield running


def names(cluster) -> set[str]:
    return set(cluster.run("get", CLUSTER_WIDE, "-o", "name").stdout.split())


def test_a_cluster_of_the_users_is_left_as_it_was(cluster):
    before = names(cluster)
    done = run(KUBECONFIG=str(cluster.kubeconfig))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Using the cluster of KUBECONFIG" in done.stdout
    assert names(cluster) == before


def test_a_namespace_that_is_there_already_is_not_touched(cluster):
    cluster.run("create", "namespace", "lending-prod")
    before = names(cluster)
    done = run(KUBECONFIG=str(cluster.kubeconfig))
    assert done.returncode == 1
    assert "has a namespace 'lending-prod' already" in done.stdout
    assert names(cluster) == before
