"""Makes seeds for a fuzz target of files that hold many objects, one a file: a fuzzer cuts what is longer
than its longest input, and what is cut is seldom still an object. Called by CMakeLists.txt.

split_seeds.py FOLDER FILE…   FOLDER is made anew"""

import json
import pathlib
import shutil
import sys
import textwrap

import yaml


def text_of(text, node):
    """A node as it is written."""
    part = text[node.start_mark.index : node.end_mark.index].rstrip() + "\n"
    return textwrap.dedent(" " * node.start_mark.column + part)


def member(node, key):
    """Of a mapping; None of anything else."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def objects(node):
    """A document is one object, or a list of cases, whose `object` is one if they have such."""
    cases = node if isinstance(node, yaml.SequenceNode) else member(node, "cases")
    if not isinstance(cases, yaml.SequenceNode):
        return [node]
    return [member(case, "object") or case for case in cases.value]


def of_yaml(text):
    for document in yaml.compose_all(text):
        for node in objects(document):
            part = text_of(text, node)
            whole = yaml.SafeLoader("").construct_document(node)
            assert yaml.safe_load(part) == whole, f"is not by itself what it is in its file:\n{part}"
            yield part


def of_json(text):
    """Of a list its members; of an object those of its lists."""
    found = json.loads(text)
    for one in found.values() if isinstance(found, dict) else [found]:
        yield from map(json.dumps, one if isinstance(one, list) else [one])


def main(folder, *files):
    shutil.rmtree(folder, ignore_errors=True)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    for file in map(pathlib.Path, files):
        text = file.read_text()
        parts = list(of_json(text) if file.suffix == ".json" else of_yaml(text))
        for number, part in enumerate(parts):
            (folder / f"{file.stem}-{number:03}{file.suffix}").write_text(part)


if __name__ == "__main__":
    main(*sys.argv[1:])
