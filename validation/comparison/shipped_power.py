"""Power that is shipped beside bundled weights: a first comparison need not measure it.

NAME.power.json stands beside NAME.safetensors. It holds the power with all that it depends on: the
SHA-256 of the micrographs, the shape of the volumes and the limits of the test. It is used where
these are the same, and for nothing else.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from recon.core.bundled import list_bundled
from recon.core.catalog import catalog
from recon.core.storage.atomic import atomic_output
from recon.validation.comparison.power import Limits, Power

SUFFIX = ".power.json"
SAME = 1e-3
"""Relative difference of limits that comes from another machine, not from another test."""


def list_shipped() -> dict[str, Path]:
    """Name of the weights -> where their power stands, or would stand."""
    return {
        name: path.with_suffix(SUFFIX)
        for denoiser in catalog().names("denoiser")
        for name, path in list_bundled(denoiser).items()
    }


def read_shipped(
    digest: str, shape: Sequence[int], limits: Limits, files: Sequence[Path] | None = None
) -> tuple[Power, ...] | None:
    """The power for these micrographs (by their digest), shape and limits; None where none is."""
    for path in list_shipped().values() if files is None else files:
        if not path.is_file():
            continue
        table = json.loads(path.read_text(encoding="utf-8"))
        if (table["micrographs"], table["shape"]) != (digest, list(shape)):
            continue
        if _agree({(name, where): limit for name, where, limit in table["limits"]}, limits):
            return tuple(Power(**one) for one in table["power"])
    return None


def write_shipped(
    path: Path, digest: str, shape: Sequence[int], limits: Limits, power: Sequence[Power]
) -> None:
    """Write what `read_shipped` reads."""
    table: dict[str, Any] = {
        "micrographs": digest,
        "shape": list(shape),
        "limits": [[*key, float(f"{limit:.6g}")] for key, limit in sorted(limits.items())],
        "power": [{**attrs.asdict(one), "distances": []} for one in power],
    }
    lines = [f'  "{key}": {json.dumps(value)}' for key, value in table.items()]
    with atomic_output(path, replace=True) as partial:
        partial.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _agree(ours: Mapping[tuple[str, str], float], theirs: Limits) -> bool:
    return ours.keys() == theirs.keys() and all(
        np.isclose(limit, theirs[key], rtol=SAME, atol=0) for key, limit in ours.items()
    )
