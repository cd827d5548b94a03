"""torch's number of threads, which roundings depend on, kept from numba's."""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def threads_kept() -> Iterator[None]:
    """Leave the number as it was: by OpenMP that of numba's kernels becomes torch's."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
