"""Small commands that leave files, as the faults are injected into them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import numpy as np
from scipy.ndimage import gaussian_filter

from recon.core import Micrographs, Volume, catalog
from recon.workflow.pack_weights import pack_weights

GAUSSIAN = ("--denoiser", "gaussian", "--shape", 24, 24, 24)
EXPORTS = {"v.tif": 1, "v.vti": 1, "v.npy": 1, "v.inp": 1, "v.h5": 1, "v.stl": 2}
"""Output -> its number of files, each of which appears by itself."""
TRAIN = ("--set", "denoiser.width=8", "--set", "denoiser.batch=4", "--steps", 24)
SLABS = (*GAUSSIAN, "--harmonizer", "none", "--steps", 12)


@attrs.frozen
class Scenario:
    """One command; it writes into the folder where it is started.

    command  its arguments, of the folder that `inputs` has filled
    resume   whether --resume goes on with it; else it is done again
    again    outputs that are given anew when it is done again: those that are not there
    slabs    volumes are made in slabs on disk
    dask     it has workers, which may be killed by themselves
    """

    command: Callable[[Path], tuple[object, ...]]
    resume: bool = False
    again: Mapping[str, int] = attrs.field(factory=dict)
    slabs: bool = False
    dask: bool = False

    def arguments(self, inputs: Path, folder: Path) -> tuple[object, ...]:
        """The whole command line in a folder that may hold part of its outputs."""
        left = [name for name, count in self.again.items() if not _there(folder, name, count)]
        resume = ("--resume",) if self.resume else ()
        return (*self.command(inputs), *left, *resume)

    def whole(self, inputs: Path) -> tuple[object, ...]:
        """The whole command line, whatever stands."""
        return (*self.command(inputs), *self.again)

    def done(self, folder: Path) -> bool:
        """Whether a command without --resume would have nothing left to do, and say so."""
        if self.again:
            return not self.arguments(folder, folder)[2:]
        return not self.resume and (folder / "m.zarr").exists()


def _there(folder: Path, name: str, count: int) -> bool:
    """Whether an output stands; what has begun to stand is taken away, as one is told to."""
    files = list(folder.glob(f"{Path(name).stem}*{Path(name).suffix}"))
    for file in files if len(files) < count else ():
        file.unlink()
    return len(files) >= count


SCENARIOS = {
    "import": Scenario(
        lambda at: (
            "import",
            *(word for plane in ("xy", "xz", "yz") for word in (f"--{plane}", at / f"{plane}.npy")),
            *("--out", "m.zarr"),
        )
    ),
    "train": Scenario(
        lambda at: ("train", at / "m.zarr", "--out", "w.safetensors", *TRAIN), resume=True
    ),
    "run": Scenario(
        lambda at: ("run", *GAUSSIAN, "--steps", 30, "--samples", 3, "--out", "out"), resume=True
    ),
    "run that trains": Scenario(
        lambda at: ("run", *GAUSSIAN, "--micrographs", at / "m.zarr", "--steps", 8, "--out", "out"),
        resume=True,
    ),
    "run with weights": Scenario(
        lambda at: (
            *("run", *GAUSSIAN, "--weights", at / "w.safetensors"),
            *("--steps", 20, "--samples", 2, "--out", "out"),
        ),
        resume=True,
    ),
    "run in slabs": Scenario(lambda at: ("run", *SLABS, "--out", "out"), resume=True, slabs=True),
    "measure": Scenario(
        lambda at: ("measure", at / "v.zarr", "--json", "m.json", "--report", "m.html")
    ),
    "export": Scenario(lambda at: ("export", at / "v.zarr"), again=EXPORTS),
    "sweep": Scenario(
        lambda at: ("sweep", *GAUSSIAN, "--vary", "steps=4,8,12", "--out", "out"), resume=True
    ),
    "run on Dask": Scenario(
        lambda at: (
            *("run", *GAUSSIAN, "--steps", 30, "--samples", 4, "--out", "out"),
            *("--executor", "dask", "--workers", 2),
        ),
        resume=True,
        dask=True,
    ),
}


def inputs(folder: Path) -> Path:
    """Fill a folder with micrographs, their images, weights and a volume."""
    rng = np.random.default_rng(0)

    def blobs(*shape: int) -> np.ndarray:
        return (gaussian_filter(rng.normal(size=shape), 1.5) > 0).astype(np.uint8)

    folder.mkdir(parents=True, exist_ok=True)
    stacks = {plane: [blobs(40, 40) for _ in range(4)] for plane in ("xy", "xz", "yz")}
    for plane, stack in stacks.items():
        np.save(folder / f"{plane}.npy", np.stack(stack))
    micrographs = Micrographs(stacks)
    micrographs.save(folder / "m.zarr")
    denoiser = catalog().build("denoiser", "gaussian")
    denoiser.fit(micrographs)
    (folder / "w.safetensors").write_bytes(pack_weights(denoiser, {"seed": 0}))
    Volume(blobs(24, 24, 24)).save(folder / "v.zarr")
    return folder
