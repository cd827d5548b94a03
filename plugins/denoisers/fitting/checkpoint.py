"""The state of a training, in one file that is whole at any time.

safetensors only: a file from a stranger can hold numbers and text, never code.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from recon.core.data.micrographs import Micrographs
from recon.core.errors import ReconError
from recon.core.storage.atomic import atomic_output

CHECKPOINT_SECONDS = 60.0
"""How often a training writes its state."""
REPORT_SECONDS = 0.5
"""How often it reports, at most."""
FORMAT = "recon training 2"


def save(
    path: Path,
    identity: dict[str, Any],
    record: dict[str, Any],
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write network, average and moments; record is what else the loop must know."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for name, parameter in network.named_parameters():
        for part, value in optimizer.state[parameter].items():
            tensors[f"{part}.{name}"] = value
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    header = {"format": FORMAT, "identity": identity, "record": record}
    with atomic_output(path, replace=True) as partial:
        try:
            safetensors.torch.save_file(tensors, partial, {"recon": json.dumps(header)})
        except safetensors.SafetensorError as error:  # it makes one of those of the system
            reason = str(error).rpartition(": ")[2]
            raise ReconError(
                f"cannot write {path}: {reason}; make room there, then resume=True"
            ) from error


def load(
    path: Path,
    identity: dict[str, Any],
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> dict[str, Any]:
    """Put the stored state back and return the record; ReconError when it is of another run."""
    header, tensors = _read(path)
    if header.get("format") != FORMAT:
        raise ReconError(f"{path} is not a checkpoint of this version; remove it to start anew")
    for name, value in identity.items():
        if header["identity"].get(name) != value:
            raise ReconError(
                f"checkpoint {path} is of another {name}: {header['identity'].get(name)}, now "
                f"{value}; resume with the same or remove it to start anew"
            )
    network.load_state_dict(_part(tensors, "network"))
    average.load_state_dict(_part(tensors, "average"))
    parts = ("step", "exp_avg", "exp_avg_sq")
    moments = {part: _part(tensors, part) for part in parts}
    for name, parameter in network.named_parameters():
        if name in moments["step"]:
            optimizer.state[parameter] = {
                part: moments[part][name] if part == "step" else moments[part][name].to(parameter)
                for part in parts
            }
    record: dict[str, Any] = header["record"]
    return record


def read_part(path: Path | None) -> str | None:
    """The part of a training that a checkpoint is of; None where there is none."""
    if path is None or not path.exists():
        return None
    return str(_read(path)[0].get("record", {}).get("part", "slices"))


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Header and tensors; ReconError when the file is damaged."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get("recon", "{}"))
            return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError, ValueError) as error:
        raise ReconError(f"checkpoint {path} cannot be read: {error}; remove it") from error


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}


def digest_of_options(values: dict[str, Any]) -> str:
    """Short hash of plain values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def digest_of_micrographs(micrographs: Micrographs) -> str:
    """Short hash of phases, sizes and pixels."""
    digest = hashlib.sha256(json.dumps(micrographs.phases).encode())
    for plane, stack in micrographs.planes.items():
        for image in stack:
            digest.update(f"{plane} {image.shape}".encode())
            digest.update(image.tobytes())
    return digest.hexdigest()[:16]


def digest_of_tensors(tensors: dict[str, Tensor]) -> str:
    """Short hash of names and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        values = tensors[name].detach().cpu().contiguous().reshape(-1)
        digest.update(values.view(torch.uint8).numpy().tobytes())  # numpy has no bfloat16
    return digest.hexdigest()[:16]
