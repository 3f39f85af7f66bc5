"""Chains of certificates by the real openssl: authorities, those below them, what they revoke."""

import subprocess
import textwrap

CONFIG = textwrap.dedent("""\
    [ca]
    default_ca = authority
    [authority]
    database = index.txt
    serial = serial
    crlnumber = crlnumber
    new_certs_dir = .
    default_md = sha256
    default_crl_days = 30
    default_days = 30
    policy = anything
    unique_subject = no
    [anything]
    commonName = supplied
    [authorities]
    basicConstraints = critical,CA:TRUE
    keyUsage = critical,keyCertSign,cRLSign
    [people]
    basicConstraints = CA:FALSE
    keyUsage = critical,digitalSignature
    extendedKeyUsage = codeSigning
    subjectAltName = ${ENV::NAMES}
    """)


class Authority:
    def __init__(self, folder, name="bank"):
        self.folder = folder / f"authority-{name}"
        self.folder.mkdir()
        self.name = name
        (self.folder / "ca.cnf").write_text(CONFIG)
        (self.folder / "index.txt").write_text("")
        for counter in ("serial", "crlnumber"):
            (self.folder / counter).write_text("1000\n")
        self.issue(name, "email:none@invalid", extensions="authorities")

    def run(self, *arguments, names="email:none@invalid"):
        subprocess.run(["openssl", *map(str, arguments)], cwd=self.folder, check=True, timeout=60,
                       capture_output=True, env={"NAMES": names, "PATH": "/usr/bin:/bin"})  # fmt: skip

    @property
    def certificate(self):
        return self.folder / f"{self.name}.crt"

    def issue(self, name, names, *more, extensions="people"):
        """Key and certificate of `name`, as files."""
        self.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
        self.run("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr")
        by = ["-selfsign"] if name == self.name else ["-cert", self.certificate]
        self.run("ca", "-batch", "-notext", "-config", "ca.cnf", "-extensions", extensions,
                 "-keyfile", f"{self.name}.key", *by, "-in", f"{name}.csr", "-out", f"{name}.crt",
                 *more, names=names)  # fmt: skip
        return self.folder / f"{name}.key", self.folder / f"{name}.crt"

    def revocations(self, *revoked):
        """A list of what it has revoked, as a file."""
        by = ["-config", "ca.cnf", "-cert", self.certificate, "-keyfile", f"{self.name}.key"]
        for certificate in revoked:
            self.run("ca", *by, "-revoke", certificate)
        self.run("ca", *by, "-gencrl", "-out", "revoked.crl")
        return self.folder / "revoked.crl"
