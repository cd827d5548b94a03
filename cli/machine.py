"""What this machine and this installation are: facts for `recon doctor`, and what is odd."""

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from recon.core.sampling.threads import keep_threads

PACKAGES = (
    "microrecon",
    "torch",
    "numba",
    "numpy",
    "scipy",
    "scikit-image",
    "zarr",
    "xarray",
    "matplotlib",
    "click",
)
OPTIONAL = {
    "dask": "volumes larger than memory in recon measure",
    "distributed": "recon run --executor dask",
    "h5py": "recon export to .h5 and .xdmf",
    "meshio": "recon export to .xdmf, .vtu and .bdf",
    "optuna": "recon design",
    "porespy": "recon measure --property drainage",
    "nrrd": "volumes and images in .nrrd (pynrrd)",
    "pyvista": "volumes and images in .vti",
    "napari": "recon view in a window",
    "hypothesis": "tests of your own plugins",
}
"""Import name -> what recon does with it."""
VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "MKL_NUM_THREADS",
    "NUMBA_CACHE_DIR",
    "NUMBA_DISABLE_JIT",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RECON_DISABLED_PLUGINS",
    "RECON_QUIET",
)
LITTLE_MEMORY, LITTLE_DISK = 4e9, 1e9


def collect_versions() -> dict[str, str]:
    """Of Python and the packages that results depend on."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def describe_machine() -> dict[str, Any]:
    """System, processor, threads and memory; what the system does not tell is None."""
    import numba
    import torch

    with keep_threads():
        numba_threads = numba.get_num_threads()
    return {
        "system": platform.platform(),
        "processor": name_processor(),
        "processors": count_processors(),
        "torch_threads": torch.get_num_threads(),
        "numba_threads": numba_threads,
        "memory_bytes": measure_memory(),
        "numba_cache": find_numba_cache(),
        "disk_free_bytes": shutil.disk_usage(Path.cwd()).free,
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def describe_device() -> dict[str, Any]:
    """What --device auto takes, and the cards there are."""
    import torch

    from recon.core.sampling.device import resolve_device

    cards = []
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        card = torch.cuda.get_device_properties(number)
        cards.append({"name": card.name, "memory_bytes": card.total_memory})
    return {"auto": resolve_device("auto"), "cards": cards, "torch_cuda": torch.version.cuda}


def list_optional() -> dict[str, bool]:
    """Optional package -> whether it is installed."""
    return {name: importlib.util.find_spec(name) is not None for name in OPTIONAL}


def list_oddities(machine: dict[str, Any], device: dict[str, Any]) -> Iterator[str]:
    """What makes recon slow or stops it later, each with a remedy."""
    cpus, threads = machine["processors"], machine["torch_threads"]
    if threads == 1 < cpus:
        yield f"one thread of {cpus} processors is used; unset OMP_NUM_THREADS or raise it"
    if threads > cpus:
        yield f"{threads} threads share {cpus} processors; set OMP_NUM_THREADS={cpus}"
    if machine["environment"].get("NUMBA_DISABLE_JIT", "0") != "0":
        yield "NUMBA_DISABLE_JIT is set, which makes statistics very slow; unset it"
    if device["torch_cuda"] and not device["cards"]:
        yield (
            "torch is built for CUDA but finds no card; update the NVIDIA driver, or install "
            "torch's CPU build, which is smaller"
        )
    if not os.access(machine["numba_cache"], os.W_OK):
        yield (
            f"compiled code cannot be kept in {machine['numba_cache']}, so every start compiles "
            "again; set NUMBA_CACHE_DIR to a folder of yours"
        )
    if not device["torch_cuda"] and shutil.which("nvidia-smi"):
        yield "there is an NVIDIA driver but torch is built without CUDA; install a CUDA build"
    if machine["memory_bytes"] and machine["memory_bytes"] < LITTLE_MEMORY:
        yield "memory is below 4 GB; keep --shape small"
    if machine["disk_free_bytes"] < LITTLE_DISK:
        yield "less than 1 GB is free on this disk; write elsewhere with --out"


def find_numba_cache() -> str:
    """The folder where numba keeps compiled code."""
    from numba.core.caching import FunctionCache

    from recon.core.catalog import catalog

    return str(FunctionCache(catalog().entry("metric", "two-point").cls.measure).cache_path)


def count_processors() -> int:
    """Those that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def name_processor() -> str:
    """The model's name where the system states it."""
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def measure_memory() -> int | None:
    """Bytes of the machine."""
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # Windows
        return None
