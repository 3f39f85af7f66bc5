"""The image that is shipped: what is in it, whom it runs as, that it runs, and its bill of materials."""

import json
import os
import pathlib
import re
import stat
import subprocess

import locked
import pytest
import schemas
from world import BIN, ROOT

ACCOUNT = 65532
PROGRAMS = ("countersign", "countersign-operator", "countersign-webhook")


def make(folder):
    """Runs scripts/image.sh; gives the image's name as skopeo has it."""
    subprocess.run([ROOT / "scripts" / "packages.sh", ROOT / "scripts" / "packages-image.txt"], check=True)
    done = subprocess.run(
        [ROOT / "scripts" / "image.sh", folder], capture_output=True, text=True,
        env=dict(os.environ, COUNTERSIGN_BIN=str(BIN), SOURCE_DATE_EPOCH="1764400000"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    return "oci:" + done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return make(tmp_path_factory.mktemp("image"))


def inspect(image, *more):
    done = subprocess.run(["skopeo", "inspect", *more, image], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def root(image, tmp_path_factory):
    """The file system as a container engine lays it out."""
    bundle = tmp_path_factory.mktemp("unpacked") / "bundle"
    subprocess.run(["umoci", "unpack", "--rootless", "--image", image.removeprefix("oci:"), bundle],
                   check=True, capture_output=True)  # fmt: skip
    return bundle / "rootfs"


def test_it_runs_as_nobody_and_says_what_it_is(image):
    version = subprocess.run([BIN / "countersign", "version", "-o", "json"], capture_output=True, text=True)
    config = inspect(image, "--config")
    assert config["config"]["User"] == f"{ACCOUNT}:{ACCOUNT}" and config["os"] == "linux"
    assert config["config"]["Env"] == ["PATH=/usr/bin"]
    labels = config["config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == json.loads(version.stdout)["version"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert config["created"] == "2025-11-29T07:06:40Z"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", inspect(image)["Digest"])


def loaded_by(path):
    done = subprocess.run(["readelf", "-d", path], capture_output=True, text=True)
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", done.stdout))


def test_it_holds_what_the_programs_need_and_nothing_else(root):
    files = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir() or path.is_symlink()}
    libraries = {name for name in files if ".so" in name}
    documents = {name for name in files if name.startswith(("usr/share/doc/", "usr/share/sbom/"))}
    programs = {f"usr/bin/{name}" for name in (*PROGRAMS, "kubectl-countersign")}
    accounts = {"etc/passwd", "etc/group", "etc/nsswitch.conf"}
    assert files == libraries | documents | programs | accounts
    needed = set().union(*(loaded_by(root / name) for name in programs | libraries))
    assert {pathlib.Path(name).name for name in libraries} == needed
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        assert not mode & (stat.S_ISUID | stat.S_ISGID), path
        assert path.is_symlink() or not mode & stat.S_IWOTH, path
    assert not [name for name in files if re.search(r"/(ba|da|a)?sh$|busybox|apt|dpkg", name)]


def inside(root, *command, **more):
    """Runs a command with the image's file system for its root, as the image's account if we may."""
    enter = ["chroot", f"--userspec={ACCOUNT}:{ACCOUNT}"] if os.geteuid() == 0 else \
        ["unshare", "--map-root-user", "chroot"]  # fmt: skip
    return subprocess.run([*enter, root, *command], capture_output=True, text=True,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, **more)  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_run_in_it(root, program):
    for path in (root, *root.parents):  # pytest's folders are for their owner alone
        if path.owner() == pathlib.Path.home().owner() and "pytest" in str(path):
            path.chmod(path.stat().st_mode | 0o555)
    done = inside(root, f"/usr/bin/{program}", "--help")
    assert done.returncode == 0 and "Usage" in done.stdout, done.stderr


def test_it_judges_manifests(root):
    manifests = (ROOT / "examples" / "mortgage" / "manifests" / "policy.yaml").read_text()
    done = inside(root, "/usr/bin/kubectl-countersign", "check", "-f", "-", input=manifests)
    assert done.returncode in (0, 2) and "error while loading" not in done.stderr
    assert "no ModelDeployment" in done.stdout + done.stderr, done


def test_equal_inputs_give_the_same_image(image, tmp_path):
    assert inspect(make(tmp_path))["Digest"] == inspect(image)["Digest"]


def test_the_bill_of_materials_lists_all_of_it_and_is_valid(root):
    sbom = root / "usr" / "share" / "sbom"
    cyclonedx = json.loads((sbom / "countersign.cdx.json").read_text())
    assert schemas.faults("cyclonedx-1.6", cyclonedx) == []
    spdx = json.loads((sbom / "countersign.spdx.json").read_text())
    packages = {one["name"]: one for one in spdx["packages"]}
    components = {one["name"]: one for one in cyclonedx["components"]}
    assert set(packages) == set(components) | {"countersign"}
    for name, component in components.items():
        assert packages[name]["versionInfo"] == component["version"]
        installed = subprocess.run(["dpkg-query", "-W", "-f", "${Version}\n", name],
                                   capture_output=True, text=True).stdout.splitlines()  # fmt: skip
        assert component["version"] == installed[0], name
        assert (root / "usr" / "share" / "doc" / name / "copyright").stat().st_size > 0
    # Every file is accounted for, and what was compiled in too.
    named = {one["fileName"] for one in spdx["files"]}
    assert named == {f"./{path.relative_to(root)}" for path in root.rglob("*")
                     if path.is_file() and not path.is_symlink()
                     and not str(path.relative_to(root)).startswith(("usr/share", "etc/"))}  # fmt: skip
    linkage = {one["name"]: one["properties"][0]["value"] for one in cyclonedx["components"]}
    assert linkage["libssl3"] == "shared library" and linkage["nlohmann-json3-dev"] == "compiled in"
    assert {"MIT", "Zlib"} <= {one.get("licenses", [{}])[0].get("expression") for one in components.values()}


def test_the_spdx_projects_own_library_finds_no_fault(root):
    place = locked.folder(pathlib.Path(__file__).with_name("spdx_tools.lock"))
    done = subprocess.run([place / "bin" / "pyspdxtools", "-i",
                           root / "usr" / "share" / "sbom" / "countersign.spdx.json"],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_ends_in_the_same_file_system():
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    last = max(i for i, line in enumerate(lines) if line.startswith("FROM"))
    assert lines[last] == "FROM scratch"
    final = [line for line in lines[last + 1:] if line]
    assert final[0] == "COPY --from=build /rootfs /"
    assert "ENV PATH=/usr/bin" in final and f"USER {ACCOUNT}:{ACCOUNT}" in final
    assert not [line for line in final if line.startswith(("RUN", "ADD"))]
    assert "scripts/image.sh --rootfs /rootfs" in "\n".join(lines[:last])
