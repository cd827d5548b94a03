"""Interface area by pair: bodies of known surface, laws, what is connected."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, ReconError, Volume
from recon.core.testing import check_plugin, volumes
from recon.plugins.metrics.interface_area import InterfaceArea
from tests.plugins.metrics.shapes import ball, places, plate, rod, unit

DIRECTIONS = [(1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0.3, 0.2), (1, 0.05, 0)]


def total(body: np.ndarray, edges: tuple[float, ...] = (1, 1, 1)) -> float:
    """Area of a body inside a cube of voxels; its border is no place of a face."""
    values = InterfaceArea().measure(Volume(body, np.array(edges) * 1e-6))["area"].values
    assert values[0, 1] == values[1, 0] and values[0, 0] == values[1, 1] == 0
    return float(values[0, 1] * body[1:].size * np.prod(edges))


def faces(body: np.ndarray) -> int:
    return sum(int(np.count_nonzero(np.diff(body, axis=axis))) for axis in range(3))


def test_conformance() -> None:
    check_plugin(InterfaceArea)


@pytest.mark.parametrize("radius", [6, 8.4, 12, 20])
def test_balls(radius: float) -> None:
    body, surface = ball(radius)
    assert faces(body) > 1.45 * surface
    assert total(body) == pytest.approx(surface, rel=0.02)


@pytest.mark.parametrize("edges", [(2, 1, 1), (1, 2, 1), (1, 1, 1.5)])
def test_balls_of_anisotropic_voxels(edges: tuple) -> None:
    body, surface = ball(14, edges)
    assert total(body, edges) == pytest.approx(surface, rel=0.02)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("radius", [5, 8])
def test_cylinders(radius: float, direction: tuple) -> None:
    body, surface = rod(radius, direction, 40)
    assert faces(body) > 1.25 * surface
    assert total(body) == pytest.approx(surface, rel=0.02)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_plates(direction: tuple) -> None:
    body, surface = plate(5, direction, 18)
    assert total(body) == pytest.approx(surface, rel=0.02)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_slabs_that_the_border_cuts(direction: tuple) -> None:
    """Planes that leave through the sides of a tall volume, by normal."""
    shape, d = (100, 30, 30), unit(direction)
    body = np.abs(places(shape) @ d) < 5
    value = InterfaceArea().measure(Volume(body))["area"].values[0, 1]
    assert value * 99 == pytest.approx(2 / d[0], rel=0.02)


def test_phases_one_by_one() -> None:
    """A shell around a core: two spheres, and no contact of what the shell parts."""
    core, inner = ball(9)
    distance = np.sqrt(np.square(places((40, 40, 40))).sum(-1))
    labels = np.where(distance < 9, 2, np.where(distance < 15, 1, 0)).astype(np.uint8)
    values = InterfaceArea().measure(Volume(labels, phases="abc"))
    area = values["area"].values * 39 * 40 * 40
    assert area[1, 2] == pytest.approx(inner, rel=0.02)
    assert area[0, 1] == pytest.approx(4 * np.pi * 15**2, rel=0.02)
    assert area[0, 2] == 0 and np.isnan(values["connected_share"].values[0, 2]).all()
    np.testing.assert_allclose(values["phase_area"], values["area"].sum("phase2"))


@given(volumes(max_side=6), st.permutations(range(3)), st.permutations(range(3)))
def test_axes_mirrors_and_labels_may_be_exchanged(
    volume: Volume, order: list[int], axes: list[int]
) -> None:
    values = InterfaceArea().measure(volume)
    sizes = [volume.voxel_size[axis] for axis in axes]
    turned = np.array(order)[volume.labels.transpose(axes)[::-1, :, ::-1]]
    moved = InterfaceArea().measure(Volume(turned, sizes, volume.phases))
    place = np.ix_(order, order)
    np.testing.assert_allclose(moved["area"].values[place], values["area"], rtol=1e-3, atol=1e-9)
    names = ["zyx"[axis] for axis in axes]
    share = moved["connected_share"].sel(axis=["z", "y", "x"]).values[place]
    np.testing.assert_allclose(share, values["connected_share"].sel(axis=names), atol=1e-3)


@given(volumes(max_side=7))
def test_no_larger_than_the_faces(volume: Volume) -> None:
    volume = Volume(volume.labels, phases=volume.phases)
    values = InterfaceArea().measure(volume)
    counted = np.zeros((3, 3))
    for axis in range(3):
        one, other = (np.moveaxis(volume.labels, axis, 0)[k] for k in (slice(-1), slice(1, None)))
        if one.size:
            for i in range(3):
                for j in range(3):
                    counted[i, j] += (i != j) * np.mean(
                        ((one == i) & (other == j)) | ((one == j) & (other == i))
                    )
    assert (values["area"].values <= counted + 1e-9).all()
    assert ((values["area"].values > 0) == (counted > 0)).all()
    share = values["connected_share"].values
    assert ((share >= 0) & (share <= 1 + 1e-9) | np.isnan(share)).all()


def test_connected_share() -> None:
    """Two rods of one phase from end to end, and one of the same surface that hangs free."""
    y, x = np.indices((24, 45))
    labels = np.zeros((40, 24, 45), np.uint8)
    for centre in (8.2, 22.2):
        labels[:, np.hypot(y - 12.3, x - centre) < 5] = 1
    labels[10:30, np.hypot(y - 12.3, x - 36.2) < 5] = 1
    share = InterfaceArea().measure(Volume(labels))["connected_share"].sel(phase=0, phase2=1)
    side, caps = 2 * np.pi * 5, 2 * np.pi * 5**2
    assert share.sel(axis="z") == pytest.approx(80 * side / (100 * side + caps), abs=0.02)
    assert share.sel(axis="x") == share.sel(axis="y") == 0


def test_refused() -> None:
    with pytest.raises(ReconError, match="needs a volume, got micrographs"):
        InterfaceArea().measure(Micrographs({"xy": [np.eye(4, dtype=np.uint8)]}))
