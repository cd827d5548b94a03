"""The device that a computation runs on."""

from recon.core.errors import ReconError


def resolve_device(name: str) -> str:
    """The device that `auto` stands for here; ReconError for one that this machine lacks."""
    if name == "cpu":  # without importing torch
        return name
    import torch

    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if present[device])
    if not present[name]:
        raise ReconError(f"device {name} is not there; take device=auto or device=cpu")
    return name
