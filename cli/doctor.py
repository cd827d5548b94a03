"""`recon doctor`: what is installed here, and whether it works."""

import json
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from recon.cli import machine as here
from recon.workflow.progress import ProgressDisplay

SIDE = 24


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def command(as_json: bool) -> None:
    """Check the installation, and show versions and the machine.

    It lists versions, threads, memory, the device that `--device auto` uses, plugins and optional
    packages, and runs a small test of files, compiled statistics and the bundled network. The exit
    code is 1 if a test fails or a plugin does not load. The first call in a new environment
    compiles for a few seconds.
    """
    with ProgressDisplay() as progress, progress.during("examine"):
        facts = examine()
    click.echo(json.dumps(facts, indent=2) if as_json else to_text(facts))
    if facts["broken"]:
        raise click.exceptions.Exit(1)


def examine() -> dict[str, Any]:
    """All facts as plain data; "broken" and "warnings" hold lines."""
    machine, device = here.describe_machine(), here.describe_device()
    plugins, unloaded = list_installed()
    tests = {name: run_test(test, device["auto"]) for name, test in TESTS.items()}
    broken = [f"plugin package {package}: {why}" for package, why in unloaded.items()]
    broken += [f"{name}: {why}" for name, why in tests.items() if why != "ok"]
    return {
        "versions": here.collect_versions(),
        "machine": machine,
        "device": device,
        "plugins": plugins,
        "optional": here.list_optional(),
        "tests": tests,
        "warnings": list(here.list_oddities(machine, device)),
        "broken": broken,
    }


def list_installed() -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Package -> its version and plugins; and the packages that do not load, with the reason."""
    from recon.core.catalog import catalog

    with warnings.catch_warnings(action="ignore"):  # reported as broken
        known = catalog()
    packages: dict[str, dict[str, Any]] = {}
    for entry in known:
        package = packages.setdefault(entry.package, {"version": entry.version, "plugins": []})
        package["plugins"].append(f"{entry.cls.kind} {entry.cls.name}")
    clashes = {
        f"{kind} {name}": "offered by " + " and ".join(entry.package for entry in entries)
        for (kind, name), entries in known.entries.items()
        if len(entries) > 1
    }
    return packages, {**known.broken, **clashes}


def run_test(test: Callable[[str], None], device: str) -> str:
    """ "ok", or what went wrong."""
    try:
        test(device)
    except Exception as error:  # whatever is broken here
        return " ".join(f"{type(error).__name__}: {error}".split())
    return "ok"


def check_files(device: str) -> None:
    """A volume is written and read again."""
    from recon.core import Volume

    labels = np.arange(SIDE**3).reshape(SIDE, SIDE, SIDE) % 3
    with tempfile.TemporaryDirectory() as folder:
        Volume(labels, (1e-6, 2e-6, 3e-6)).save(Path(folder) / "volume.zarr")
        again = Volume.open(Path(folder) / "volume.zarr")
    if not np.array_equal(again.labels, labels) or again.voxel_size != (1e-6, 2e-6, 3e-6):
        raise ValueError("a volume read is not the volume written")


def check_kernels(device: str) -> None:
    """Compiled statistics give a known answer: stripes two voxels wide."""
    from recon.core import Volume, catalog

    stripes = Volume(np.indices((SIDE,) * 3)[2] // 2 % 2)
    s2 = catalog().build("metric", "two-point", max_lag=4).measure(stripes)
    along = s2.sel(phase=1, direction="x").values[[0, 4]]
    if not np.allclose(along, 0.5, atol=0.03):
        raise ValueError(f"two-point of stripes must be near 0.5 at lags 0 and 4, got {along}")


def check_network(device: str) -> None:
    """The bundled network denoises a slice on the device that `auto` takes."""
    import torch

    from recon.core import weights
    from recon.core.bundled import find_weights
    from recon.core.sampling.noise import respace

    file = weights.read(find_weights("unet-ddpm", None))
    denoiser = weights.load(file, "unet-ddpm", {}, device)
    step = respace(denoiser.alpha_bar, 4)[2]
    clean = denoiser.clean(torch.zeros(1, 1, 32, 32, device=device), step, "xy")
    if not torch.isfinite(clean).all():
        raise ValueError("the network's answer is not finite")


TESTS = {"files": check_files, "compiled statistics": check_kernels, "network": check_network}


def to_text(facts: dict[str, Any]) -> str:
    """Plain lines, short enough to be pasted into an issue."""
    machine, device = facts["machine"], facts["device"]
    lines = ["versions"]
    lines += [f"  {name} {number}" for name, number in facts["versions"].items()]
    lines += [
        "machine",
        f"  {machine['system']}",
        f"  {machine['processor']}, {machine['processors']} to use",
        f"  threads: torch {machine['torch_threads']}, numba {machine['numba_threads']}",
        f"  memory {_gigabytes(machine['memory_bytes'])}, "
        f"{_gigabytes(machine['disk_free_bytes'])} free on this disk",
    ]
    lines += [f"  {name}={value}" for name, value in machine["environment"].items()]
    lines += ["device", f"  --device auto takes {device['auto']}"]
    lines += [f"  {card['name']}, {_gigabytes(card['memory_bytes'])}" for card in device["cards"]]
    if not device["cards"]:
        built = f"for CUDA {device['torch_cuda']}" if device["torch_cuda"] else "without CUDA"
        lines.append(f"  no CUDA card; torch is built {built}")
    lines.append("plugins")
    for package, brought in facts["plugins"].items():
        lines.append(f"  {package} {brought['version']}: {len(brought['plugins'])}")
        if package != "microrecon":
            lines += [f"    {name}" for name in brought["plugins"]]
    lines.append("optional packages")
    for name, present in facts["optional"].items():
        lines.append(f"  {name}: {'there' if present else 'absent'} ({here.OPTIONAL[name]})")
    lines.append("tests")
    lines += [f"  {name}: {outcome}" for name, outcome in facts["tests"].items()]
    lines += [f"warning: {line}" for line in facts["warnings"]]
    lines += [f"broken: {line}" for line in facts["broken"]]
    return "\n".join([*lines, "something is broken" if facts["broken"] else "all is well"])


def _gigabytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e9:.0f} GB"
