"""A control plane with the chart installed by helm, and the programs under the chart's accounts.

There is no kubelet that would run Pods: the programs run beside the API server with the arguments
that the chart gives them, tokens of its service accounts and the files of its Secrets. The webhook
entries are pointed at a URL, because nothing carries traffic of Services here.
"""

import base64
import json
import pathlib
import subprocess

import controlplane
import yaml
from world import BIN, ROOT, Installation, Program, run, wait_until

CHART = ROOT / "charts" / "countersign"
SYSTEM = "countersign-system"
HELM = controlplane.assets() / "helm"


def helm(*arguments, check=True, kubeconfig=None):
    more = ["--kubeconfig", kubeconfig] if kubeconfig else []
    done = subprocess.run([HELM, *map(str, arguments), *map(str, more)],
                          capture_output=True, text=True)  # fmt: skip
    if check:
        assert done.returncode == 0, f"helm {arguments}: {done.stderr[:2000]}"
    return done


def rendered(*arguments):
    """Objects of the chart by kind and name."""
    text = helm("template", "release", CHART, "-n", SYSTEM, *arguments).stdout
    return by_name(yaml.safe_load_all(text))


def by_name(objects):
    return {(o["kind"], o["metadata"]["name"]): o for o in objects if o}


def installed(folder=None):
    """What `countersign install` prints for the Service that the chart makes; with an authority of the
    administrator's where there is a folder to keep it in."""
    more = []
    if folder:
        (folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
        more = ["--ca-file", folder / "ca.pem"]
    done = subprocess.run(
        [BIN / "countersign", "install", "--crds", "-n", SYSTEM, "--service",
         f"{SYSTEM}/countersign-webhook", *more, "-o", "json"],
        capture_output=True, text=True, check=True)  # fmt: skip
    return by_name(json.loads(done.stdout)["items"])


def arguments_of(deployment):
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return container["args"]


class ChartSite(Installation):
    """With certificates of an administrator's, or (`built_in`) those of the built-in authority, which
    need the operator."""

    values = ()  # more arguments for helm

    def __init__(self, *arguments, built_in=False, **more):
        self.built_in = built_in
        super().__init__(*arguments, **more)

    def _install(self, operator):
        c = self.cluster
        self.folder = c.folder
        c.run("create", "namespace", SYSTEM)
        self._apply(None if self.built_in else self._secret_of_ours())
        c.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        self.key = self._secret("countersign-stamp-key", "key.pem")
        self.port = getattr(self, "port", None) or controlplane.free_port()
        self.start_webhook()
        self.point()
        self.operator = None
        if operator:
            self.start_operator()
        self._await_admission()

    def _apply(self, tls):
        """Installs, with the certificates in the folder `tls` or with the built-in authority."""
        own = ["--set", "tls.source=Secret,tls.existingSecret=webhook-cert",
               "--set-file", f"tls.caBundle={tls / 'ca.crt'}"] if tls else []  # fmt: skip
        self.helm("install", "release", CHART, *own, *self.values)

    def helm(self, *arguments, check=True):
        return helm(*arguments, "-n", SYSTEM, check=check, kubeconfig=self.cluster.kubeconfig)

    def _certificates(self):
        """As an administrator brings them, for the names that the webhook has here and there."""
        tls = self.folder / "tls"
        tls.mkdir()
        pair = self.cluster.authority.server(
            "webhook", ["127.0.0.1", f"countersign-webhook.{SYSTEM}.svc"])  # fmt: skip
        (tls / "tls.crt").write_bytes(pathlib.Path(pair.certificate).read_bytes())
        (tls / "tls.key").write_bytes(pathlib.Path(pair.key).read_bytes())
        (tls / "ca.crt").write_bytes(pathlib.Path(self.cluster.authority.certificate).read_bytes())
        return tls

    def _secret_of_ours(self):
        tls = self._certificates()
        self.cluster.run("create", "secret", "tls", "webhook-cert", "-n", SYSTEM,
                         f"--cert={tls / 'tls.crt'}", f"--key={tls / 'tls.key'}")  # fmt: skip
        return tls

    def _secret(self, name, key):
        done = self.cluster.run("get", "secret", name, "-n", SYSTEM, "-o", "json")
        path = self.folder / key
        path.write_bytes(base64.b64decode(json.loads(done.stdout)["data"][key]))
        return path

    def point(self, where="url"):
        """Points the webhook entries at the program here, or back at the Service."""
        for kind, path in (("mutating", "/mutate/v1"), ("validating", "/validate/v1")):
            kind += "webhookconfiguration"
            found = json.loads(self.cluster.run("get", kind, "countersign", "-o", "json").stdout)
            patch = []
            for i, webhook in enumerate(found["webhooks"]):
                entry = "/guard/v1" if webhook["name"].endswith("guard.countersign.dev") else path
                target = f"https://127.0.0.1:{self.port}{entry}"
                if where == "service":
                    target = {"namespace": SYSTEM, "name": "countersign-webhook", "path": entry,
                              "port": 443}  # fmt: skip
                config = f"/webhooks/{i}/clientConfig"
                patch += [{"op": "remove", "path": f"{config}/{key}"} for key in ("url", "service")
                          if key in webhook["clientConfig"]]  # fmt: skip
                patch.append({"op": "add", "path": f"{config}/{where}", "value": target})
                if not self.built_in and "caBundle" not in webhook["clientConfig"]:  # as whoever injects it would
                    ca = (self.folder / "tls" / "ca.crt").read_bytes()
                    patch.append({"op": "add", "path": f"{config}/caBundle",
                                  "value": base64.b64encode(ca).decode()})  # fmt: skip
            self.cluster.run("patch", kind, "countersign", "--type=json", "-p", json.dumps(patch))

    def tell_operator(self, where="url"):
        """The same of what the operator's Deployment says, for who judges the entries by it."""
        done = self.cluster.run("get", "deployment", "countersign-operator", "-n", SYSTEM, "-o", "json")
        told = {"url": f"--webhook-url=https://127.0.0.1:{self.port}",
                "service": f"--webhook-service={SYSTEM}/countersign-webhook"}  # fmt: skip
        [at] = [i for i, one in enumerate(arguments_of(json.loads(done.stdout)))
                if one.startswith(("--webhook-url=", "--webhook-service="))]  # fmt: skip
        patch = {"op": "replace", "path": f"/spec/template/spec/containers/0/args/{at}", "value": told[where]}
        self.cluster.run("patch", "deployment", "countersign-operator", "-n", SYSTEM, "--type=json",
                         "-p", json.dumps([patch]))  # fmt: skip

    def _arguments(self, program, replaced, more=()):
        """The chart's arguments of a program, with what differs outside of a Pod replaced, and more
        that the chart leaves to the programs' defaults."""
        done = self.cluster.run("get", "deployment", program, "-n", SYSTEM, "-o", "json")
        flags = dict(one.split("=", 1) for one in arguments_of(json.loads(done.stdout)))
        assert set(replaced) <= set(flags), "the chart gives no such argument"
        account = self.cluster.service_account(SYSTEM, program)
        flags |= replaced | dict(one.split("=") for one in more)
        return [f"{flag}={value}" for flag, value in flags.items() if value is not None] + [f"--kubeconfig={account}"]

    def webhook_arguments(self, port, *more):
        replaced = {"--listen": f"127.0.0.1:{port}", "--probe-listen": "127.0.0.1:0",
                    "--tls-name": "127.0.0.1", "--stamp-key": self.key, "--drain-seconds": "0"}  # fmt: skip
        if not self.built_in:
            tls = self.folder / "tls"
            replaced |= {"--tls-cert": tls / "tls.crt", "--tls-key": tls / "tls.key"}
        return self._arguments("countersign-webhook", replaced, more)

    def webhook_program(self, port, *more):
        return Program(self.folder, "countersign-webhook", *self.webhook_arguments(port, *more))

    def start_webhook(self, *more):
        self.webhook = self.webhook_program(self.port, *more)
        self.webhook.await_log("serving admission reviews")
        self.probe_port = self.webhook.field("serving admission reviews", "probePort")

    def start_operator(self, *more):
        self.operator = Program(self.folder, "countersign-operator", *self._arguments(
            "countersign-operator",
            {"--probe-listen": "127.0.0.1:0", "--stamp-key": self.key, "--webhook-service": None},
            (f"--webhook-url=https://127.0.0.1:{self.port}", *more)))  # fmt: skip


__all__ = ["BIN", "CHART", "HELM", "ROOT", "SYSTEM", "ChartSite", "arguments_of", "by_name", "helm", "installed",
           "rendered", "run", "wait_until"]
