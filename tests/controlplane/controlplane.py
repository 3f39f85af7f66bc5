#!/usr/bin/python3
"""A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager,
scheduler, and kwok for one node, so that Pods run and Deployments become Available.

As a module: `with controlplane.start() as cluster: cluster.run("get", "nodes")`. Several instances
run side by side on free ports. As a program: `controlplane.py run -- COMMAND` runs COMMAND with
KUBECONFIG set; `controlplane.py up` keeps one until interrupted. Everything of an instance lives in
one temporary folder; its processes end with the process that started them, however that ends.
"""

import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import ssl

import certificates

HERE = pathlib.Path(__file__).resolve().parent
STARTUP_SECONDS = 60  # takes about ten; a machine busy with a build takes longer
PORT_TRIES = 3
PREFIX = "countersign-controlplane-"
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # loaded before any fork: a child of a threaded parent must not load


class StartError(Exception):
    """One sentence for the person who ran the command."""


def _die_with_parent():
    # Runs in the child: the kernel ends it when the thread that started it is gone, kill -9 included.
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    """A port that nobody listens on, below the range from which the kernel picks for outgoing
    connections: one from that range could be gone before it is used, or during a restart."""
    try:
        ephemeral = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]
        last = int(ephemeral) - 1
    except OSError:
        last = 32767
    first = 20000 if last > 21000 else 1024
    for port in random.sample(range(first, last + 1), min(100, last - first)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise StartError(f"no free port between {first} and {last} on 127.0.0.1")


def assets():
    """The folder with the programs; finds, fetches or builds them (install.sh)."""
    named = os.environ.get("COUNTERSIGN_ASSETS")
    if named:
        return pathlib.Path(named)
    done = subprocess.run(["bash", HERE / "install.sh"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise StartError("the programs of the control plane are not there (see above)")
    return pathlib.Path(done.stdout.strip().splitlines()[-1])


def wait_until(condition, what, seconds=STARTUP_SECONDS):
    """Polls `condition` until it gives something true, and gives that."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def sweep():
    """Removes the folders of instances whose process is gone."""
    for folder in pathlib.Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with contextlib.suppress(OSError, ValueError):
            owner = int((folder / "owner").read_text())
            try:
                os.kill(owner, 0)
            except ProcessLookupError:
                shutil.rmtree(folder, ignore_errors=True)


class ControlPlane:
    """One instance. `kubeconfig` is the administrator's; `audit_log` is a file of JSON lines."""

    def __init__(self, workloads=True, apiserver=()):
        self.workloads = workloads  # controller manager, scheduler and kwok too
        self.apiserver_more = apiserver  # further flags of the API server
        self.assets = assets()
        self.kubectl = self.assets / "kubectl"
        self.folder = None
        self.processes = {}

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def start(self):
        sweep()
        for attempt in range(PORT_TRIES):
            try:
                self._start()
                return self
            except _PortTaken:
                self.stop()
                if attempt == PORT_TRIES - 1:
                    raise StartError("no free port could be kept; try again") from None
            except BaseException:
                self.stop()
                raise
        return self

    def _start(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX))
        (self.folder / "owner").write_text(str(os.getpid()))
        self.audit_log = self.folder / "audit.log"
        self.authority = certificates.Authority(self.folder / "pki")
        self.port = free_port()
        self.server = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = self.user("kubernetes-admin", ["system:masters"])
        self._etcd()
        self._apiserver()
        if self.workloads:
            self._workloads()

    def _spawn(self, name, *arguments):
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [self.assets / name, *map(str, arguments)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def log(self, name, lines=15):
        text = (self.folder / f"{name}.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _await(self, name, condition, what, seconds=STARTUP_SECONDS):
        def alive_and_ready():
            for needed in ("etcd", name):  # without etcd all others wait in silence
                if self.processes[needed].poll() is not None:
                    if "address already in use" in self.log(needed, 50):
                        raise _PortTaken
                    raise StartError(f"{needed} ended while starting:\n{self.log(needed)}")
            return condition()

        try:
            wait_until(alive_and_ready, what, seconds)
        except TimeoutError as e:
            raise StartError(f"{e}; the end of its log:\n{self.log(name)}") from None

    def _etcd(self):
        self.etcd_port, peer = free_port(), free_port()
        self.etcd_arguments = (
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{self.etcd_port}",
            f"--advertise-client-urls=http://127.0.0.1:{self.etcd_port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
        )
        self._spawn("etcd", *self.etcd_arguments)

    def _apiserver(self):
        pki = self.authority
        server = pki.server("kube-apiserver", ["127.0.0.1", "127.96.0.1", "localhost"])
        account = pki.service_account_key()
        self.apiserver_arguments = (
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--tls-cert-file={server.certificate}",
            f"--tls-private-key-file={server.key}",
            f"--client-ca-file={pki.certificate}",
            f"--service-account-issuer={self.server}",
            f"--service-account-key-file={account}",
            f"--service-account-signing-key-file={account}",
            "--authorization-mode=RBAC",
            # Without an address of its own it would look for the machine's, which may have no network.
            "--advertise-address=192.0.2.1",
            "--endpoint-reconciler-type=none",
            # Nothing carries the traffic of Services: what is sent to one must not leave the machine.
            "--service-cluster-ip-range=127.96.0.0/24",
            "--allow-privileged=true",
            f"--audit-log-path={self.audit_log}",
            f"--audit-policy-file={HERE / 'audit-policy.yaml'}",
            "--audit-log-maxsize=500",
            *self.apiserver_more,
        )
        self._spawn("kube-apiserver", *self.apiserver_arguments)
        self._await("kube-apiserver", self.ready, "the API server to be ready")

    def ready(self):
        return self._get("/readyz") is not None

    def _get(self, path):
        """The answer to the administrator, or None: far cheaper to poll than kubectl."""
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        admin = self.authority.client("kubernetes-admin", ["system:masters"])
        context.load_cert_chain(admin.certificate, admin.key)
        try:
            with urllib.request.urlopen(self.server + path, context=context, timeout=5) as answer:
                return answer.read()
        except OSError:
            return None

    def _workloads(self):
        pki = self.authority
        self._spawn(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={pki.service_account_key()}",
            f"--root-ca-file={pki.certificate}",
            f"--cluster-signing-cert-file={pki.certificate}",
            f"--cluster-signing-key-file={pki.key}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--secure-port=0",
            # Its first minute is dozens of service accounts, which the default of 20 a second delays.
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        )
        self._spawn(
            "kube-scheduler",
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
        )
        self._spawn(
            "kwok",
            f"--kubeconfig={self.kubeconfig}",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            f"--server-address=127.0.0.1:{free_port()}",
            f"--config={HERE / 'stages.yaml'}",
        )
        capacity = {"cpu": "64", "memory": "256Gi", "pods": "1000"}
        self.run(
            "apply",
            "-f",
            "-",
            input=json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "metadata": {
                        "name": "kwok-node",
                        "annotations": {"kwok.x-k8s.io/node": "fake"},
                        "labels": {"kubernetes.io/os": "linux"},
                    },
                    "status": {"allocatable": capacity, "capacity": capacity},
                }
            ),
        )
        self._await("kwok", self._node_ready, "the node to be ready")
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._await("kube-controller-manager", lambda: self._get(account), "a service account")
        self._await("kube-scheduler", lambda: True, "the scheduler")

    def _node_ready(self):
        node = json.loads(self._get("/api/v1/nodes/kwok-node") or "{}")
        conditions = node.get("status", {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def user(self, name, groups=()):
        """Path of a kubeconfig of this account, with a client certificate."""
        path = self.folder / "kubeconfigs" / f"{certificates.file_name(name, groups)}.yaml"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            pair = self.authority.client(name, groups)
            self._write_kubeconfig(
                path,
                {"client-certificate": str(pair.certificate), "client-key": str(pair.key)},
            )
        return path

    def service_account(self, namespace, name):
        """Path of a kubeconfig with a token of this service account, which must exist."""
        token = self.run("create", "token", name, "-n", namespace, "--duration=1h").stdout.strip()
        return self.token_user(f"sa-{namespace}-{name}", token)

    def token_user(self, name, token):
        """Path of a kubeconfig with a bearer token."""
        path = self.folder / "kubeconfigs" / f"token-{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        self._write_kubeconfig(path, {"token": token})
        return path

    def _write_kubeconfig(self, path, user):
        cluster = {"server": self.server, "certificate-authority": str(self.authority.certificate)}
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "c",
                    "clusters": [{"name": "c", "cluster": cluster}],
                    "users": [{"name": "u", "user": user}],
                    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                }
            )
        )
        path.chmod(0o600)

    def run(self, *arguments, user=None, input=None, check=True):
        """Runs kubectl, as the administrator or as `user` (a kubeconfig path); again, while the API
        server does not know a kind that its policies ask for (docs/troubleshooting.md), or what is
        waited for has no status yet, which kubectl wait does not take."""
        deadline = time.monotonic() + STARTUP_SECONDS
        while True:
            done = subprocess.run(
                [self.kubectl, f"--kubeconfig={user or self.kubeconfig}", *map(str, arguments)],
                input=input,
                text=True,
                capture_output=True,
                # Neither reads the caller's preferences nor leaves a cache of this instance behind.
                env=dict(os.environ, KUBECACHEDIR=str(self.folder / "kubectl"), KUBERC="off"),
            )
            early = ("failed to find resource referenced by paramKind" in done.stderr
                     or ".status.conditions accessor error: <nil>" in done.stderr)  # fmt: skip
            if not early or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr}")
        return done

    def audit_events(self):
        if not self.audit_log.exists():
            return []
        events = []
        for line in self.audit_log.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # the last line may be half written
                events.append(json.loads(line))
        return events

    def kill(self, name, sig=signal.SIGKILL):
        self.processes[name].send_signal(sig)
        if sig != signal.SIGSTOP and sig != signal.SIGCONT:
            self.processes[name].wait()

    def restart(self, name, seconds=STARTUP_SECONDS):
        arguments = {"etcd": "etcd_arguments", "kube-apiserver": "apiserver_arguments"}[name]
        self.kill(name)
        self._spawn(name, *getattr(self, arguments))
        self._await("kube-apiserver", self.ready, "the API server to be ready again", seconds)

    def stop(self):
        # The API server before etcd, so that it does not wait for it.
        for process in reversed(list(self.processes.values())):
            process.kill()
        for process in self.processes.values():
            process.wait()
        self.processes.clear()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


class _PortTaken(Exception):
    pass


def start(workloads=True, apiserver=()):
    return ControlPlane(workloads, apiserver).start()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--api-only", action="store_true", help="only etcd and the API server")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="run one until interrupted")
    runner = commands.add_parser("run", help="run a command beside one")
    runner.add_argument("argv", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with start(workloads=not arguments.api_only) as cluster:
            if arguments.command == "up":
                print(f"export KUBECONFIG={cluster.kubeconfig}", flush=True)
                signal.pause()
            argv = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
            environment = dict(
                os.environ,
                KUBECONFIG=str(cluster.kubeconfig),
                COUNTERSIGN_ASSETS=str(cluster.assets),
                PATH=f"{cluster.assets}:{os.environ['PATH']}",
            )
            return subprocess.run(argv, env=environment).returncode
    except StartError as e:
        print(f"controlplane: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
