"""The test control plane itself: what the other tests take for granted about it."""

import base64
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import controlplane  # noqa: E402
from controlplane import wait_until  # noqa: E402


@pytest.fixture(scope="module")
def cluster():
    with controlplane.start() as started:
        yield started


def config_map(name):
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return json.dumps(manifest)


def test_a_deployment_becomes_available_and_goes(cluster):
    cluster.run("create", "deployment", "web", "--image=registry.example/web:1", "--replicas=3")
    cluster.run("wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
    cluster.run("delete", "deployment", "web", "--cascade=foreground", "--timeout=60s")
    assert cluster.run("get", "pods", "-l", "app=web", "-o", "name").stdout == ""


def test_a_user_may_do_what_a_role_grants_and_nothing_else(cluster):
    eve = cluster.user("eve@bank.example", ["readers"])
    refused = cluster.run("get", "secrets", user=eve, check=False)
    assert refused.returncode == 1
    assert 'User "eve@bank.example" cannot list resource "secrets"' in refused.stderr

    cluster.run("create", "rolebinding", "readers", "--clusterrole=view", "--group=readers")
    seen = lambda: cluster.run("get", "configmaps", user=eve, check=False).returncode == 0  # noqa: E731
    wait_until(seen, "the role to count")
    assert cluster.run("get", "secrets", user=eve, check=False).returncode == 1


@pytest.mark.parametrize(
    "name, groups",
    [
        ("ann", []),
        ("ann", ["developers", "mortgage:validators"]),
        ("o'neil/ops+1@bank.example", ["a/b", "system:masters"]),
        ("Zoë Müller", ["prüfer"]),
    ],
)
def test_a_certificate_carries_name_and_groups_as_given(cluster, name, groups):
    who = cluster.run("auth", "whoami", "-o", "json", user=cluster.user(name, groups)).stdout
    info = json.loads(who)["status"]["userInfo"]
    assert info["username"] == name
    assert sorted(info["groups"]) == sorted([*groups, "system:authenticated"])


def test_a_service_account_calls_with_a_real_token(cluster):
    cluster.run("create", "serviceaccount", "robot")
    robot = cluster.service_account("default", "robot")
    who = json.loads(cluster.run("auth", "whoami", "-o", "json", user=robot).stdout)
    assert who["status"]["userInfo"]["username"] == "system:serviceaccount:default:robot"


def test_approved_certificate_requests_are_signed(cluster, tmp_path):
    key, request = tmp_path / "key.pem", tmp_path / "request.pem"
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", key, "-out", request, "-subj", "/CN=carol"],
        check=True, capture_output=True,
    )  # fmt: skip
    manifest = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "carol"},
        "spec": {
            "request": base64.b64encode(request.read_bytes()).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
        },
    }
    cluster.run("create", "-f", "-", input=json.dumps(manifest))
    cluster.run("certificate", "approve", "carol")
    path = ("get", "csr", "carol", "-o", "jsonpath={.status.certificate}")
    issued = wait_until(lambda: cluster.run(*path).stdout, "the certificate of carol")
    (tmp_path / "crt.pem").write_bytes(base64.b64decode(issued))
    who = cluster.run(
        "auth", "whoami", "-o", "json", "--kubeconfig=/dev/null", f"--server={cluster.server}",
        f"--certificate-authority={cluster.authority.certificate}",
        f"--client-certificate={tmp_path / 'crt.pem'}", f"--client-key={key}",
    ).stdout  # fmt: skip
    assert json.loads(who)["status"]["userInfo"]["username"] == "carol"


def test_the_audit_log_has_governance_objects_with_their_bodies(cluster):
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "probes.countersign.dev"},
        "spec": {
            "group": "countersign.dev",
            "scope": "Namespaced",
            "names": {"plural": "probes", "kind": "Probe"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {"spec": {"type": "string"}},
                        }
                    },
                }
            ],
        },
    }
    cluster.run("create", "-f", "-", input=json.dumps(definition))
    cluster.run("wait", "--for=condition=Established", "crd/probes.countersign.dev")
    probe = {"apiVersion": "countersign.dev/v1", "kind": "Probe", "spec": "seen"}
    probe["metadata"] = {"name": "audited"}
    dan = cluster.user("dan", ["system:masters"])
    served = lambda: cluster.run(  # noqa: E731
        "create", "-f", "-", user=dan, input=json.dumps(probe), check=False
    ).returncode == 0  # fmt: skip
    wait_until(served, "the kind to be served")

    writes = [
        event
        for event in cluster.audit_events()
        if event.get("objectRef", {}).get("resource") == "probes" and event["verb"] == "create"
    ]
    assert [event["user"]["username"] for event in writes] == ["dan"]
    assert writes[0]["requestObject"]["spec"] == "seen"
    assert writes[0]["responseObject"]["metadata"]["uid"]


def test_two_instances_run_side_by_side(cluster):
    with controlplane.start(workloads=False) as other:
        assert other.server != cluster.server
        other.run("create", "-f", "-", input=config_map("only-there"))
        assert cluster.run("get", "configmap", "only-there", check=False).returncode == 1
        # The one does not know the other's people.
        foreign = cluster.run(
            "get", "--raw", "/version", f"--server={other.server}",
            f"--certificate-authority={other.authority.certificate}", check=False,
        )  # fmt: skip
        assert foreign.returncode == 1
        folder = other.folder
    assert not folder.exists()
    assert cluster.run("get", "namespaces").returncode == 0


def test_objects_survive_a_restart_of_the_api_server(cluster):
    cluster.run("create", "-f", "-", input=config_map("kept"))
    cluster.kill("kube-apiserver")
    assert cluster.run("get", "configmap", "kept", check=False).returncode == 1
    cluster.restart("kube-apiserver")
    assert cluster.run("get", "configmap", "kept", "-o", "name").stdout == "configmap/kept\n"


def processes_of(folder):
    """Processes that have this instance's folder on their command line or as working folder."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(folder) in line or os.readlink(process / "cwd").startswith(str(folder)):
                found.append(line.replace("\0", " "))
    return found


def test_a_killed_owner_leaves_no_process_and_no_folder():
    script = (
        f"import sys; sys.path.insert(0, {str(HERE)!r}); import controlplane;"
        "print(controlplane.start().folder, flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        ["/usr/bin/python3", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    folder = pathlib.Path(owner.stdout.readline().strip())
    assert len(processes_of(folder)) == 5
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    wait_until(lambda: not processes_of(folder), "the processes to end")
    # Nobody was left to remove the folder: the next instance does.
    controlplane.sweep()
    assert not folder.exists()


def test_a_port_that_is_taken_is_left_for_another(monkeypatch):
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        free, taken = controlplane.free_port, [squatter.getsockname()[1]]
        monkeypatch.setattr(controlplane, "free_port", lambda: taken.pop() if taken else free())
        with controlplane.start(workloads=False) as started:
            assert started.port != squatter.getsockname()[1]
            assert started.run("get", "namespaces").returncode == 0


def test_what_keeps_it_from_starting_is_said_with_the_log(monkeypatch, tmp_path):
    for name in ("etcd", "kube-apiserver", "kubectl"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho cannot go on because of moths >&2\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("COUNTERSIGN_ASSETS", str(tmp_path))
    with pytest.raises(controlplane.StartError, match="(?s)etcd ended.*because of moths"):
        controlplane.start(workloads=False)


def test_run_gives_a_command_its_cluster_and_passes_its_exit_code_on():
    command = 'test "$(kubectl get namespace default -o name)" = namespace/default && exit 7'
    done = subprocess.run(
        ["/usr/bin/python3", HERE / "controlplane.py", "--api-only", "run", "--", "sh", "-c", command]
    )
    assert done.returncode == 7
