"""Where bfloat16 is faster than float32.

PyTorch computes bfloat16 on any CPU, but without instructions for it by conversion, in part one
number at a time: with AVX2 alone a pass of the network takes 15 times as long as in float32.
"""

from collections.abc import Mapping
from typing import Any

import torch

INSTRUCTIONS = ("avx512_bf16", "amx_bf16")


def fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is worth while: a CUDA device, or a CPU with instructions for it.

    False where PyTorch does not tell (older versions) and on ARM, where it was not measured.
    """
    if device.type == "cpu":
        capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        return any(bool(capabilities.get(name)) for name in INSTRUCTIONS)
    return device.type == "cuda"
