"""The table of all that was judged: value, reference, error, sampling error and limit."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from recon.validation.classifier.joint_test import JointTest
from recon.validation.classifier.two_sample_test import CLASSIFIER
from recon.validation.comparison.agreement import Agreement, name_phase
from recon.validation.comparison.cells import EVERY, RESOLVED
from recon.validation.comparison.comparison import Comparison
from recon.validation.report.numbers import ABSENT, Table, format_number
from recon.validation.report.physical import choose_scale

HEADS = ["statistic", "where", "value", "reference", "error", "sampling error", "limit", ""]
FAILS, PASSES = "✕", "✓"


def tabulate_judged(comparison: Comparison | None, voxel_size: Sequence[float]) -> Table | None:
    """A row a statistic and place; errors are means over phases.

    Values are those of the phase that is furthest off, which is named; curves have none.
    """
    if comparison is None or not comparison.verdict.limits:
        return None
    rows = [
        row
        for name, agreement in comparison.metrics.items()
        for row in _list_rows(
            agreement, comparison.verdict.limits.get(name, {}), comparison.phases, voxel_size
        )
    ]
    return Table("everything that was judged", HEADS, [*rows, *_list_areas(comparison)])


def _list_rows(
    agreement: Agreement,
    limits: Mapping[str, float],
    phases: tuple[str, ...],
    voxel_size: Sequence[float],
) -> Iterator[list[str]]:
    table = agreement.table
    factor, unit = choose_scale(agreement.unit, voxel_size)
    title = f"{agreement.title}, {unit}" if unit and agreement.axis is None else agreement.title
    for where in table[agreement.over].values:
        if str(where) not in limits:
            continue
        at = {agreement.over: where}
        error, floor = table["error"].sel(at), table["floor"].sel(at)
        values = [ABSENT, ABSENT]
        if agreement.axis is None:
            k = int(np.argmax((error / np.maximum(floor, RESOLVED)).fillna(-1).to_numpy()))
            label = int(error["phase"][k])
            pair = agreement.curves.mean("sample").sel(at)[k], agreement.reference.sel(at)[k]
            named = f" ({name_phase(label, phases)})" if label >= 0 else ""
            values = [f"{float(one) * factor:.4g}" for one in pair]
            values[0] += named
        sampling = max(float(floor.mean()), RESOLVED)
        limit = limits[str(where)] * sampling
        mean_error = float(error.mean())
        yield _write_row(title, str(where), values, (mean_error, float(floor.mean()), limit))


def _list_areas(comparison: Comparison) -> Iterator[list[str]]:
    """Of the classifier: areas under the ROC curve, and distances as errors."""
    test, limits = comparison.classifier, comparison.verdict.limits.get(CLASSIFIER, {})
    for plane, separation in test.planes.items() if test is not None else ():
        if plane in limits:
            areas = [
                f"{float(one.mean()):.2f}" for one in (separation.areas, separation.real_areas)
            ]
            errors = (
                separation.ratio * separation.floor,
                separation.floor,
                limits[plane] * separation.floor,
            )
            yield _write_row("Classifier, area under the ROC curve", plane, areas, errors)
    if test is not None and EVERY in limits:
        joint = JointTest.of(test.planes)
        ratio = joint.measure({plane: one.distances.mean() for plane, one in test.planes.items()})
        errors = (ratio * joint.floor, joint.floor, limits[EVERY] * joint.floor)
        areas = [
            f"{np.mean([float(area.mean()) for area in each]):.2f}"
            for each in (
                [one.areas for one in test.planes.values()],
                [one.real_areas for one in test.planes.values()],
            )
        ]
        yield _write_row("Classifier, area under the ROC curve", EVERY, areas, errors)


def _write_row(
    title: str, where: str, values: list[str], errors: tuple[float, float, float]
) -> list[str]:
    sign = PASSES if errors[0] <= errors[2] else FAILS
    return [title, where, *values, *map(format_number, errors), sign]
