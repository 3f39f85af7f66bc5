"""The chart with cert-manager's certificates: files in a volume that kubelet renews, while the API server
goes on asking. Its part is played by what it would write; `make cert-manager` runs cert-manager itself.
"""

import base64
import os
import shutil
import socket
import ssl
import subprocess

import pytest
from chart_site import CHART, SYSTEM, ChartSite
from rotation_site import ADMISSION, CONFIGURATIONS, Api, Load
from samples import HOME
from world import wait_until

SOURCE = ("--set", "tls.source=CertManager,webhook.timeoutSeconds=30")


def crd(kind):
    """As little as the API server takes."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.cert-manager.io"},
            "spec": {"group": "cert-manager.io", "scope": "Namespaced",
                     "names": {"plural": plural, "kind": kind},
                     "versions": [{"name": "v1", "served": True, "storage": True,
                                   "schema": {"openAPIV3Schema": schema}}]}}  # fmt: skip


class Volume:
    """A Secret as kubelet mounts it: files are links into `..data`, itself a link that is swapped."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir()
        self.written = 0

    def write(self, files):
        self.written += 1
        new = self.folder / f"..{self.written}"
        new.mkdir()
        for name, data in files.items():
            (new / name).write_bytes(data)
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        (self.folder / "..data_tmp").symlink_to(new.name)
        before = os.path.realpath(self.folder / "..data")
        os.replace(self.folder / "..data_tmp", self.folder / "..data")
        if self.written > 1:
            shutil.rmtree(before)


class CertManagerSite(ChartSite):
    def issue(self):
        """A certificate with a key of its own, by the authority as it is now."""
        ca = self.cluster.authority
        pair = ca.server(f"webhook-{self.volume.written}",
                         ["127.0.0.1", f"countersign-webhook.{SYSTEM}.svc"])  # fmt: skip
        return {"tls.crt": pair.certificate.read_bytes(), "tls.key": pair.key.read_bytes(),
                "ca.crt": ca.certificate.read_bytes()}  # fmt: skip

    def renew(self):
        """Writes a new certificate where the webhook reads it; returns it, PEM."""
        files = self.issue()
        self.volume.write(files)
        return files["tls.crt"].decode()

    def renew_authority(self):
        """The same key under a new certificate, in the caBundle at once; what is served stays."""
        ca = self.cluster.authority
        subprocess.run(["openssl", "req", "-x509", "-new", "-key", ca.key, "-out", ca.certificate,
                        "-days", "60", "-subj", "/CN=controlplane-ca"],
                       check=True, capture_output=True)  # fmt: skip
        shutil.copy(ca.certificate, self.folder / "injected.crt")
        self.inject()

    def inject(self):
        bundle = base64.b64encode((self.folder / "injected.crt").read_bytes()).decode()
        for plural in CONFIGURATIONS:
            path = f"{ADMISSION}{plural}/countersign"
            patch = [{"op": "replace", "path": f"/webhooks/{i}/clientConfig/caBundle", "value": bundle}
                     for i in range(len(self.api.get(path)["webhooks"]))]  # fmt: skip
            assert self.api.call("PATCH", path, patch, "application/json-patch+json")[0] == 200

    def _secret_of_ours(self):
        self.api = Api(self.cluster)
        for kind in ("Issuer", "Certificate"):
            self.apply(crd(kind))
        self.cluster.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        self.volume = Volume(self.folder / "tls")
        self.renew()
        return self.folder / "tls"

    def _apply(self, tls):
        self.helm("install", "release", CHART, *SOURCE)

    def served(self):
        context = ssl.create_default_context(cafile=str(self.folder / "tls" / "ca.crt"))
        raw = socket.create_connection(("127.0.0.1", self.port), 10)
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))


@pytest.fixture(scope="module")
def site():
    site = CertManagerSite()
    try:
        site.cluster.run("create", "namespace", HOME)
        yield site
    finally:
        site.close()


def test_files_that_are_renewed_under_load_lose_no_request(site):
    load = Load(site.cluster)
    for _ in range(3):
        before, leaf = site.served(), site.renew()
        assert leaf != before
        wait_until(lambda: site.served() == leaf, "the new certificate to be served", 60)
        answered = load.answered
        wait_until(lambda: load.answered > answered + 10, "requests after it", 60)
    assert load.stop() == [], f"of {load.answered}"


def test_an_authority_that_is_renewed_trusts_what_it_signed_before(site):
    """The bundle changes at once, the files in the Pod about a minute later."""
    load = Load(site.cluster)
    before = site.served()
    site.renew_authority()
    answered = load.answered
    wait_until(lambda: load.answered > answered + 50, "requests by the new bundle", 60)
    assert site.served() == before, "still the old files"
    leaf = site.renew()
    wait_until(lambda: site.served() == leaf, "the new certificate to be served", 60)
    answered = load.answered
    wait_until(lambda: load.answered > answered + 10, "requests after it", 60)
    assert load.stop() == [], f"of {load.answered}"
