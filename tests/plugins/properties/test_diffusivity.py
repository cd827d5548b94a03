"""Laws of the effective diffusivity, exact cases, and refusals of bad input."""

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from recon.core import ReconError, Volume
from recon.core.testing import check_plugin, labels
from recon.plugins.properties.diffusivity import Diffusivity

TIGHT = 1e-12
AXES = ("x", "y", "z")


def relative(volume: Volume | np.ndarray, **options: object) -> np.ndarray:
    volume = volume if isinstance(volume, Volume) else Volume(volume, phases="01234")
    solver = Diffusivity(**{"tolerance": TIGHT, **options})
    return solver.solve(volume)["relative"].values


def maze(draw: st.DrawFn, phases: int = 2) -> np.ndarray:
    """Labels with more of phase 1, so that many draws percolate."""
    result = draw(labels(2, 7, phases))
    keep = np.random.default_rng(draw(st.integers(0, 99))).random(result.shape) < 0.4
    return np.where(keep, result, 1).astype(np.uint8)


mazes = st.composite(maze)()


def test_conformance() -> None:
    check_plugin(Diffusivity)
    check_plugin(Diffusivity, periodic=True, phases=(0, 1), coefficients=(1.0, 0.1))


@pytest.mark.parametrize("periodic", [False, True])
def test_straight_channel(periodic: bool) -> None:
    channel = np.zeros((5, 6, 7), np.uint8)
    channel[:, 2:4, 3] = 1
    result = Diffusivity(periodic=periodic).solve(Volume(channel, (1e-6, 2e-6, 3e-6)))
    assert result["axis"].values.tolist() == list(AXES)
    assert result["percolates"].values.tolist() == [False, False, True]
    np.testing.assert_allclose(result["relative"], [0, 0, 2 / 42], rtol=1e-14)
    assert result["tortuosity_factor"].values.tolist()[:2] == [np.inf, np.inf]
    assert result["tortuosity_factor"].values[2] == pytest.approx(1, abs=1e-14)
    assert result["iterations"].values.tolist() == [0, 0, 0]


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=12),
    st.tuples(*[st.floats(0.1, 10)] * 3),
    st.sampled_from(AXES),
    st.booleans(),
)
def test_laminates(
    layers: list[int], size: tuple[float, float, float], normal: str, periodic: bool
) -> None:
    given_d = np.array([0.02, 1.0, 0.3])
    d = given_d[layers]
    axis = "zyx".index(normal)
    shape = [3, 4, 2]
    shape[axis] = len(layers)
    stack = np.moveaxis(np.zeros(shape, np.uint8), axis, 2) + np.array(layers, np.uint8)
    volume = Volume(np.moveaxis(stack, 2, axis), size, phases="abc")
    result = relative(volume, phases=(0, 1, 2), coefficients=tuple(given_d), periodic=periodic)
    expected = {name: d.mean() for name in AXES}
    expected[normal] = 1 / np.mean(1 / d)
    np.testing.assert_allclose(result, [expected[name] for name in AXES], rtol=1e-9)


@given(mazes)
def test_bounded_by_volume_fraction_and_monotone(maze: np.ndarray) -> None:
    before = relative(maze)
    assert (before <= maze.mean() + 1e-9).all()
    more = maze.copy()
    more[tuple(n // 2 for n in maze.shape)] = 1
    more[0] = 1
    assert (relative(more) >= before - 1e-9).all()


@given(mazes, st.permutations([0, 1, 2]), st.booleans(), st.tuples(*[st.floats(0.5, 2)] * 3))
def test_rotation(
    maze: np.ndarray, order: list[int], periodic: bool, size: tuple[float, float, float]
) -> None:
    first = relative(Volume(maze, size), periodic=periodic, axes=("z", "y", "x"))
    turned = Volume(maze.transpose(order)[::-1], [size[n] for n in order])
    second = relative(turned, periodic=periodic, axes=("z", "y", "x"))
    np.testing.assert_allclose(second, first[order], rtol=1e-7, atol=1e-10)


@given(mazes)
def test_bruggeman_exponent(maze: np.ndarray) -> None:
    result = Diffusivity(tolerance=TIGHT).solve(Volume(maze, phases="01"))
    b, fraction = result["bruggeman_exponent"], result["volume_fraction"].item()
    if fraction == 1:
        assert b.isnull().all()
        return
    np.testing.assert_allclose(fraction**b, result["relative"], rtol=1e-9)
    assert (b >= 1 - 1e-9).all() and (np.isinf(b) == ~result["percolates"]).all()


def test_isolated_pores_change_nothing() -> None:
    rng = np.random.default_rng(3)
    maze = (rng.random((9, 8, 10)) < 0.7).astype(np.uint8)
    maze[3:6, 3:6, 3:6] = 0
    before = relative(maze)
    assert (before > 0).all()
    maze[4, 4, 4] = 1
    assert (relative(maze) == before).all()


@pytest.mark.parametrize("periodic", [False, True])
def test_dead_ends_change_nothing(periodic: bool) -> None:
    channel = np.zeros((8, 9, 9), np.uint8)
    channel[:, 4, 4] = 1
    channel[2, 4, 4:7] = channel[2, 5:7, 6] = channel[5, 1:4, 4] = 1
    result = relative(channel, periodic=periodic)
    np.testing.assert_allclose(result, [0, 0, 1 / 81], rtol=1e-10)


@given(mazes, st.floats(1e-12, 1e12))
def test_scale_of_coefficients(maze: np.ndarray, factor: float) -> None:
    both = {"phases": (1, 0)}
    first = relative(maze, coefficients=(1.0, 0.2), **both)
    second = relative(maze, coefficients=(factor, 0.2 * factor), **both)
    np.testing.assert_allclose(second, first, rtol=1e-9)
    assert (relative(maze, **both) == 1).all()


def test_equal_flux_through_every_layer(tmp_path) -> None:
    rng = np.random.default_rng(1)
    volume = Volume((rng.random((9, 8, 7)) < 0.75).astype(np.uint8), (1, 2, 3))
    path = tmp_path / "flux.zarr"
    solver = Diffusivity(tolerance=TIGHT, flux=str(path))
    solution = solver.solve(volume)["relative"]
    store = zarr.open_group(path, mode="r")
    assert store.attrs["components"] == ["x", "y", "z"]
    for number, name in enumerate(AXES):
        field = store[name][:]
        assert field.shape == (3, 9, 8, 7)
        across = tuple(n for n in range(3) if n != 2 - number)
        np.testing.assert_allclose(field[number].mean(across), solution[number], rtol=1e-4)
        assert (field[:, volume.labels == 0] == 0).all()
    with pytest.raises(ReconError, match="exists already"):
        solver.solve(volume)


@given(labels(1, 5, 2), st.booleans())
def test_any_shape_gives_numbers(results: np.ndarray, periodic: bool) -> None:
    results = results.copy()
    results.flat[0] = 1
    result = Diffusivity(periodic=periodic).solve(Volume(results))
    assert (
        np.isfinite(result["relative"]).all()
        and not result.drop_vars("bruggeman_exponent").isnull().any().to_array().any()
    )
    blocked = result["relative"] == 0
    assert (np.isinf(result["tortuosity_factor"]) == blocked).all()
    assert (result["percolates"] == ~blocked).all()


def test_axes_in_the_order_asked_for() -> None:
    rng = np.random.default_rng(5)
    volume = Volume((rng.random((6, 7, 8)) < 0.8).astype(np.uint8))
    every = Diffusivity().solve(volume)["relative"]
    some = Diffusivity(axes=("z", "x")).solve(volume)["relative"]
    assert some["axis"].values.tolist() == ["z", "x"]
    assert (some == every.sel(axis=["z", "x"])).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phases": ()}, "phases must be one or more"),
        ({"phases": (1, 1)}, "each once"),
        ({"phases": (7,)}, "unknown phase .7.; known: 0, 1"),
        ({"phases": (-1,)}, "must be >= 0"),
        ({"axes": ()}, "axes must be one or more"),
        ({"axes": ("x", "x")}, "each once"),
        ({"axes": ("w",)}, "one of x, y, z"),
        ({"coefficients": (1.0, 2.0)}, "one for each conducting phase, got 2"),
        ({"coefficients": (0.0,)}, "must be > 0"),
        ({"coefficients": (float("inf"),)}, "must be > 0"),
        ({"tolerance": 0.0}, "tolerance must be in"),
        ({"device": "tpu"}, "device must be one of"),
    ],
)
def test_refusals(options: dict[str, object], message: str) -> None:
    with pytest.raises(ReconError, match=message) as error:
        Diffusivity(**options).solve(Volume(np.ones((3, 3, 3), np.uint8)))
    assert "\n" not in str(error.value)


def test_absent_phase_is_refused() -> None:
    volume = Volume(np.zeros((3, 3, 3), np.uint8), phases=("solid", "pore"))
    with pytest.raises(ReconError, match="got no voxel of phases"):
        Diffusivity().solve(volume)


@pytest.mark.parametrize("name", ["pore", "Void", "electrolyte"])
def test_the_phase_named_so_conducts_by_default_and_it_is_said(name: str) -> None:
    labels = (np.random.default_rng(6).random((6, 7, 8)) < 0.3).astype(np.uint8)
    solution = Diffusivity().solve(Volume(labels, phases=(name, "solid")))
    expected = Diffusivity(phases=(0,)).solve(Volume(labels))
    assert (solution["relative"] == expected["relative"]).all()
    assert solution.attrs["phases"] == [0] and solution.attrs["phase_names"] == [name]
    assert solution.attrs["notes"] == [f"phase {name!r} (label 0) conducts, by default"]
    assert expected.attrs["notes"] == ["phase '0' (label 0) conducts"]


def test_without_such_a_name_label_1_conducts_and_it_is_said() -> None:
    labels = (np.random.default_rng(7).random((6, 7, 8)) < 0.7).astype(np.uint8)
    solution = Diffusivity().solve(Volume(labels))
    assert solution.attrs["notes"] == ["phase '1' (label 1) conducts, by default"]
    named = Diffusivity(phases=("b", "a"), coefficients=(1.0, 0.1))
    notes = named.solve(Volume(labels, phases=("a", "b"))).attrs["notes"]
    assert notes == ["phases 'b' (label 1) and 'a' (label 0) conduct"]
    with pytest.raises(ReconError, match="each once"):
        Diffusivity(phases=("b", 1)).solve(Volume(labels, phases=("a", "b")))
    with pytest.raises(ReconError, match="no phase is named pore.* choose among 0 with diff"):
        Diffusivity().solve(Volume(np.zeros((3, 3, 3), np.uint8)))
