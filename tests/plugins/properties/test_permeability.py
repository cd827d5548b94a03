"""Laws of the permeability, and refusals of bad input."""

import numpy as np
import pytest
import pyvista
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.core import ReconError, Volume
from recon.core.testing import check_plugin, labels
from recon.plugins.properties.permeability import DARCY, Permeability
from tests.plugins.properties.stokes_reference import mirrored, permeability

TIGHT = 1e-11
AXES = ("x", "y", "z")
sizes = st.tuples(*[st.sampled_from([0.5, 1.0, 1.3, 2.0])] * 3)
drives = st.sampled_from([{"periodic": True}, {"sides": "periodic"}, {"sides": "sealed"}])


def solve(volume: Volume | np.ndarray, **options: object):
    volume = volume if isinstance(volume, Volume) else Volume(volume.astype(np.uint8), phases="01")
    return Permeability(**{"tolerance": TIGHT, **options}).solve(volume)


def k(volume: Volume | np.ndarray, **options: object) -> np.ndarray:
    return solve(volume, **options)["permeability"].values


@st.composite
def mazes(draw: st.DrawFn, most: int = 5) -> np.ndarray:
    """Fluid with enough of it that many draws percolate, and some solid."""
    result = draw(labels(2, most, 2)) == 1
    result |= np.random.default_rng(draw(st.integers(0, 99))).random(result.shape) < 0.5
    result.flat[0], result.flat[-1] = False, True
    return result


def pores(side: int, seed: int = 0, share: float = 0.75) -> np.ndarray:
    return np.random.default_rng(seed).random((side,) * 3) < share


def test_conformance() -> None:
    check_plugin(Permeability)
    check_plugin(Permeability, periodic=True, phases=(1,))


@pytest.mark.slow
@settings(max_examples=60)
@given(mazes(), st.sampled_from(AXES), sizes, drives)
def test_random_media_against_a_direct_solve(
    maze: np.ndarray, name: str, size: tuple[float, float, float], drive: dict[str, object]
) -> None:
    axis, share = "zyx".index(name), 1.0
    whole = maze
    if "sides" in drive:
        whole, share = mirrored(maze, axis, drive["sides"] == "sealed")
    expected = permeability(whole, axis, size) / share
    result = k(Volume(maze.astype(np.uint8), size), axes=(name,), **drive)
    np.testing.assert_allclose(result, [expected], rtol=1e-7, atol=1e-12)


@pytest.mark.slow
@given(mazes(), drives, st.data())
def test_opening_a_voxel_never_lowers_it(
    maze: np.ndarray, drive: dict, data: st.DataObject
) -> None:
    before = k(maze, **drive)
    maze = maze.copy()
    place = data.draw(st.integers(0, maze.size - 2).map(lambda n: n + 1))
    maze.flat[place] = True
    assert (k(maze, **drive) >= before * (1 - 1e-8)).all()


@pytest.mark.slow
@given(mazes(), st.permutations([0, 1, 2]), sizes, drives)
def test_rotation(maze: np.ndarray, order: list[int], size: tuple, drive: dict) -> None:
    maze = maze.astype(np.uint8)
    first = k(Volume(maze, size), axes=("z", "y", "x"), **drive)
    turned = Volume(maze.transpose(order)[::-1], [size[n] for n in order])
    second = k(turned, axes=("z", "y", "x"), **drive)
    np.testing.assert_allclose(second, first[order], rtol=1e-7, atol=1e-12)


@pytest.mark.slow
@given(mazes(), drives)
def test_scales_with_the_square_of_the_voxel(maze: np.ndarray, drive: dict) -> None:
    one, small = (k(Volume(maze.astype(np.uint8), (h,) * 3), **drive) for h in (1.0, 4e-7))
    np.testing.assert_allclose(small, one * 1.6e-13, rtol=1e-12)
    result = solve(Volume(maze.astype(np.uint8), (4e-7,) * 3), **drive)
    np.testing.assert_allclose(result["darcy"] * DARCY, result["permeability"], rtol=1e-14)


@pytest.mark.slow
@given(st.integers(0, 1000), sizes)
def test_tensor_is_symmetric_and_positive(seed: int, size: tuple) -> None:
    volume = Volume(pores(5, seed, 0.8).astype(np.uint8), size)
    result = solve(volume, periodic=True, tolerance=1e-9)
    tensor = result["tensor"].values
    np.testing.assert_allclose(tensor, tensor.T, atol=1e-12 * tensor.max())
    assert np.linalg.eigvalsh(tensor)[0] > 0
    np.testing.assert_allclose(np.diag(tensor), result["permeability"])
    np.testing.assert_allclose(result["mean_velocity"], tensor, atol=2e-4 * tensor.max())


def test_columns_of_the_axes_asked_for() -> None:
    volume = pores(6)
    every = solve(volume, periodic=True)["tensor"]
    some = solve(volume, periodic=True, axes=("z",))["tensor"]
    assert some.dims == ("axis", "axis2") and some["axis"].values.tolist() == ["z"]
    np.testing.assert_allclose(some.sel(axis="z"), every.sel(axis="z"), rtol=1e-4)


@pytest.mark.parametrize("drive", [{"periodic": True}, {"sides": "periodic"}, {}])
def test_equal_flow_through_every_layer(tmp_path, drive: dict) -> None:
    volume = Volume(pores(8)[:, 1:].astype(np.uint8), (1e-6, 2e-6, 3e-6))
    path = tmp_path / "velocity.zarr"
    result = solve(volume, fields=str(path), **drive)
    store = zarr.open_group(path, mode="r")
    assert store.attrs["components"] == ["x", "y", "z"]
    for number, name in enumerate(AXES):
        field = store[name][:]
        assert field.shape == (3, *volume.shape)
        across = tuple(n for n in range(3) if n != 2 - number)
        np.testing.assert_allclose(
            field[number].mean(across), result["permeability"][number], rtol=1e-4
        )
        speed = np.sqrt((field**2).sum(0))
        ratio = speed.mean() / field[number].mean()
        assert result["hydraulic_tortuosity"][number] == pytest.approx(ratio, rel=1e-5)
    assert (result["hydraulic_tortuosity"] >= 1).all()


def test_velocity_as_vti(tmp_path) -> None:
    volume = Volume(pores(6)[:4, :5].astype(np.uint8), (1e-6, 2e-6, 3e-6))
    zarr_path, vti = tmp_path / "v.zarr", tmp_path / "v.vti"
    for path in (zarr_path, vti):
        solve(volume, fields=str(path), axes=("y", "x"))
    grid = pyvista.read(vti)
    assert grid.dimensions == (7, 6, 5) and grid.spacing == pytest.approx((3e-6, 2e-6, 1e-6))
    np.testing.assert_array_equal(grid.cell_data["phase"].reshape(volume.shape), volume.labels)
    for name in ("x", "y"):
        field = grid.cell_data[f"velocity-{name}"].reshape(*volume.shape, 3)
        expected = zarr.open_group(zarr_path, mode="r")[name][:]
        np.testing.assert_array_equal(np.moveaxis(field, -1, 0), expected)


@pytest.mark.parametrize("drive", [{"periodic": True}, {"sides": "periodic"}, {}])
def test_isolated_pores_and_dead_ends_change_nothing(drive: dict) -> None:
    channel = np.zeros((9, 11, 10), bool)
    channel[:, 3:6, 3:6] = True
    before = solve(channel, **drive)
    channel[4, 8, 8] = channel[5:7, 8, 8] = True  # isolated
    channel[2, 4, 6:9] = channel[2, 5:8, 8] = channel[6, 1:3, 4] = True  # one voxel wide
    after = solve(channel, **drive)
    assert before["permeability"].values[2] > 0
    np.testing.assert_allclose(after["permeability"], before["permeability"], rtol=1e-9)


@pytest.mark.parametrize("drive", [{"periodic": True}, {"sides": "periodic"}, {}])
def test_no_percolation_is_zero(tmp_path, drive: dict) -> None:
    wall = np.ones((5, 6, 7), bool)
    wall[2] = False
    result = solve(wall, fields=str(tmp_path / "v.zarr"), **drive).sel(axis="z")
    assert result["permeability"] == result["darcy"] == 0 and not result["percolates"]
    assert np.isinf(result["hydraulic_tortuosity"]) and result["iterations"] == 0
    assert (zarr.open_group(tmp_path / "v.zarr", mode="r")["z"][:] == 0).all()


def test_sides_that_join_periodically() -> None:
    """A path that leaves through one side and comes back through the other."""
    path = np.zeros((4, 3, 6), bool)
    path[:2, 1, 0] = path[1:3, 1, 5] = path[2:, 1, 5] = True
    assert k(path, sides="periodic", axes=("z",)) > 0
    assert k(path, sides="sealed", axes=("z",)) == 0
    assert k(path, periodic=True, axes=("z",)) == 0


def test_speeds() -> None:
    result = solve(pores(8), tolerance=1e-8)
    speed = result["speed"]
    assert (speed.diff("quantile") >= 0).all() and (speed.sel(quantile=0.99) > 1).all()


@pytest.mark.parametrize("drive", [{"periodic": True}, {}])
def test_pictures_show_the_speed_on_a_slice_along_the_flow(tmp_path, drive: dict) -> None:
    volume = Volume(pores(8)[:, 1:, 2:].astype(np.uint8))
    path = tmp_path / "velocity.zarr"
    result = solve(volume, fields=str(path), **drive)
    slices = {"x": np.s_[4], "y": np.s_[4], "z": np.s_[:, 3]}
    for name, where in slices.items():
        speed = np.sqrt(np.square(zarr.open_group(path, mode="r")[name][:]).sum(0))
        plane = (speed / speed.mean())[where]
        shown = result[f"speed_{name}"]
        assert shown.dims == (f"along_{name}", f"across_{name}") and "slice" in shown.picture
        np.testing.assert_allclose(shown, plane.T if name == "x" else plane, atol=2e-3)


def test_large_pictures_are_averaged_in_blocks() -> None:
    slit = np.zeros((130, 4, 70), bool)
    slit[:, :, 20:50] = True
    shown = solve(slit, axes=("z",), sides="periodic", tolerance=1e-5)["speed_z"]
    assert shown.shape == (44, 35)
    assert shown.values.mean() == pytest.approx(1, rel=0.01) and (shown[:, :10] == 0).all()


def test_progress_is_told_along_each_axis() -> None:
    told = []
    solver = Permeability(tolerance=1e-6, report=lambda *state: told.append(state))
    result = solver.solve(Volume(pores(8).astype(np.uint8)))
    done = [state[0] for state in told]
    assert len(told) == result["iterations"].sum() and {state[1] for state in told} == {300}
    assert done == sorted(done) and done[-1] == 300
    assert told[-1][2].startswith("along z, step ")


def test_axes_in_the_order_asked_for() -> None:
    every = solve(pores(6))["permeability"]
    some = solve(pores(6), axes=("z", "x"))["permeability"]
    assert some["axis"].values.tolist() == ["z", "x"]
    assert (some == every.sel(axis=["z", "x"])).all()


def test_which_phase_flows() -> None:
    results = pores(6).astype(np.uint8)
    flipped = Volume(1 - results, phases=("Pore", "grain"))
    result = solve(flipped)
    assert result.attrs["phases"] == [0] and result.attrs["phase_names"] == ["Pore"]
    assert any("'Pore'" in note for note in result.attrs["notes"])
    np.testing.assert_allclose(result["permeability"], k(results), rtol=1e-9)
    both = np.where(pores(6, 1), results, 2 * results).astype(np.uint8)
    np.testing.assert_allclose(
        k(Volume(both, phases="abc"), phases=("b", 2)), k(results > 0), rtol=1e-9
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phases": ()}, "phases must be one or more"),
        ({"phases": (1, 1)}, "each once"),
        ({"phases": (7,)}, "unknown phase .7."),
        ({"phases": (-1,)}, "must be >= 0"),
        ({"axes": ()}, "axes must be one or more"),
        ({"axes": ("w",)}, "one of x, y, z"),
        ({"sides": "open"}, "one of sealed, periodic"),
        ({"tolerance": 0.0}, "tolerance must be in"),
        ({"periodic": True}, "infinite"),
        ({"sides": "periodic"}, "infinite"),
    ],
)
def test_refusals(options: dict[str, object], message: str) -> None:
    with pytest.raises(ReconError, match=message) as error:
        Permeability(**options).solve(Volume(np.ones((3, 3, 3), np.uint8)))
    assert "\n" not in str(error.value)


def test_refused_volumes() -> None:
    with pytest.raises(ReconError, match="got no voxel of phases"):
        solve(np.zeros((3, 3, 3)))
    with pytest.raises(ReconError, match="at least two voxels thick"):
        solve(np.ones((1, 3, 3)))
