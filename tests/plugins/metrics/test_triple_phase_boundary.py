"""Triple-phase boundaries: rings and lines of known length, laws, what percolates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, ReconError, Volume
from recon.core.testing import check_plugin, volumes
from recon.plugins.metrics.triple_phase_boundary import TriplePhaseBoundary
from tests.plugins.metrics.shapes import places, unit

DIRECTIONS = [(1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0.3, 0.2)]


def measure(labels: np.ndarray, phases: str = "abc"):
    return TriplePhaseBoundary().measure(Volume(labels.astype(np.uint8), phases=phases))


def edges_of(labels: np.ndarray) -> int:
    """Voxel edges around which three phases lie, by hand."""
    count = 0
    for a, b in ((0, 1), (0, 2), (1, 2)):
        at = np.moveaxis(labels, (a, b), (0, 1))
        four = np.stack([at[:-1, :-1], at[1:, :-1], at[:-1, 1:], at[1:, 1:]])
        count += int((np.diff(np.sort(four, 0), axis=0) > 0).sum(0).__ge__(2).sum())
    return count


def test_conformance() -> None:
    check_plugin(TriplePhaseBoundary)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("radius", [8, 16])
def test_rings(radius: float, direction: tuple) -> None:
    """A ball lies half in a ground: the line of contact is a circle, in any plane."""
    side = 2 * radius + 10
    at = places((side,) * 3)
    ground = at @ unit(direction) < 0
    labels = np.where(ground, 0, np.where(np.square(at).sum(-1) < radius**2, 1, 2))
    length = measure(labels)["length"].item() * side * (side - 1) ** 2
    assert edges_of(labels) > 1.2 * 2 * np.pi * radius
    assert length == pytest.approx(2 * np.pi * radius, rel=0.05)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_straight_lines(direction: tuple) -> None:
    """Three sectors around an axis, whose line leaves through both ends."""
    d = unit(direction)
    one = unit(np.cross(d, (0, 0.3, 1)))
    at = places((30, 60, 60))
    angle = np.arctan2(at @ one, at @ np.cross(d, one)) / (2 * np.pi) + 0.5
    length = measure((3 * angle).astype(int) % 3)["length"].item()
    assert length * 30 * 59**2 == pytest.approx(30 / d[0], rel=0.04)


@given(volumes(min_side=2, max_side=6))
def test_where_edges_are(volume: Volume) -> None:
    volume = Volume(volume.labels, phases=volume.phases)
    values = TriplePhaseBoundary().measure(volume)
    edges = edges_of(volume.labels)
    z, y, x = volume.shape
    least = min(z * (y - 1) * (x - 1), y * (z - 1) * (x - 1), x * (z - 1) * (y - 1))
    assert values["length"].item() <= edges / least * (1 + 1e-9)
    assert (values["length"].item() > 0) == (edges > 0)
    share = values["percolating_share"].values
    assert ((share >= 0) & (share <= 1 + 1e-9) | np.isnan(share)).all()


@given(volumes(min_side=2, max_side=6), st.permutations(range(3)), st.permutations(range(3)))
def test_axes_mirrors_and_labels_may_be_exchanged(
    volume: Volume, order: list[int], axes: list[int]
) -> None:
    values = TriplePhaseBoundary().measure(volume)
    turned = np.array(order)[volume.labels.transpose(axes)[::-1, :, ::-1]]
    moved = TriplePhaseBoundary().measure(
        Volume(turned, [volume.voxel_size[axis] for axis in axes], volume.phases)
    )
    np.testing.assert_allclose(moved["length"], values["length"], rtol=1e-3, atol=1e-9)
    names = ["zyx"[axis] for axis in axes]
    share = moved["percolating_share"].sel(axis=["z", "y", "x"])
    np.testing.assert_allclose(share, values["percolating_share"].sel(axis=names), atol=1e-3)


def test_percolating_share() -> None:
    """Of three equal lines two belong to phases that all lead on along z."""
    labels = np.zeros((30, 20, 62), np.uint8)
    labels[:, 10:] = 1
    for begin in (5, 45):
        labels[:, 6:14, begin : begin + 8] = 2
    labels[4:26, 6:14, 25:33] = 2
    values = measure(labels)
    share = values["percolating_share"].sel(axis="z").item()
    assert share == pytest.approx(4 * 30 / (4 * 30 + 2 * 22 + 2 * 8), rel=0.03)
    assert values["percolating_share"].sel(axis=["x", "y"]).values.tolist() == [[0, 0]]


def test_four_phases_have_four_triples() -> None:
    labels = np.zeros((6, 8, 8), int)
    labels[:, 4:, :4], labels[:, :4, 4:], labels[:, 4:, 4:] = 1, 2, 3
    values = measure(labels, "abcd")
    assert values["triple"].values.tolist() == ["0-1-2", "0-1-3", "0-2-3", "1-2-3"]
    np.testing.assert_allclose(values["length"], 1 / 49, rtol=1e-6)


def test_two_phases_have_none() -> None:
    values = measure(np.zeros((3, 3, 3)), "ab")
    assert values.sizes == {"triple": 0, "axis": 3} and "no triple-phase" in values.notes[0]


def test_refused() -> None:
    with pytest.raises(ReconError, match="needs a volume, got micrographs"):
        TriplePhaseBoundary().measure(Micrographs({"xy": [np.eye(4, dtype=np.uint8)]}))
