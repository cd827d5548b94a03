"""What a worker of a Dask cluster does."""

import contextlib
import ctypes
import functools
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator

import attrs
import numba
import torch
from distributed import get_worker

from recon.core.measure import measure_all
from recon.core.sampler import sample_steps
from recon.core.sampling.threads import keep_threads
from recon.workflow.executors.fitness import collect_own_facts, list_differences
from recon.workflow.executors.parcel import PackedSample, Parcel, unpack
from recon.workflow.provenance import describe_machine
from recon.workflow.results import Results

_alone = threading.Lock()
"""A worker with several threads still makes one sample at a time: numba may not nest."""


@attrs.frozen
class Unfit:
    """The answer of a worker that joined late and lacks something: no fault of the sample."""

    address: str
    lacks: list[str]


def reconstruct(parcel: Parcel, number: int) -> PackedSample | Unfit:
    """The task reconstruct-NNN."""
    if unfit := find_lacks(parcel):
        return unfit
    with _alone:
        keep_pages()
        job = unpack(parcel).job
        begun = time.monotonic()
        state = deque(sample_steps(job, sample=number), maxlen=1).pop()
        seconds = time.monotonic() - begun
        name = str(get_worker().name)
        return PackedSample.of(state.volume, seconds, name, *describe_machine(job.device))


def measure(parcel: Parcel, sample: PackedSample | Unfit) -> Results | Unfit:
    """The task measure-NNN."""
    if isinstance(sample, Unfit):
        return sample
    if unfit := find_lacks(parcel):
        return unfit
    with _alone, limit_threads():
        keep_pages()
        job = unpack(parcel).job
        return measure_all(sample.volume, job.metrics, job.properties)


@contextlib.contextmanager
def limit_threads() -> Iterator[None]:
    """As many threads for numba as for torch; numba's would become torch's too, by OpenMP."""
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    with keep_threads():
        numba.set_num_threads(min(torch.get_num_threads(), most))
        yield


@functools.cache
def keep_pages() -> None:
    """Let glibc keep the memory of tensors again.

    Dask starts workers with a MALLOC_TRIM_THRESHOLD_ at which every tensor is made of new pages:
    samples then take several times as long.
    """
    if sys.platform != "linux" or "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        return
    trim_threshold, mmap_threshold = -1, -3  # malloc.h
    with contextlib.suppress(AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(trim_threshold, 2**30)
        mallopt(mmap_threshold, 2**25)  # the largest that glibc takes


def find_lacks(parcel: Parcel) -> Unfit | None:
    """What this worker lacks, if anything."""
    lacks = list_differences(parcel.expected, collect_own_facts(parcel.needs))
    return Unfit(get_worker().address, lacks) if lacks else None
