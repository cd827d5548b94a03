"""torch's number of threads, which roundings depend on, kept from numba's."""

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def keep_threads() -> Iterator[None]:
    """Leave the number as it was: by OpenMP that of numba's kernels becomes torch's."""
    torch = sys.modules.get("torch")  # not loaded, it has no number yet
    before = torch.get_num_threads() if torch else None
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)
