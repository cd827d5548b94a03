"""Arithmetic and memory of a computation, found without doing it, on tensors without values."""

import weakref
from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count


@attrs.frozen
class Cost:
    """flop  multiplications and additions of matrix products and convolutions;  peak  bytes"""

    flop: int
    peak: int


def _count_attention(
    query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...], *_: Any, **__: Any
) -> int:
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


ON_CPU = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _count_attention}
"""What torch's counter leaves out."""


def trace(function: Callable[[Tensor], Any], shape: tuple[int, ...]) -> Cost | None:
    """Cost of a function of one float32 tensor; None when it does not run without values.

    The peak is of the tensors alone; kernels take working memory beside.
    """
    counter, peak = FlopCounterMode(display=False, custom_mapping=ON_CPU), _Peak()
    valueless = FakeTensorMode(allow_non_fake_inputs=True)
    try:
        with torch.inference_mode(), valueless, counter, peak:
            x = torch.empty(shape)
            function(x)
    except Exception:  # whatever a plugin does: that its cost is unknown is no defect of the run
        return None
    return Cost(counter.get_total_flops(), peak.most)


class _Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Bytes of all tensors that are alive, and the most of it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.most = 0
        self._alive: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in tree_leaves(out):
            if isinstance(value, Tensor):
                self._note(value.untyped_storage())
        return out

    def _note(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self._alive:
            self._alive.add(key)
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._free, key, size)

    def _free(self, key: int, size: int) -> None:
        self._alive.discard(key)
        self.now -= size
