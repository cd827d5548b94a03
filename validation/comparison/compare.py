"""compare(): is a volume as near to the material as a real subvolume of its size would be?"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import attrs
import numpy as np
import xarray as xr

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.sampling.threads import keep_threads
from recon.validation.classifier.two_sample_test import separate
from recon.validation.comparison.agreement import Agreement
from recon.validation.comparison.comparison import Comparison
from recon.validation.comparison.metric_spec import MetricSpec, build_specs, list_compared
from recon.validation.comparison.power import list_limits, measure_power
from recon.validation.comparison.property_agreement import Solved, compare_properties
from recon.validation.comparison.reference_cache import ReferenceCache
from recon.validation.comparison.sampling_error import (
    SUBVOLUMES,
    format_shape,
    leave_out_boxes,
)
from recon.validation.comparison.subvolumes import (
    Found,
    MaterialStatistics,
    Progress,
    measure_subvolumes,
)
from recon.validation.comparison.verdict import ALPHA
from recon.validation.comparison.window_groups import measure_window_groups

if TYPE_CHECKING:
    from recon.core.data.material import Material


@keep_threads()
def compare(
    samples: Sequence[Volume],
    reference: Volume | Micrographs,
    metrics: Sequence[str] | None = None,
    *,
    classifier: bool = True,
    properties: Sequence[Solved] = (),
    subvolumes: int = SUBVOLUMES,
    cached: bool = True,
    progress: Progress = lambda what, done, total, state: None,
) -> Comparison:
    """Error, sampling error and spread of volumes against a real volume or micrographs.

    samples     volumes of one shape
    metrics     `metric` or `metric.variable` of any that gives numbers, or curves over one axis;
                by default all whose class joins the comparison
    classifier  whether slices are given to a classifier to tell apart, too
    properties  solvers and what they gave for each of the samples: they are solved for real
                subvolumes too, unless the reference is micrographs
    subvolumes  real subvolumes of a reference volume at least
    cached      whether what is known of micrographs from before is used, and kept
    progress    called with what is being done, steps done, steps in all and a word on the state

    Against a volume the curves are compared along x, y and z, against micrographs on each of
    their planes, at lags up to half the samples' shortest side. Raises ReconError for samples
    and a reference that cannot be compared. Takes seconds for 64^3, with clusters and thickness
    a minute.
    """
    shape = _check_samples(samples, reference)
    planes = tuple(reference.planes) if isinstance(reference, Micrographs) else None
    chosen = list_compared(reference) if metrics is None else metrics
    specs = build_specs(chosen, min(shape) // 2, planes)
    measured = [_measure_samples(spec, samples) for spec in specs]
    kept = None
    if isinstance(reference, Micrographs):
        kept = ReferenceCache.of(reference, shape, specs, cached)
        agreements = _compare_on_planes(specs, measured, reference, shape, progress, kept)
    else:
        agreements = _compare_with_volume(specs, measured, reference, shape, subvolumes, progress)
    comparison = Comparison(
        "volume" if planes is None else "micrographs",
        reference.phases,
        agreements,
        xr.DataArray([volume.fractions() for volume in samples], dims=("sample", "phase")),
        xr.DataArray(reference.fractions(), dims=("phase",)),
        {}
        if isinstance(reference, Micrographs)
        else compare_properties(properties, reference, shape, subvolumes, progress),
        separate(samples, reference) if classifier else None,
    )
    limits = list_limits(comparison, ALPHA)
    find = partial(measure_power, comparison, reference, shape, specs, limits)
    power = kept.recall_power(limits, find) if kept is not None else find()
    return attrs.evolve(comparison, power=power)


def _measure_samples(spec: MetricSpec, samples: Sequence[Volume]) -> Found:
    """name -> (sample, phase, direction or plane[, axis])"""
    measured = [spec.measure(volume) for volume in samples]
    return {name: xr.concat([one[name] for one in measured], "sample") for name in measured[0]}


def _compare_on_planes(
    specs: Sequence[MetricSpec],
    measured: Sequence[Found],
    reference: Micrographs,
    shape: tuple[int, int, int],
    progress: Progress,
    kept: ReferenceCache,
) -> dict[str, Agreement]:
    """The reference is all of the material, or what windows of the samples' size have."""

    def find() -> MaterialStatistics:
        real = measure_window_groups(specs, reference, shape, progress)
        references = dict(real.reference)
        for spec, by_name in zip(specs, measured, strict=True):
            if any(_has_remainder(spec, name) for name in by_name):
                whole = spec.measure(reference)
                references |= {name: whole[name] for name in by_name if _has_remainder(spec, name)}
        return attrs.evolve(real, reference=references)

    return _collect(specs, measured, kept.recall_statistics(find))


def _compare_with_volume(
    specs: Sequence[MetricSpec],
    measured: Sequence[Found],
    reference: Volume,
    shape: tuple[int, int, int],
    subvolumes: int,
    progress: Progress,
) -> dict[str, Agreement]:
    """The reference is all of the material, or what subvolumes of the samples' size have."""
    agreements, others = {}, []
    for spec, by_name in zip(specs, measured, strict=True):
        rest = {name: curves for name, curves in by_name.items() if not _has_remainder(spec, name)}
        if rest:
            others.append((spec, rest))
        for name in (name for name in by_name if name not in rest):
            agreements[name] = _compare_with_remainder(
                spec, name, by_name[name], reference, shape, subvolumes
            )
    if others:
        chosen = [spec for spec, _ in others]
        real = measure_subvolumes(chosen, reference, shape, subvolumes, progress)
        agreements |= _collect(chosen, [by_name for _, by_name in others], real)
    return agreements


def _has_remainder(spec: MetricSpec, name: str) -> bool:
    return spec.describe(name).sampling_error == "remainder"


def _compare_with_remainder(
    spec: MetricSpec,
    name: str,
    curves: xr.DataArray,
    reference: Volume,
    shape: tuple[int, int, int],
    subvolumes: int,
) -> Agreement:
    """Of shares of pairs or runs."""

    def measure(sample: Volume) -> xr.DataArray:
        return spec.measure(sample)[name]

    sampling = leave_out_boxes(measure, reference, shape, subvolumes)
    return Agreement(
        name,
        curves,
        measure(reference),
        None if isinstance(sampling, str) else sampling,
        (sampling,) if isinstance(sampling, str) else sampling.notes,
        spec.describe(name),
    )


def _collect(
    specs: Sequence[MetricSpec], measured: Sequence[Found], real: MaterialStatistics
) -> dict[str, Agreement]:
    return {
        name: Agreement(
            name,
            curves,
            real.reference[name],
            real.sampling_errors.get(name),
            real.notes,
            spec.describe(name),
        )
        for spec, by_name in zip(specs, measured, strict=True)
        for name, curves in by_name.items()
    }


def _check_samples(
    samples: Sequence[Volume], reference: Volume | Micrographs
) -> tuple[int, int, int]:
    """The shape of all samples."""
    if not samples:
        raise ReconError("at least one volume is needed to compare, got none")
    shape = samples[0].shape
    for sample in samples:
        if sample.shape != shape:
            raise ReconError(
                f"volumes must have one shape to be compared, got {format_shape(shape)} and "
                f"{format_shape(sample.shape)}"
            )
        check_comparable(sample, reference)
    if min(shape) < 2:
        raise ReconError(
            f"volumes must have at least 2 voxels along each axis, got {format_shape(shape)}"
        )
    return shape


def choose_compared(
    asked: Sequence[str], sample: Volume, reference: Volume | Micrographs
) -> tuple[tuple[str, ...], dict[str, str]]:
    """What joins the comparison by itself and metrics asked for; of others why they cannot.

    A corner of the sample is measured: some need a volume, some give more than numbers and curves.
    """
    joining = list_compared(reference)
    known = {name.partition(".")[0] for name in joining}
    planes = tuple(reference.planes) if isinstance(reference, Micrographs) else None
    corner = Volume(sample.labels[:16, :16, :16], sample.voxel_size, sample.phases)
    more, refused = [], {}
    for name in dict.fromkeys(asked):
        if name not in known:
            try:
                for spec in build_specs([name], 4, planes):
                    spec.measure(corner)
            except ReconError as error:
                refused[name] = str(error)
            else:
                more.append(name)
    return (*joining, *more), refused


def check_comparable(sample: "Volume | Material", reference: Volume | Micrographs) -> None:
    """Refuse another number of phases or another voxel size."""
    if len(sample.phases) != len(reference.phases):
        raise ReconError(
            f"volume and reference must have the same phases, got {len(sample.phases)} and "
            f"{len(reference.phases)}"
        )
    sizes = (sample.voxel_size, reference.voxel_size)
    unknown = (1.0, 1.0, 1.0) in sizes  # then lags are compared voxel by voxel
    if not unknown and not np.allclose(*sizes, rtol=0.01, atol=0):
        got = " and ".join(" x ".join(f"{1e6 * edge:g}" for edge in size) for size in sizes)
        raise ReconError(
            f"volume and reference must have the same voxel size, got {got} um (z, y, x); "
            "resample one of them"
        )
