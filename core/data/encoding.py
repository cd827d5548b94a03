"""Phase labels <-> channels in [-1, 1]: one for two phases, one a phase for more.

Never grey levels: between phases 0 and 2 they would grow a false phase 1.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def count_channels(phases: int) -> int:
    """Channels that encode K phases."""
    return 1 if phases == 2 else phases


def encode(labels: "Tensor", phases: int) -> "Tensor":
    """Labels (...) as a float32 field (C, ...)."""
    import torch

    if phases == 2:
        return 2.0 * labels[None].float() - 1.0
    known = torch.arange(phases, device=labels.device).view(-1, *[1] * labels.ndim)
    return 2.0 * (labels[None] == known).float() - 1.0


def decode(field: "Tensor") -> "Tensor":
    """Field (C, ...) as uint8 labels (...): the sign, or the largest channel."""
    import torch

    if field.shape[0] == 1:
        return (field[0] > 0).to(torch.uint8)
    return field.argmax(0).to(torch.uint8)
