"""The table that a verdict is taken from: errors of samples and subvolumes, statistic by plane."""

from typing import TYPE_CHECKING

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.validation.classifier.joint_test import JointTest
from recon.validation.classifier.two_sample_test import CLASSIFIER, Separation
from recon.validation.comparison.agreement import Agreement
from recon.validation.comparison.property_agreement import PropertyAgreement
from recon.validation.comparison.sampling_error import SamplingError, average

if TYPE_CHECKING:
    from recon.validation.comparison.comparison import Comparison

RESOLVED = 0.005
"""Relative error below which sampling errors do not differ: half a per cent of anything does not
matter, however little real subvolumes scatter (a matrix that is 99.99 % one cluster)."""

FROM_2D = 1.2
"""How much wider limits are where the sampling error is estimated from 2D: how many slices a volume
is worth is known roughly (see windows.count_independent_slices). With 1.2 about one real subvolume
of twenty differs significantly; docs/verdict.md has the count."""


JOINTLY = 1.3
"""The same for the planes together: of 114 real subvolumes of six materials the root mean square of
their sum was 1.26 times that of independent planes."""
EVERY = "every plane"
AREA = "area under the ROC curve "


@attrs.frozen
class Cell:
    """One statistic at one place.

    over    "plane", "direction" or "constant", of which `where` is one, or EVERY
    phase   label of the phase that is furthest off; None of a property
    values  of plain numbers: mean of the samples and of the material in that phase
    shown   what the values are, where the statistic does not say so
    most    the plane that is furthest off, where `where` is EVERY
    unit    of the values
    """

    statistic: str
    over: str
    where: str
    phase: int | None
    values: tuple[float, float] | None
    shown: str = ""
    most: str = ""
    unit: str = ""


@attrs.frozen(eq=False)
class Block:
    """Cells with linked subvolumes: number i is the same part of the material in all of them.

    ratios      (cell,) mean error of the samples over that of the subvolumes
    subvolumes  (subvolume, cell) error of each subvolume over their mean
    worth       independent subvolumes that these are worth
    allowed     factor by which limits are wider than what these subvolumes say
    signed      whether the ratios of subvolumes are normal as they are, about 0; those of errors,
                which are none below 0, nearly are when their root is taken
    """

    cells: tuple[Cell, ...]
    ratios: NDArray[np.float64]
    subvolumes: NDArray[np.float64]
    worth: float
    allowed: float = 1.0
    signed: bool = False


Column = tuple[Cell, float, NDArray[np.float64]]


def build_blocks(comparison: "Comparison") -> list[Block]:
    """Everything that can be judged: one block of a volume, one a plane of micrographs.

    Runs of windows of different planes are different parts of the material. Against a volume the
    classifier has a block for each plane. What it sees on all planes together is one more.
    """
    columns: dict[str, list[Column]] = {}
    worth: dict[str, float] = {}
    for agreement in comparison.metrics.values():
        sampling = agreement.sampling_error
        if sampling is None or not agreement.compared.judged:
            continue
        for where in sampling.errors[agreement.over].values:
            key = str(where) if comparison.kind == "micrographs" else "volume"
            column = _build_column(agreement, sampling, where)
            if column is not None:
                columns.setdefault(key, []).append(column)
                worth[key] = min(worth.get(key, np.inf), sampling.worth)
    for agreement_of_property in comparison.properties.values():
        columns.setdefault("volume", []).extend(_build_constants(agreement_of_property))
    test = comparison.classifier
    for plane, separation in test.planes.items() if test is not None else ():
        key = plane if comparison.kind == "micrographs" else f"slices {plane}"
        columns.setdefault(key, []).append(_build_separation(plane, separation))
        worth[key] = min(worth.get(key, np.inf), separation.worth)
    # A statistic that some subvolumes are too small for cannot be linked to the others.
    columns = {
        key: [column for column in those if len(column[2]) == max(len(c[2]) for c in those)]
        for key, those in columns.items()
    }
    allowed = FROM_2D if comparison.kind == "micrographs" else 1.0
    blocks = [
        Block(
            tuple(cell for cell, _, _ in those),
            np.array([ratio for _, ratio, _ in those]),
            np.stack([subvolumes for _, _, subvolumes in those], 1),
            worth[key],
            allowed,
        )
        for key, those in columns.items()
        if key in worth
    ]
    if test is not None and len(test.planes) > 1:
        blocks.append(_build_joint(JointTest.of(test.planes)))
    return blocks


def _build_separation(plane: str, separation: Separation) -> Column:
    areas = float(separation.areas.mean()), float(separation.real_areas.mean())
    cell = Cell(CLASSIFIER, "plane", plane, None, areas, AREA)
    return cell, separation.ratio, separation.real_ratios


def _build_joint(test: JointTest) -> Block:
    """Its planes are seen on other parts of the material whatever the reference is.

    Other statistics are not added up: what a volume has too much of, it has too much of on all
    planes, so that they say it together or not at all.
    """
    each = test.planes.values()
    own = float(np.mean([one.areas.mean() for one in each]))
    real = float(np.mean([one.real_areas.mean() for one in each]))
    most = max(test.planes, key=lambda plane: test.planes[plane].ratio)
    cell = Cell(CLASSIFIER, "plane", EVERY, None, (own, real), f"mean {AREA}", most)
    ratio = test.measure({plane: one.distances.mean() for plane, one in test.planes.items()})
    return Block((cell,), np.array([ratio]), test.real[:, None], test.worth, JOINTLY, signed=True)


def _build_column(agreement: Agreement, sampling: SamplingError, where: object) -> Column | None:
    """The mean over phases; None where there is no sampling error, or nothing that can differ."""
    subvolumes = _take(sampling.errors, agreement.over, where)
    subvolumes = subvolumes[~np.isnan(subvolumes).all(1)]
    errors = average(_take(agreement.errors, agreement.over, where), 0)
    floor = average(subvolumes, 0)
    mean = float(average(floor, 0))
    ratio = _divide(float(average(errors, 0)), mean)
    with np.errstate(invalid="ignore"):  # infinite where the material lacks a phase
        scattered = average(subvolumes, 1) / max(mean, RESOLVED)
    if not (np.isfinite(ratio) or np.isinf(ratio)) or not np.isfinite(scattered).all():
        return None
    if ratio == 0 and not scattered.any():  # contact of two phases
        return None
    with np.errstate(invalid="ignore"):
        by_phase = errors / np.maximum(np.where(np.isnan(floor), 0, floor), RESOLVED)
    k = int(np.argmax(np.where(np.isnan(by_phase), -1, by_phase)))
    values = None
    if agreement.axis is None:
        at = {agreement.over: where}
        sample = agreement.curves.sel(at).mean("sample")[k]
        values = (float(sample), float(agreement.reference.sel(at)[k]))
    phase = int(agreement.errors["phase"].to_numpy()[k])
    cell = Cell(agreement.name, agreement.over, str(where), phase, values, unit=agreement.unit)
    return cell, ratio, scattered


def _take(errors: xr.DataArray, over: str, where: object) -> NDArray[np.float64]:
    """Errors (subvolume or sample, phase) at one place."""
    places = errors.indexes[over].get_loc(where)
    taken: NDArray[np.float64] = errors.to_numpy()[:, :, places]
    return taken


def _build_constants(agreement: PropertyAgreement) -> list[Column]:
    columns: list[Column] = []
    errors, sampling = agreement.errors.mean("sample"), agreement.sampling_error
    for name in sampling["constant"].values:
        at = {"constant": name}
        floor = sampling.sel(at).mean("subvolume")
        ratio = _divide(float(errors.sel(at)), float(floor))
        scattered = (sampling.sel(at) / max(float(floor), RESOLVED)).to_numpy()
        if np.isnan(ratio) or not np.isfinite(scattered).all():
            continue
        values = (
            float(agreement.samples.sel(at).mean()),
            float(agreement.subvolumes.sel(at).mean()),
        )
        columns.append(
            (Cell(agreement.name, "constant", str(name), None, values), ratio, scattered)
        )
    return columns


def _divide(error: float, floor: float) -> float:
    return error / max(floor, RESOLVED) if np.isfinite(floor) else float("nan")
