"""A fitted denoiser as one safetensors file, which core.weights reads."""

import json
from typing import Any

import torch
from safetensors.torch import save as serialized

from recon.core.catalog import catalog
from recon.core.data.finite import find_nonfinite
from recon.core.errors import ReconError
from recon.core.kinds import Denoiser
from recon.core.options import options, rule, values
from recon.core.weights import COVARIANCE, FORMAT, name_array


def pack_weights(denoiser: Denoiser, provenance: dict[str, Any]) -> bytes:
    """The content of a file of weights."""
    material = denoiser.material
    if material is None:
        raise ReconError(f"denoiser {denoiser.name} has learnt nothing yet; train it first")
    declared = {name: rule(field) for name, field in options(type(denoiser)).items()}
    entry = catalog().entry("denoiser", denoiser.name)
    trained = {k: v for k, v in values(denoiser).items() if declared[k].trained}
    header = {
        "format": FORMAT,
        "denoiser": denoiser.name,
        "plugin": {"package": entry.package, "version": entry.version},
        "options": trained,
        "phases": material.phases,
        "voxel_size": material.voxel_size,
        "fractions": material.statistics.fractions.tolist(),
        "mean": material.statistics.mean.tolist(),
        "planes": list(material.statistics.covariance),
        "arrays": {plugin: list(each) for plugin, each in material.statistics.arrays.items()},
        "provenance": provenance,
    }
    covariance = {
        COVARIANCE + plane: torch.as_tensor(values, dtype=torch.float32)
        for plane, values in material.statistics.covariance.items()
    }
    arrays = {
        name_array(plugin, name): torch.from_numpy(array.copy())
        for plugin, each in material.statistics.arrays.items()
        for name, array in each.items()
    }
    tensors = {k: v.detach().cpu().contiguous() for k, v in denoiser.tensors().items()}
    if name := find_nonfinite(tensors):
        raise ReconError(
            f"training diverged: {name} of the weights of denoiser {denoiser.name} holds NaN or "
            "infinity, so the file is not written; begin anew with a lower learning rate"
        )
    return serialized(tensors | covariance | arrays, {"recon": json.dumps(header)})
