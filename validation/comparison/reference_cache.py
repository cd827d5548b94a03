"""What was found of micrographs is kept, so that a second comparison with them is quick.

Groups of windows and the power of the test depend on the micrographs, the shape of the volumes and
the statistics, not on the volumes. They are kept in the user's cache folder (XDG_CACHE_HOME, else
~/.cache, in recon/references) under a hash of all that they depend on, the code included. An
unreadable or missing file is made anew; with RECON_CACHE=off all is measured and nothing kept.
"""

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import attrs
import numpy as np
import xarray as xr

from recon.core.data.micrographs import Micrographs
from recon.core.errors import ReconError
from recon.core.storage.atomic import atomic_output
from recon.validation.comparison.metric_spec import MetricSpec
from recon.validation.comparison.power import Power
from recon.validation.comparison.sampling_error import SamplingError
from recon.validation.comparison.shipped_power import read_shipped
from recon.validation.comparison.subvolumes import MaterialStatistics

MOST = 64  # files; the oldest go first


@attrs.frozen
class ReferenceCache:
    """The place of one set of micrographs, shape of volumes and statistics; None: nothing is kept.

    key     hash of all of these and of the code
    digest  hash of the micrographs;  shape  of the volumes
    """

    folder: Path | None
    key: str
    digest: str
    shape: tuple[int, ...]

    @classmethod
    def of(
        cls,
        micrographs: Micrographs,
        shape: Sequence[int],
        specs: Sequence[MetricSpec],
        used: bool = True,
    ) -> "ReferenceCache":
        """Hash what the results depend on; 10 ms and one pass over the pixels."""
        if not used or os.environ.get("RECON_CACHE", "").lower() == "off":
            return cls(None, "", "", tuple(shape))
        of_micrographs = digest_micrographs(micrographs)
        digest = hashlib.sha256(of_micrographs.encode())
        digest.update(repr((tuple(shape), [repr(spec) for spec in specs])).encode())
        folders = {Path(__file__).parents[1]}
        folders |= {Path(inspect.getfile(type(spec.metric))).parent for spec in specs}
        for folder in sorted(folders):
            digest.update(_hash_code(folder))
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        key = digest.hexdigest()[:32]
        return cls(home / "recon" / "references", key, of_micrographs, tuple(shape))

    def recall_statistics(self, make: Callable[[], MaterialStatistics]) -> MaterialStatistics:
        """Those that were kept, or new ones, which are kept."""
        path = self._locate("statistics", "")
        if path is None:
            return make()
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
                return _read_statistics(kept)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            made = make()
            arrays = _write_statistics(made)
            self._store(path, lambda file: _save(file, arrays))
            return made

    def recall_power(
        self, limits: Mapping[tuple[str, str], float], make: Callable[[], tuple[Power, ...]]
    ) -> tuple[Power, ...]:
        """The same of the power that a test with these limits has; that of weights is shipped."""
        path = self._locate("power", repr(sorted(limits.items())))
        if path is None:
            return make()
        try:
            return tuple(Power(**one) for one in json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            made = read_shipped(self.digest, self.shape, limits) or make()
            text = json.dumps([attrs.asdict(one) | {"distances": ()} for one in made])
            self._store(path, lambda file: file.write_text(text))
            return made

    def _locate(self, what: str, more: str) -> Path | None:
        if self.folder is None:
            return None
        key = hashlib.sha256((self.key + more).encode()).hexdigest()[:32]
        return self.folder / f"{key}.{what}"

    def _store(self, path: Path, write: Callable[[Path], Any]) -> None:
        """Where there is no room or no right to write, nothing is kept."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_output(path, replace=True) as partial:
                write(partial)
            files = sorted(path.parent.iterdir(), key=lambda file: file.stat().st_mtime)
            for old in files[:-MOST]:
                old.unlink(missing_ok=True)
        except (OSError, ReconError):
            return


def digest_micrographs(micrographs: Micrographs) -> str:
    """SHA-256 of phases, voxel size and every pixel."""
    digest = hashlib.sha256(repr((micrographs.phases, micrographs.voxel_size)).encode())
    for plane, stack in micrographs.planes.items():
        for image in stack:
            digest.update(f"{plane} {image.shape}".encode())
            digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()


@cache
def _hash_code(folder: Path) -> bytes:
    """Of all Python files of a package."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()


def _save(file: Path, arrays: Mapping[str, Any]) -> None:
    with file.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def _write_statistics(statistics: MaterialStatistics) -> dict[str, Any]:
    """Arrays by name, and `header` with what tells how they belong together."""
    arrays: dict[str, Any] = {}
    names: dict[str, dict[str, Any]] = {"reference": {}, "curves": {}, "errors": {}}
    for name, value in statistics.reference.items():
        names["reference"][name] = _pack(arrays, value)
    for name, sampling in statistics.sampling_errors.items():
        names["curves"][name] = _pack(arrays, sampling.curves)
        names["errors"][name] = _pack(arrays, sampling.errors)
    rest = {
        name: [list(sampling.notes), sampling.worth]
        for name, sampling in statistics.sampling_errors.items()
    }
    header = json.dumps({"names": names, "rest": rest, "notes": list(statistics.notes)})
    return {**arrays, "header": np.array(header)}


def _read_statistics(kept: Mapping[str, Any]) -> MaterialStatistics:
    header = json.loads(str(kept["header"]))
    of = {
        kind: {name: _unpack(kept, packed) for name, packed in each.items()}
        for kind, each in header["names"].items()
    }
    errors = {
        name: SamplingError(of["curves"][name], of["errors"][name], tuple(notes), worth)
        for name, (notes, worth) in header["rest"].items()
    }
    return MaterialStatistics(of["reference"], errors, tuple(header["notes"]))


def _pack(arrays: dict[str, Any], value: xr.DataArray) -> dict[str, Any]:
    """Puts values and coordinates among the arrays; returns what names them."""

    def add(one: Any) -> str:
        arrays[key := f"a{len(arrays)}"] = np.asarray(one)
        return key

    coordinates = {
        str(name): [list(map(str, one.dims)), add(one.values), dict(one.attrs)]
        for name, one in value.coords.items()
    }
    packed = [list(map(str, value.dims)), add(value.values), dict(value.attrs)]
    return {"value": packed, "coords": coordinates, "name": value.name}


def _unpack(kept: Mapping[str, Any], packed: dict[str, Any]) -> xr.DataArray:
    dims, key, attributes = packed["value"]
    coordinates = {
        name: (tuple(along), kept[one], known)
        for name, (along, one, known) in packed["coords"].items()
    }
    return xr.DataArray(kept[key], coordinates, tuple(dims), packed["name"], attributes)
