"""Crops: uniform over positions, mirrored only where allowed; what is held out is not trained."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, rotate

from recon.core.data.planes import PLANES
from recon.plugins.denoisers.fitting.crops import FEW, Crops, crop_side, hold_out
from recon.plugins.denoisers.tilt import tilted


def numbered(*shapes: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Slices whose pixels tell slice and place, as far as uint8 can."""
    sizes = np.cumsum([0] + [a * b for a, b in shapes])
    assert sizes[-1] <= 256
    return [
        np.arange(start, start + a * b, dtype=np.uint8).reshape(a, b)
        for start, (a, b) in zip(sizes[:-1], shapes, strict=True)
    ]


def test_every_position_of_every_slice_is_equally_likely() -> None:
    crops = Crops({"xz": numbered((4, 9), (6, 5), (10, 4))}, frozenset(), 4)
    drawn = crops.draw(4000, np.random.default_rng(1)).labels[:, 0, 0]
    corners, counts = np.unique(drawn, return_counts=True)
    assert len(corners) == 6 + 3 * 2 + 7
    assert counts.min() > 0.7 * 4000 / len(corners)
    assert counts.max() < 1.3 * 4000 / len(corners)


def test_planes_are_equally_likely_whatever_their_area() -> None:
    crops = Crops({"xy": numbered((8, 20)), "yz": numbered((4, 4))}, frozenset(), 4)
    share = (crops.draw(2000, np.random.default_rng(2)).plane == PLANES.index("yz")).mean()
    assert abs(share - 0.5) < 0.05


def test_crops_are_pieces_of_the_slices_and_mirrored_only_where_allowed() -> None:
    image = numbered((12, 14))[0]
    pieces = np.lib.stride_tricks.sliding_window_view(image, (5, 5)).reshape(-1, 5, 5)
    known = {piece.tobytes() for piece in pieces}
    mirrored = {np.ascontiguousarray(p[::a, ::b]).tobytes() for p in pieces for a, b in
                ((1, -1), (-1, 1), (-1, -1))}  # fmt: skip
    batch = Crops({"xy": [image], "xz": [image]}, frozenset({"xz"}), 5).draw(
        300, np.random.default_rng(3)
    )
    for crop, plane in zip(batch.labels, batch.plane, strict=True):
        assert crop.tobytes() in (known if plane == 0 else known | mirrored)
    turned = [c.tobytes() in mirrored for c, p in zip(batch.labels, batch.plane, strict=True) if p]
    assert 0.6 < np.mean(turned) < 0.9


@given(st.lists(st.tuples(st.integers(3, 90), st.integers(3, 90)), min_size=1, max_size=4))
def test_the_side_fits_into_all_slices(shapes: list[tuple[int, int]]) -> None:
    side = crop_side({"xy": [np.zeros(shape, np.uint8) for shape in shapes]}, 32, 8)
    shortest = min(min(shape) for shape in shapes)
    assert side <= min(32, shortest)
    assert side % 8 == 0 or side == shortest < 8


@given(
    count=st.integers(1, 24),
    shape=st.tuples(st.integers(40, 70), st.integers(40, 70)),
    seed=st.integers(0, 99),
)
def test_what_is_scored_was_not_trained_on(count: int, shape: tuple[int, int], seed: int) -> None:
    """Trained pixels carry 0, the others 1: the mark of what `hold_out` took away."""
    rng = np.random.default_rng(seed)
    slices = {"xy": [np.zeros(shape, np.uint8) for _ in range(count)]}
    kept, held = hold_out(slices, 32, 6, rng)
    assert held is not None
    trained = sum(image.size for image in kept["xy"])
    assert 0.8 <= trained / (count * shape[0] * shape[1]) < 1
    for image in slices["xy"]:
        image[:] = 1
    for image in kept["xy"]:
        image[:] = 0
    again = hold_out(slices, 32, 6, np.random.default_rng(seed))[1]
    assert again is not None
    assert again.labels[again.scored].all()
    assert again.scored.any((1, 2)).all()
    assert again.scored.all() == (count >= FEW)


def test_nothing_is_held_out_where_that_would_shrink_the_crops() -> None:
    slices = {"xy": [np.zeros((32, 33), np.uint8)]}
    kept, held = hold_out(slices, 32, 6, np.random.default_rng(0))
    assert held is None
    assert kept["xy"][0].shape == (32, 33)


def texture(angle: float, count: int, seed: int) -> list[NDArray[np.uint8]]:
    """Stripes of a Gaussian field, turned."""
    rng = np.random.default_rng(seed)
    fields = [gaussian_filter(rng.normal(size=(130, 130)), (1.5, 5)) for _ in range(count)]
    turned = [rotate(field, angle, reshape=False)[25:-25, 25:-25] for field in fields]
    return [(field > 0).astype(np.uint8) for field in turned]


@pytest.mark.parametrize(("angle", "count"), [(20, 1), (20, 12), (-12, 4), (35, 30)])
def test_a_tilted_texture_is_seen(angle: float, count: int) -> None:
    assert tilted(texture(angle, count, seed=4), 2)


def test_an_upright_texture_is_hardly_ever_called_tilted() -> None:
    rows = [tilted(texture(0, 1 + seed % 5, seed), 2) for seed in range(40)]
    assert sum(rows) <= 3


def test_too_little_to_tell_is_not_tilted() -> None:
    assert not tilted([np.tri(20, dtype=np.uint8)], 2)
    assert not tilted([np.zeros((64, 64), np.uint8)] * 4 + [np.ones((64, 64), np.uint8)], 2)
