"""MCRpy: descriptors and gradients, from the slices of three planes to a volume.

Runs in an environment of its own (recon is not imported):

    python -m venv ENV && ENV/bin/pip install "mcrpy==0.2.0" "numpy<2" "tensorflow-cpu==2.15.1"
    ENV/bin/python studies/peers/mcrpy_run.py --slices FILE.npz --seed 0 --out FILE.npy

in       FILE.npz with xy, xz, yz: uint8 labels (n, a, b) of two phases (slices.py makes it)
out      FILE.npy: uint8 labels (z, y, x); the last line printed is JSON: seconds (of the clock and
         of the processor), threads, versions, settings, the last loss, the share of phase 1.
         --shape is 64 64 64 unless told; --smoothed FILE.npy also writes what mcrpy.smooth makes
         of the result (the README's Python example ends with it)
threads  --threads, 1 unless told

The settings are those of MCRpy's README for 3D: correlations and variation, weighted 1 and 100,
limit_to 8, multigrid descriptors and reconstruction, L-BFGS-B, one indicator function (of phase
1). A plane's descriptor is the mean over windows of the volume's size that cover all of its slices;
the three are merged. MCRpy takes windows and volumes as periodic.

--iterations   of each level, coarse to fine; MCRpy's own is 500 of each
--correlations FFTCorrelations are two-point ones; Correlations, those of the README, hold the
               three-point ones too and cost about nine times as much an iteration

numpy < 2 because MCRpy 0.2.0 calls np.product. Seibert et al., Integr. Mater. Manuf. Innov. 11,
450 (2022) and Acta Mater. 227, 117667 (2022); github.com/NEFM-TUDresden/MCRpy, Apache 2.0.
"""

import argparse
import itertools
import json
import logging
import math
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PLANES = ("xy", "xz", "yz")
"""In the order of mcrpy.merge: normal to the first axis, the second, the third."""


def read_arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=Path, required=True)
    parser.add_argument("--shape", type=int, nargs=3, default=(64, 64, 64))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--smoothed", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--iterations", type=int, nargs="+", default=[500])
    parser.add_argument(
        "--correlations", choices=("Correlations", "FFTCorrelations"), default="Correlations"
    )
    return parser.parse_args()


def windows(stack: Any, sides: Sequence[int]) -> list[Any]:
    """Pieces of all slices (n, a, b) of the sides asked for, as few as cover them."""
    starts = []
    for whole, side in zip(stack.shape[1:], sides, strict=True):
        spare, count = max(whole - side, 0), max(math.ceil(whole / side), 1)
        starts.append([round(spare * k / max(count - 1, 1)) for k in range(count)])
    return [
        image[i : i + sides[0], j : j + sides[1]]
        for image in stack
        for i, j in itertools.product(*starts)
    ]


def descriptors(asked: argparse.Namespace, common: dict[str, Any]) -> dict[str, Any]:
    """The merged descriptors of the three planes."""
    import mcrpy
    import numpy as np

    names, merged = common["descriptor_types"], []
    for axis, plane in enumerate(PLANES):
        sides = [side for k, side in enumerate(asked.shape) if k != axis]
        pieces = windows(np.load(asked.slices)[plane].astype(np.float64), sides)
        settings = mcrpy.CharacterizationSettings(**common, use_multiphase=False)
        images = [mcrpy.Microstructure(piece, trainable=False) for piece in pieces]
        result = mcrpy.characterize(images, settings)
        mean = {name: np.mean([one[name] for one in result], 0) for name in names}
        merged.append({**mean, "settings": settings})
    return mcrpy.merge(merged)


def iterate_by_level(iterations: list[int]) -> None:
    """Let each level have its own number of iterations, where MCRpy has one for all."""
    from mcrpy.src.DMCR import DMCR

    setup = DMCR.setup_optimization

    def with_iterations(self: Any, shape: Any, levels: int, previous: Any, level: int) -> None:
        coarse_to_fine = levels - 1 - level
        self.max_iter = iterations[min(coarse_to_fine, len(iterations) - 1)]
        setup(self, shape, levels, previous, level)

    DMCR.setup_optimization = with_iterations


def main() -> None:
    """Characterize, merge, reconstruct, write."""
    asked = read_arguments()
    os.environ.update(OMP_NUM_THREADS=str(asked.threads), TF_CPP_MIN_LOG_LEVEL="3")
    import mcrpy
    import numpy as np
    import scipy
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(asked.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.get_logger().setLevel(logging.ERROR)
    np.random.seed(asked.seed)  # MCRpy draws its initial volume from numpy's global state.
    common = {
        "descriptor_types": [asked.correlations, "Variation"],
        "limit_to": 8,
        "logging_level": logging.ERROR,
    }
    iterate_by_level(asked.iterations)
    begun, worked = time.perf_counter(), time.process_time()
    desired = descriptors(asked, common)
    characterized = time.perf_counter() - begun
    settings = mcrpy.ReconstructionSettings(
        **common,
        descriptor_weights=[1.0, 100.0],
        use_multigrid_reconstruction=True,
        max_iter=max(asked.iterations),
        convergence_data_steps=10**9,
    )
    convergence, result = mcrpy.reconstruct(desired, tuple(asked.shape), settings=settings)
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - worked

    labels = result.decode_phases().reshape(asked.shape).astype(np.uint8)
    np.save(asked.out, labels)
    if asked.smoothed:
        smooth = mcrpy.smooth(result).decode_phases().reshape(asked.shape).astype(np.uint8)
        np.save(asked.smoothed, smooth)
    told = {
        "method": "MCRpy",
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "characterization_seconds": round(characterized, 1),
        "threads": asked.threads,
        "seed": asked.seed,
        "shape": list(asked.shape),
        "descriptors": {asked.correlations: 1.0, "Variation": 100.0},
        "limit_to": 8,
        "iterations": asked.iterations,
        "loss": float(convergence["line_data"][-1][1]),
        "fraction_1": float(labels.mean()),
        "versions": {
            "python": platform.python_version(),
            "mcrpy": mcrpy.__version__,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
