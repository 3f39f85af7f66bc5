"""Certificates of one test control plane, made with the openssl program."""

import dataclasses
import hashlib
import pathlib
import subprocess

DAYS = "30"


@dataclasses.dataclass(frozen=True)
class Pair:
    certificate: pathlib.Path
    key: pathlib.Path


def file_name(name, groups=()):
    """A name for files: accounts may hold any character."""
    digest = hashlib.sha256("\n".join([name, *sorted(groups)]).encode()).hexdigest()[:8]
    return "".join(c if c.isalnum() else "-" for c in name) + "-" + digest


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """A CA in a folder. ECDSA P-256, but for the service accounts' key, which must be RSA here."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.certificate = self.folder / "ca.crt"
        self.key = self.folder / "ca.key"
        self._key(self.key)
        _openssl(
            "req", "-x509", "-new", "-key", self.key, "-out", self.certificate, "-days", DAYS,
            "-subj", "/CN=controlplane-ca",
        )  # fmt: skip

    @staticmethod
    def _key(path):
        _openssl(
            "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path
        )

    def _sign(self, stem, subject, extensions):
        pair = Pair(self.folder / f"{stem}.crt", self.folder / f"{stem}.key")
        if pair.certificate.exists():
            return pair
        self._key(pair.key)
        request, config = self.folder / f"{stem}.csr", self.folder / f"{stem}.cnf"
        config.write_text(extensions)
        _openssl("req", "-new", "-utf8", "-key", pair.key, "-out", request, "-subj", subject)
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
            "-CAcreateserial", "-days", DAYS, "-extfile", config, "-out", pair.certificate,
        )  # fmt: skip
        return pair

    def server(self, name, names):
        entries = ",".join(("IP:" if n[0].isdigit() else "DNS:") + n for n in names)
        return self._sign(
            f"server-{name}", f"/CN={name}", f"extendedKeyUsage=serverAuth\nsubjectAltName={entries}\n"
        )

    def client(self, name, groups=()):
        subject = "".join(f"/O={_escape(g)}" for g in groups) + f"/CN={_escape(name)}"
        return self._sign(
            f"client-{file_name(name, groups)}", subject, "extendedKeyUsage=clientAuth\n"
        )

    def service_account_key(self):
        path = self.folder / "sa.key"
        if not path.exists():
            _openssl("genrsa", "-out", path, "2048")
        return path


def _escape(text):
    return text.replace("\\", "\\\\").replace("/", "\\/").replace("+", "\\+")
