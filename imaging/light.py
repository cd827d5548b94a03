"""Uneven light: a smooth surface under the grey values of an image, found and taken off."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.polynomial.legendre import leggrid2d, legvander2d
from numpy.typing import NDArray

from recon.core.errors import ReconError
from recon.imaging.field import NOTABLE, measure_outside
from recon.imaging.otsu import find_otsu_thresholds
from recon.imaging.picture import Pictures

DEGREE = 3
"""Of the polynomial in rows and columns: ramps, vignettes, light from a corner."""
ENOUGH = 20_000
"""Pixels that the surface is found from."""
ROUNDS = 20
OTSU_ROUNDS = 3
"""First rounds, which cut at Otsu's thresholds: the grey values of the phases are unknown."""
UNEVEN = 0.05
"""Share of pixels that change phase, from which uneven light is worth a notice."""

Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]


def describe_light(pictures: Pictures, phases: int) -> list[str]:
    """A line for each plane whose middle image seems to be lit unevenly."""
    notices = []
    for stack in pictures.values():
        picture = stack[len(stack) // 2]
        if measure_outside(picture.pixels) >= NOTABLE:  # what is black around it is no light
            continue
        share = measure_unevenness(picture.pixels, phases)
        if share >= UNEVEN:
            notices.append(
                f"light seems uneven in {picture.name}: its correction would change the phase of "
                f"{share:.0%} of the pixels; flatten=True corrects it"
            )
    return notices


def flatten(image: NDArray[Any], phases: int) -> tuple[NDArray[np.float32], float]:
    """The image (a, b) in even light, its mean kept, and the span of the light in grey values."""
    light = _evaluate(_find_light(image, phases), image)
    return (image - light).astype(np.float32), float(np.ptp(light))


def measure_unevenness(image: NDArray[Any], phases: int) -> float:
    """The share of the pixels of an image that even light gives to another phase."""
    try:
        light = _evaluate(_find_light(image, phases), image, _step(image))
        grey = _thin(image)
        before, after = _cut(grey, phases), _cut(grey - light, phases)
    except ReconError:  # fewer grey values than phases: refused where it is segmented
        return 0.0
    return float((before != after).mean())


def _find_light(image: NDArray[Any], phases: int) -> Floats:
    """Coefficients (DEGREE + 1, DEGREE + 1) of the surface in Legendre polynomials, no constant.

    The grey values are taken for those of the phases plus the surface, and the phases for those
    nearest in what is left of the grey values; both in turn, by least squares. Fitted to the grey
    values alone a surface would follow the phases. After Wells et al., IEEE Trans. Med. Imaging 15,
    429 (1996).
    """
    grey = _thin(image).ravel()
    rows, columns = np.meshgrid(*_list_places(image, _step(image)), indexing="ij")
    powers = np.add.outer(np.arange(DEGREE + 1), np.arange(DEGREE + 1))
    wanted = (powers > 0) & (powers <= DEGREE)
    surface = legvander2d(rows.ravel(), columns.ravel(), [DEGREE, DEGREE])[:, wanted.ravel()]
    solution: Floats = np.zeros(surface.shape[1])
    flat: Floats = grey
    labels = np.zeros(0, np.int64)
    for number in range(ROUNDS):
        early = number < OTSU_ROUNDS
        new = _cut(flat, phases) if early else _take_nearest(flat, labels, phases)
        if np.array_equal(new, labels):
            break
        labels = new
        terms = np.hstack([surface, np.eye(phases)[labels]])
        solution = np.asarray(np.linalg.lstsq(terms, grey)[0][: surface.shape[1]], np.float64)
        flat = grey - surface @ solution
    coefficients = np.zeros(wanted.shape)
    coefficients[wanted] = solution
    return coefficients


def _cut(grey: Floats, phases: int) -> NDArray[np.int64]:
    if np.ptp(grey) <= 1e-9 * np.abs(grey).max():  # what rounding leaves of a single value
        raise ReconError(
            f"grey values fall into fewer than {phases} groups; give a smaller phases="
        )
    return np.searchsorted(find_otsu_thresholds([grey], phases), grey, side="right")


def _take_nearest(grey: Floats, labels: NDArray[np.int64], phases: int) -> NDArray[np.int64]:
    """The phase whose mean is nearest."""
    means = [grey[labels == k].mean() if (labels == k).any() else np.inf for k in range(phases)]
    return np.asarray(np.abs(grey[:, None] - np.array(means)).argmin(1))


def _step(image: NDArray[Any]) -> int:
    return max(1, int(np.ceil((image.size / ENOUGH) ** 0.5)))


def _thin(image: NDArray[Any]) -> Floats:
    """Every so-many-th pixel of rows and columns."""
    step = _step(image)
    return image[::step, ::step].astype(np.float64)


def _list_places(image: NDArray[Any], step: int = 1) -> list[Floats]:
    """Places of rows and columns between -1 and 1."""
    return [np.linspace(-1, 1, side)[::step] for side in image.shape]


def _evaluate(coefficients: Floats, image: NDArray[Any], step: int = 1) -> Floats:
    """The surface at every so-many-th pixel of an image."""
    rows, columns = _list_places(image, step)
    surface: Floats = np.asarray(leggrid2d(rows, columns, coefficients), np.float64)
    return surface
