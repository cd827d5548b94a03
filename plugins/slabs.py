"""Loops over planes, shared out among threads as slabs of them."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numba

from recon.plugins.compiling import count_threads

SMALL = 1 << 15  # cells below which a second thread costs more than it gains


def over_slabs(planes: int, cells: int, kernel: Callable[..., None], *args: Any) -> None:
    """Call kernel(first, last, *args) for all planes, a slab of them on each thread.

    cells   that there are in all: a few are worked on by one thread
    kernel  holds no GIL, writes to its own planes only
    threads numba.get_num_threads(); Python's, since numba's own may neither nest nor be called
            from several threads, and a kernel for them compiles four times as long
    """
    slabs = 1 if cells < SMALL else min(count_threads(), planes)
    if slabs < 2:
        kernel(0, planes, *args)
        return
    cuts = [planes * i // slabs for i in range(slabs + 1)]
    pool = _pool(os.getpid())
    jobs = [pool.submit(kernel, cuts[i], cuts[i + 1], *args) for i in range(1, slabs)]
    kernel(cuts[0], cuts[1], *args)
    for job in jobs:
        job.result()


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """The threads of a process; one that was forked has none of its parent's."""
    return ThreadPoolExecutor(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
