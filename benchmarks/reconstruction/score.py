"""What a volume is scored by, beside what real crops of its size have."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import Micrographs, Volume
from recon.core.catalog import catalog
from recon.validation.comparison.boxes import place_boxes
from recon.validation.comparison.compare import compare

CROPS = 16
SECOND_ORDER = ("two-point", "lineal-path")
SHAPES = {"two-point-cluster": {}, "chord-length": {"border": "weigh"}, "local-thickness": {}}
"""Functions beyond the second order, compared with the mean of the real crops."""


def real_crops(test: Volume, shape: tuple[int, int, int]) -> list[Volume]:
    """Pieces of the real volume, at least 16; they overlap where it is small."""
    return [
        Volume(test.labels[box], test.voxel_size, test.phases)
        for box in place_boxes(test.shape, shape, CROPS)
    ]


def scalars(volume: Volume, physics: dict[str, Any]) -> dict[str, float]:
    """Numbers of one volume."""
    results: dict[str, float] = {}
    build = catalog().build
    faces = build("metric", "surface-density").measure(volume)["faces"]
    percolation = build("metric", "percolation").measure(volume)
    chord = build("metric", "chord-length", border="weigh").measure(volume)["mean"]
    thickness = build("metric", "local-thickness").measure(volume)["mean"]
    share = build("metric", "volume-fraction").measure(volume)
    for k in range(len(volume.phases)):
        results[f"fraction {k}"] = float(share[k])
        results[f"components {k}"] = float(percolation["components"][k])
        results[f"largest {k}"] = float(percolation["largest_share"][k])
        results[f"thickness {k}"] = float(thickness[k])
        for axis in "xyz":
            results[f"chord {k} {axis}"] = float(chord.sel(phase=k, direction=axis))
            results[f"percolates {k} {axis}"] = float(
                percolation["percolates"].sel(phase=k, axis=axis)
            )
    for axis in "xyz":
        results[f"interface {axis}"] = float(faces.sel(direction=axis).sum() / 2)
    results["interface"] = float(np.mean([results[f"interface {axis}"] for axis in "xyz"]))
    results["corners over faces"] = corners_over_faces(volume.labels)
    for name, options in physics.items():
        solved = build("property", name, **options).solve(volume)
        value = "relative" if name == "diffusivity" else "E"
        for axis in "xyz":
            results[f"{name} {axis}"] = float(solved[value].sel(axis=axis))
    return results


def corners_over_faces(labels: NDArray[np.uint8]) -> float:
    """Pairs that differ along the four diagonals of a voxel, over those across its faces.

    3 where all surfaces follow the planes of the grid, sqrt 3 where they face all directions alike.
    """
    corners = []
    for turn in range(4):
        box = labels[:, :: 1 - 2 * (turn & 1), :: 1 - (turn & 2)]
        corners.append((box[1:, 1:, 1:] != box[:-1, :-1, :-1]).mean())
    faces = [(np.diff(labels.astype(np.int16), axis=axis) != 0).mean() for axis in range(3)]
    return float(np.mean(corners) / max(float(np.mean(faces)), np.finfo(float).tiny))


def of_micrographs(micrographs: Micrographs) -> dict[str, float]:
    """What the micrographs say of phase fractions and interface."""
    share = catalog().build("metric", "volume-fraction").measure(micrographs)
    faces = catalog().build("metric", "surface-density").measure(micrographs)["faces"]
    results = {f"fraction {k}": float(share[k]) for k in range(len(micrographs.phases))}
    for axis in "xyz":
        results[f"interface {axis}"] = float(faces.sel(direction=axis).sum() / 2)
    results["interface"] = float(np.mean([results[f"interface {axis}"] for axis in "xyz"]))
    return results


def functions(volume: Volume) -> dict[str, xr.DataArray]:
    """Curves of one volume beyond two-point and lineal path."""
    results = {}
    for name, options in SHAPES.items():
        value = catalog().build("metric", name, **options).measure(volume)
        results[name] = value["density"] if isinstance(value, xr.Dataset) else value
    return results


def distance(curve: xr.DataArray, reference: xr.DataArray) -> float:
    """sum |f - f_ref| / sum f_ref over the lags, mean over phases and directions."""
    miss = abs(curve - reference).sum("lag") / reference.sum("lag")
    return float(miss.where(np.isfinite(miss)).mean())


def function_errors(
    samples: Sequence[dict[str, xr.DataArray]], subvolumes: Sequence[dict[str, xr.DataArray]]
) -> dict[str, dict[str, float]]:
    """Mean error against the mean of real crops; sampling error: that of a crop left out."""
    table = {}
    for name in SHAPES:
        real = xr.concat([subvolume[name] for subvolume in subvolumes], "subvolume")
        mean = real.mean("subvolume")
        floor = [
            distance(real[i], real.drop_isel(subvolume=i).mean("subvolume"))
            for i in range(len(subvolumes))
        ]
        error = [distance(sample[name], mean) for sample in samples]
        table[name] = {"error": float(np.mean(error)), "floor": float(np.mean(floor))}
    return table


def second_order(samples: Sequence[Volume], test: Volume) -> dict[str, Any]:
    """Two-point and lineal path: error with its 95 % interval, sampling error, spread."""
    comparison = compare(samples, test, SECOND_ORDER)
    table = {}
    for name, agreement in comparison.metrics.items():
        each = agreement.errors.mean(("phase", agreement.over)).to_numpy()
        half = 1.96 * each.std(ddof=1) / len(each) ** 0.5 if len(each) > 1 else float("nan")
        # The headline spread averages ratios; a phase and direction each count alike.
        table[name] = {**agreement.headline, "half": float(half), "seeds": each.tolist()}
        table[name]["phases"] = {
            phase: {
                "error": float(agreement.errors[:, k].mean()),
                "floor": float(agreement.table["floor"][k].mean()),
            }
            for k, phase in enumerate(comparison.phases)
        }
    return table
