"""A fitted denoiser from its safetensors file: parameters, options, material, provenance.

The header holds JSON under "recon"; nothing in the file is ever executed.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from recon.core.catalog import catalog
from recon.core.data.finite import find_nonfinite
from recon.core.data.material import Material
from recon.core.data.statistics import Statistics
from recon.core.errors import ReconError, shown
from recon.core.kinds import Denoiser
from recon.core.options import check_names, options, rule
from recon.core.storage.limits import WEIGHTS, stat_regular_file
from recon.core.weights_header import check_covariance, check_header, parse_header

FORMAT = 1
STATISTICS = "statistics."
COVARIANCE = STATISTICS + "covariance."
ARRAYS = (torch.uint8, torch.int64, torch.float32, torch.float64)
"""Types of the arrays of plugins."""


@attrs.frozen
class Weights:
    """Contents of a weights file; `header` is the JSON, `sha256` that of the file."""

    path: Path
    header: dict[str, Any]
    tensors: dict[str, Tensor]
    sha256: str

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The denoiser's own tensors."""
        return {k: v for k, v in self.tensors.items() if not k.startswith(STATISTICS)}


def read(path: Path) -> Weights:
    """Read a weights file; ReconError when it is missing, damaged or of another kind."""
    if not os.path.exists(path):
        raise ReconError(f"weights {path} do not exist; give a name of `recon example --list`")
    WEIGHTS.check(
        stat_regular_file(path, "weights").st_size, f"weights {path}", "train smaller ones"
    )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError) as error:
        raise ReconError(
            f"weights {path} are damaged or no safetensors file: {error}; fetch or train them again"
        ) from None
    if "recon" not in metadata:
        raise ReconError(f"weights {path} were not written by recon; train with it")
    try:
        header = parse_header(metadata["recon"])
        if header.get("format") != FORMAT:
            raise ReconError(
                f"weights {path} are of format {shown(header.get('format'))}, this recon reads "
                f"{FORMAT}; train again or use the version that made them"
            )
        check_header(header)
        _check_statistics(header, tensors)
    except ReconError:
        raise
    except KeyError as error:
        raise ReconError(f"weights {path} lack {error}; fetch or train them again") from None
    except ValueError as error:
        raise ReconError(
            f"weights {path} have a damaged header: {error}; fetch or train them again"
        ) from None
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Weights(path, header, tensors, digest)


def load(weights: Weights, name: str | None, given: dict[str, Any], device: str) -> Denoiser:
    """The denoiser of a weights file, with the given options for what training left open.

    name    refuse weights of another denoiser
    device  where its parameters go
    """
    kind = weights.header["denoiser"]
    if name is not None and name != kind:
        raise ReconError(f"weights {weights.path} are of denoiser {kind!r}, not {name!r}")
    stored = weights.header["options"]
    try:
        trained = catalog().build("denoiser", kind, **stored)
    except ReconError as error:
        raise ReconError(f"weights {weights.path} cannot be used: {error}") from None
    cls = catalog().entry("denoiser", kind).cls
    check_names(cls, given)
    if broken := find_nonfinite(weights.tensors):
        raise ReconError(
            f"weights {weights.path} hold NaN or infinity in {broken}; fetch or train them again"
        )
    for key, value in given.items():
        kept = getattr(trained, key)
        if rule(options(cls)[key]).trained and _plain(value) != _plain(kept):
            raise ReconError(
                f"denoiser {kind}: {key} is {kept!r} in the weights {weights.path} and "
                f"cannot be {value!r}; train again to change it"
            )
    denoiser: Denoiser = catalog().build("denoiser", kind, **stored | given)
    denoiser.material = _material(weights)
    try:
        denoiser.restore(weights.parameters, device)
    except ReconError as error:
        raise ReconError(f"weights {weights.path} cannot be used: {error}") from None
    except (KeyError, RuntimeError) as error:
        line = str(error).splitlines()[0]
        message = f"weights {weights.path} do not fit denoiser {kind}: {line}"
        raise ReconError(message) from error
    return denoiser


def _check_statistics(header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """ValueError or KeyError unless they are what the header says."""
    phases = len(header["phases"])
    for plane in header["planes"]:
        check_covariance(plane, tuple(tensors[COVARIANCE + plane].shape), phases)
    for plugin, names in header["arrays"].items():
        for name in names:
            if tensors[name_array(plugin, name)].dtype not in ARRAYS:
                raise ValueError(f"array {name} of {plugin} must be of integers or floats")


def name_array(plugin: str, name: str) -> str:
    """The tensor that holds an array of a plugin."""
    return f"{STATISTICS}{plugin}.{name}"


def _material(weights: Weights) -> Material:
    header = weights.header
    covariance = {
        plane: weights.tensors[COVARIANCE + plane].double().numpy() for plane in header["planes"]
    }
    arrays = {
        plugin: {name: weights.tensors[name_array(plugin, name)].numpy() for name in names}
        for plugin, names in header["arrays"].items()
    }
    fractions, mean = np.array(header["fractions"]), np.array(header["mean"])
    statistics = Statistics(fractions, mean, covariance, arrays)
    z, y, x = header["voxel_size"]
    return Material(tuple(header["phases"]), (z, y, x), statistics)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
