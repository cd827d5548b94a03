"""What a command has left in a folder: what stands under final names, and litter.

No script: kill.py and surroundings.py judge with it.
"""

import csv
import hashlib
import json
import struct
from pathlib import Path

DATED = ("seconds", "worker")
"""Columns of tables that say how long something took, and where."""


Outputs = dict[str, dict[str, str]]
"""Name of an output -> its files, or the rows of a table -> a hash of what each holds."""


def final(folder: Path) -> Outputs:
    """Outputs under final names.

    A zarr store is one output. What begins with a dot, and a checkpoint, are no outputs.
    """
    results: Outputs = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix == ".checkpoint":
            continue
        if path.suffix == ".csv":
            results[path.name] = {f"row {n}": row for n, row in enumerate(_rows(path))}
        elif path.is_file():
            results[path.name] = {"": _digest(path)}
        elif path.suffix == ".zarr":
            files = [file for file in sorted(path.rglob("*")) if file.is_file()]
            results[path.name] = {str(file.relative_to(path)): _digest(file) for file in files}
        else:
            inner = final(path)
            results |= {f"{path.name}/{name}": files for name, files in inner.items()}
    return results


def litter(folder: Path) -> list[str]:
    """Files and folders that are no outputs."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.name.startswith(".") or path.suffix == ".checkpoint"
    ]


def times(folder: Path) -> dict[str, int]:
    """When each output of a folder was made."""
    results = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            results[str(name)] = path.stat().st_mtime_ns
    return results


def _rows(path: Path) -> list[str]:
    """The rows of a table, which grows in a sweep, without what is dated."""
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [json.dumps({k: v for k, v in row.items() if k not in DATED}) for row in rows]


def _digest(path: Path) -> str:
    """Of what does not depend on the moment at which the file was written, nor on its folder."""
    return hashlib.sha256(_timeless(path)).hexdigest()


def _timeless(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".safetensors":
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        told = json.loads(header["__metadata__"]["recon"])
        for key in ("seconds", "volume_seconds"):
            told["provenance"].pop(key, None)
        header["__metadata__"] = told
        return json.dumps(header, sort_keys=True).encode() + content[8 + length :]
    if path.name.endswith(".card.json"):  # of weights, whose hash depends on the seconds in them
        return json.dumps(json.loads(content) | {"sha256": None}, sort_keys=True).encode()
    if path.suffix in (".toml", ".json", ".html"):  # they name the folder of the run
        return content.replace(str(_trial(path)).encode(), b"")
    return content


def _trial(path: Path) -> Path:
    """The folder in which the command was started: named trial or unbroken."""
    return next(p for p in path.absolute().parents if p.name.startswith(("trial", "unbroken")))
