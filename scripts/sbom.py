#!/usr/bin/python3
"""Writes what is shipped in a root file system as SPDX 2.3 and CycloneDX 1.6: our programs, the Debian
packages whose libraries lie beside them, and those whose headers or archives were compiled in.

Which headers those are the build knows (ninja's deps); which package a file is of, dpkg; licences
stand in the packages' copyright files. Equal inputs give equal bytes.
"""

import argparse
import datetime
import hashlib
import json
import logging
import os
import pathlib
import re
import shutil
import subprocess
import sys
import uuid

from debian.copyright import Copyright, MachineReadableFormatError, NotMachineReadableError

PROGRAMS = ("countersign", "countersign-operator", "countersign-webhook")
OURS = ("cli/", "lib/", "operator/", "webhook/")  # objects of these folders are in the programs
NAMESPACE = uuid.UUID("5c2f0a56-2f8f-4f0e-9a8b-1c0d7a0f1e11")
# Debian's short names of licences that SPDX calls otherwise (DEP-5, SPDX License List).
SPDX = {
    "apache-2": "Apache-2.0", "apache-2.0": "Apache-2.0", "bsd": "BSD-3-Clause",
    "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "bsl-1.0": "BSL-1.0",
    "boost-1.0": "BSL-1.0", "cc0-1.0": "CC0-1.0", "expat": "MIT", "mit": "MIT",
    "gfdl-1.3+": "GFDL-1.3-or-later", "gpl-1+": "GPL-1.0-or-later", "gpl-2": "GPL-2.0-only",
    "gpl-2+": "GPL-2.0-or-later", "gpl-2.0+": "GPL-2.0-or-later", "gpl-3": "GPL-3.0-only",
    "gpl-3+": "GPL-3.0-or-later", "isc": "ISC", "lgpl-2": "LGPL-2.0-only",
    "lgpl-2+": "LGPL-2.0-or-later", "lgpl-2.1": "LGPL-2.1-only", "lgpl-2.1+": "LGPL-2.1-or-later",
    "lgpl-3": "LGPL-3.0-only", "lgpl-3+": "LGPL-3.0-or-later", "ncsa": "NCSA", "openssl": "OpenSSL",
    "unlicense": "Unlicense", "x11": "X11", "zlib": "Zlib", "0bsd": "0BSD",
    "apache-2.0 with llvm exception": "Apache-2.0 WITH LLVM-exception",
}  # fmt: skip


def output_of(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"sbom: {' '.join(map(str, command[:4]))}: {done.stderr.strip()[:500]}")
    return done.stdout


def owners(paths):
    """Which package each file is of, by the path that it has here."""
    real = {os.path.realpath(path): path for path in paths}
    wanted = {}
    for path in real:  # a merged /usr keeps the path that the package names
        for name in (path, "/usr" + path, path.removeprefix("/usr")):
            wanted[name] = path
    done = subprocess.run(["dpkg-query", "-S", *wanted], capture_output=True, text=True)
    found = {}
    for line in done.stdout.splitlines():
        packages, _, path = line.rpartition(": ")
        if path in wanted and not line.startswith("diversion"):
            found[wanted[path]] = packages.split(",")[0].split(":")[0]
    missing = sorted(set(real) - set(found))
    if missing:
        sys.exit(f"sbom: no Debian package owns {', '.join(missing[:5])}")
    return {real[path]: package for path, package in found.items()}


def headers(build):
    """Headers outside of the repository that our objects were compiled with."""
    found, ours = set(), False
    for line in output_of("ninja", "-C", build, "-t", "deps").splitlines():
        if line and not line.startswith(" "):
            ours = line.startswith(OURS)
        elif ours and line.startswith("    /usr/"):
            found.add(line.strip())
    if not found:
        sys.exit(f"sbom: {build} has no record of headers: build it with ninja")
    return found


def archives(build):
    commands = output_of("ninja", "-C", build, "-t", "commands", *PROGRAMS)
    return set(re.findall(r"/usr/\S+\.a\b", commands))


def expression(text):
    """A licence as Debian names it, as SPDX does; what SPDX does not know is a reference."""
    parts = re.split(r"\s+(and|or)\s+", text.strip()) if "," not in text else [text.strip()]
    out = []
    for i, part in enumerate(parts):
        if i % 2:
            out.append(part.upper())
            continue
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", part).strip("-")
        out.append(SPDX.get(part.lower(), f"LicenseRef-debian-{name}"))
    return f"({' '.join(out)})" if len(out) > 1 else out[0]


def licence_of(package):
    """(expression or None, path of the copyright file)."""
    path = pathlib.Path("/usr/share/doc") / package / "copyright"
    try:
        with path.open(encoding="utf-8", errors="replace") as text:
            parsed = Copyright(text, strict=False)
        names = {one.license.synopsis for one in parsed.all_files_paragraphs()
                 if one.license and any(not glob.startswith("debian/") for glob in one.files)}  # fmt: skip
    except (MachineReadableFormatError, NotMachineReadableError):
        return None, path
    found = sorted({expression(name) for name in names if name})
    return " AND ".join(found) or None, path


class Package:
    def __init__(self, name, linkage):
        form = "${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Maintainer}\t${Homepage}\n"
        # Of several architectures that are installed the first is this machine's.
        line = output_of("dpkg-query", "-W", "-f", form, name).splitlines()[0]
        self.name, self.linkage = name, linkage
        (self.version, self.architecture, self.source, self.source_version, self.maintainer,
         self.homepage) = line.split("\t")  # fmt: skip
        self.licence, self.copyright = licence_of(name)
        release = re.search(r'^VERSION_ID="?(\d+)', pathlib.Path("/etc/os-release").read_text(), re.M)
        distro = f"&distro=debian-{release[1]}" if release else ""
        version = self.version.replace("+", "%2B").replace(":", "%3A")
        self.purl = f"pkg:deb/debian/{name.replace('+', '%2B')}@{version}?arch={self.architecture}{distro}"
        self.reference = "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def packages(root, build):
    """What lies in the file system (by package its files), then what was compiled in."""
    shared = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.relative_to(root).parts[0] in ("lib", "lib64", "usr"):
            name = "/" + str(path.relative_to(root))
            if not name.startswith(("/usr/bin/", "/usr/share/")):
                shared[name] = path
    owner = owners(shared)
    found = {name: Package(name, "shared library") for name in sorted(set(owner.values()))}
    for name in sorted(set(owners(headers(build) | archives(build)).values())):
        found.setdefault(name, Package(name, "compiled in"))
    return list(found.values()), owner


def digests(path):
    data = path.read_bytes()
    return {"SHA1": hashlib.sha1(data).hexdigest(), "SHA256": hashlib.sha256(data).hexdigest()}


def spdx(version, when, found, owner, root):
    name = f"countersign-{version}"
    references, files, relations = set(), [], []

    def relate(one, kind, other):
        relations.append({"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other})

    def package(reference, fields, licence):
        references.update(re.findall(r"LicenseRef-[A-Za-z0-9.-]+", licence or ""))
        return {"SPDXID": reference, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
                "licenseConcluded": "NOASSERTION", "licenseDeclared": licence or "NOASSERTION",
                "copyrightText": "NOASSERTION", **fields}  # fmt: skip

    ours = "SPDXRef-Package-countersign"
    listed = [package(ours, {"name": "countersign", "versionInfo": version,
                             "primaryPackagePurpose": "APPLICATION",
                             "supplier": "Organization: Countersign"}, "Apache-2.0")]  # fmt: skip
    relate("SPDXRef-DOCUMENT", "DESCRIBES", ours)
    for one in found:
        person = re.match(r"(.*) <(.*)>", one.maintainer)
        listed.append(package(one.reference, {
            "name": one.name, "versionInfo": one.version,
            "supplier": f"Organization: {person[1]} ({person[2]})" if person else "NOASSERTION",
            "sourceInfo": f"{one.linkage}; built by Debian from {one.source} {one.source_version}",
            **({"homepage": one.homepage} if one.homepage else {}),
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": one.purl}]}, one.licence))  # fmt: skip
        relate(ours, "DYNAMIC_LINK" if one.linkage == "shared library" else "STATIC_LINK", one.reference)
    of = {one.name: one.reference for one in found}
    shipped = [f"/usr/bin/{program}" for program in PROGRAMS] + sorted(owner)
    for path in shipped:
        reference = "SPDXRef-File" + re.sub(r"[^A-Za-z0-9.-]", "-", path)
        sums = digests(root / path[1:])
        files.append({"SPDXID": reference, "fileName": "." + path, "fileTypes": ["BINARY"],
                      "checksums": [{"algorithm": k, "checksumValue": v} for k, v in sums.items()],
                      "licenseConcluded": "NOASSERTION", "licenseInfoInFiles": ["NOASSERTION"],
                      "copyrightText": "NOASSERTION"})  # fmt: skip
        # What is shipped contains them all; of the Debian packages it has some files alone.
        relate(ours, "CONTAINS", reference)
        if path in owner:
            relate(reference, "OTHER", of[owner[path]])
            relations[-1]["comment"] = "a file of this Debian package"
    joined = "".join(sorted(one["checksums"][0]["checksumValue"] for one in files))
    listed[0] |= {"filesAnalyzed": True, "licenseInfoFromFiles": ["NOASSERTION"],
                  "packageVerificationCode": {
                      "packageVerificationCodeValue": hashlib.sha1(joined.encode()).hexdigest()}}  # fmt: skip
    document = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": name, "creationInfo": {"created": when, "creators": ["Tool: scripts/sbom.py"]},
        "packages": listed, "files": files, "relationships": relations,
        "hasExtractedLicensingInfos": [
            {"licenseId": one, "name": one.removeprefix("LicenseRef-debian-"),
             "extractedText": "As in /usr/share/doc/PACKAGE/copyright of the packages that name it."}
            for one in sorted(references)],
    }  # fmt: skip
    document["documentNamespace"] = f"https://countersign.dev/spdx/{name}-{identity(document)}"
    return document


def cyclonedx(version, when, found, owner, root):
    def component(one):
        sums = [{"alg": "SHA-256", "content": digests(root / path[1:])["SHA256"]}
                for path, package in sorted(owner.items()) if package == one.name]  # fmt: skip
        return {"type": "library", "bom-ref": one.purl, "name": one.name, "version": one.version,
                "purl": one.purl, "supplier": {"name": one.maintainer},
                **({"licenses": [{"expression": one.licence}]} if one.licence else {}),
                **({"hashes": sums} if len(sums) == 1 else {}),
                "properties": [{"name": "countersign:linkage", "value": one.linkage},
                               {"name": "countersign:source",
                                "value": f"{one.source} {one.source_version}"}]}  # fmt: skip

    ours = f"pkg:generic/countersign@{version}"
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX",
        "specVersion": "1.6", "version": 1,
        "metadata": {
            "timestamp": when, "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": "scripts/sbom.py"}]},
            "component": {"type": "application", "bom-ref": ours, "name": "countersign",
                          "version": version, "purl": ours,
                          "licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": [component(one) for one in found],
        "dependencies": [{"ref": ours, "dependsOn": [one.purl for one in found]}],
    }  # fmt: skip
    document["serialNumber"] = f"urn:uuid:{identity(document)}"
    return document


def identity(document):
    return uuid.uuid5(NAMESPACE, json.dumps(document, sort_keys=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, required=True, help="the root file system")
    parser.add_argument("--build", type=pathlib.Path, required=True, help="ninja's folder")
    parser.add_argument("--version", required=True)
    parser.add_argument("--licences", type=pathlib.Path, help="where to copy the copyright files")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    given = parser.parse_args()
    logging.getLogger("debian.copyright").setLevel(logging.ERROR)  # copyright files have their slips
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    when = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    found, owner = packages(given.root, given.build)
    given.out.mkdir(parents=True, exist_ok=True)
    for name, make in (("spdx", spdx), ("cdx", cyclonedx)):
        text = json.dumps(make(given.version, when, found, owner, given.root), indent=1, sort_keys=True)
        (given.out / f"countersign.{name}.json").write_text(text + "\n")
    for one in found if given.licences else ():
        target = given.licences / one.name / "copyright"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(one.copyright, target)


if __name__ == "__main__":
    main()
