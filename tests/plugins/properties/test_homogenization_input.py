"""Refusals: one line that says what is wrong, the rule, what was received and the remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recon.core import ReconError, Volume
from recon.plugins.properties.elasticity.cpu import Cpu
from recon.plugins.properties.homogenization import Homogenization, _system

SOLID = {"name": "solid", "E": 70, "nu": 0.2}
VOID = {"name": "void", "void": True}
Write = Callable[..., str]


def refusal(act: Callable[[], Any]) -> str:
    with pytest.raises(ReconError) as error:
        act()
    text = str(error.value)
    assert "\n" not in text and "\r" not in text
    return text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "property homogenization: materials must be a TOML file or one of .*lee-yun.*, got n"),
        ({"materials": "lee-yn"}, "unknown materials 'lee-yn'; did you mean 'lee-yun'"),
        ({"materials": "none.toml"}, "cannot read materials none.toml: No such file"),
        ({"materials": "lee-yun", "tolerance": 0.0}, "tolerance must be in .*, got 0"),
        ({"materials": "lee-yun", "tolerance": 1.0}, "tolerance must be in .*, got 1"),
        ({"materials": "lee-yun", "tolerance": float("nan")}, "tolerance must be .*, got nan"),
        ({"materials": "lee-yun", "max_iterations": 0}, "max_iterations must be >= 1, got 0"),
        ({"materials": "lee-yun", "cases_at_once": 4}, "cases_at_once must be one of .*, got 4"),
        ({"materials": "lee-yun", "window": 0.0}, "window must be >= 0.5, got 0"),
        ({"materials": "lee-yun", "device": "tpu"}, "device must be one of auto, cpu, cuda"),
    ],
)
def test_bad_options_are_refused_when_they_are_given(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ReconError, match=message):
        Homogenization(**options)
    refusal(lambda: Homogenization(**options))


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        ({"E": 0, "nu": 0.2}, "E must be > 0, got 0"),
        ({"E": -3, "nu": 0.2}, "E must be > 0, got -3"),
        ({"E": 3, "nu": 0.5}, "nu must be in (-1, 0.5), got 0.5"),
        ({"E": 3, "nu": -1.0}, "nu must be in (-1, 0.5), got -1"),
        (
            {"C": np.diag([1.0, 1, 1, 1, 1, -0.5]).tolist()},
            "the stiffness must be positive definit",
        ),
        ({"C": np.ones((6, 6)).tolist()}, "the stiffness must be positive definite"),
    ],
)
def test_bad_materials_are_refused_when_they_are_given(
    materials: Write, phase: dict[str, Any], message: str
) -> None:
    file = materials(SOLID, phase)
    text = refusal(lambda: Homogenization(materials=file))
    assert message in text and file in text and "phase 1" in text


def test_materials_that_change_later_are_read_again(materials: Write) -> None:
    solver = Homogenization(materials=materials(SOLID))
    materials({"E": -1, "nu": 0.2})
    assert "E must be > 0" in refusal(lambda: solver.solve(Volume(np.zeros((2, 2, 2), np.uint8))))


def test_a_label_without_a_phase_is_refused_and_a_phase_without_a_label_is_not(
    materials: Write,
) -> None:
    labels = np.zeros((3, 3, 3), np.uint8)
    labels[1] = 2
    volume = Volume(labels, phases=("a", "b", "pore"))
    short = Homogenization(materials=materials(SOLID, SOLID))
    text = refusal(lambda: short.solve(volume))
    assert "must have a [[phase]] for every label" in text and "label 2 (pore)" in text
    file = materials(SOLID, VOID, {"E": 3, "nu": 0.3}, SOLID, VOID)
    solution = Homogenization(materials=file).solve(volume)
    assert solution["stiffness"].notnull().all() and solution["reuss_bound"].any()


def cut(axis: int) -> np.ndarray:
    labels = np.zeros((6, 5, 7), np.uint8)
    np.moveaxis(labels, axis, 0)[2] = 1
    return labels


def strands() -> np.ndarray:
    """Beams along x and, apart from them, along y and z."""
    labels = np.ones((6, 6, 6), np.uint8)
    labels[0, 0, :] = labels[3, :, 3] = labels[:, 3, 3] = 0
    return labels


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (cut(0), "void that separates it along z;"),
        (cut(1), "void that separates it along y;"),
        (cut(2), "void that separates it along x;"),
        (np.maximum(cut(0), cut(2)), "void that separates it along x and z;"),
        (strands(), "void that separates it into parts, none of them continuous along x, y and z;"),
        (np.ones((3, 3, 3), np.uint8), "must hold a solid phase, got void only"),
    ],
    ids=["z", "y", "x", "xz", "strands", "void"],
)
def test_void_that_cuts_the_volume_apart_is_refused(
    materials: Write, labels: np.ndarray, message: str
) -> None:
    solver = Homogenization(materials=materials(SOLID, VOID))
    text = refusal(lambda: solver.solve(Volume(labels)))
    assert message in text and text.startswith("homogenization: the ")


def test_void_that_cuts_the_volume_at_its_border_is_refused(materials: Write) -> None:
    """The volume repeats: a layer of void at one end is enough."""
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[0] = 1
    solver = Homogenization(materials=materials(SOLID, VOID))
    assert "separates it along z" in refusal(lambda: solver.solve(Volume(labels)))


def checkers() -> np.ndarray:
    """Blocks that touch along edges only, in every direction."""
    z, y, x = np.indices((6, 6, 6)) // 3
    return ((z + y + x) % 2).astype(np.uint8)


def hinges() -> np.ndarray:
    """Columns along z of squares that touch along edges: they shear freely in the plane."""
    y, x = np.indices((6, 6)) // 3
    return np.broadcast_to((y + x) % 2, (5, 6, 6)).astype(np.uint8)


@pytest.mark.parametrize("labels", [checkers(), hinges()], ids=["checkers", "hinges"])
def test_a_solid_that_hangs_by_edges_is_refused(materials: Write, labels: np.ndarray) -> None:
    text = refusal(lambda: Homogenization(materials=materials(SOLID, VOID)).solve(Volume(labels)))
    assert "connected" in text and "void" in text


def diagonal() -> np.ndarray:
    """One strand that winds around the volume in all directions: it bears only its own."""
    labels = np.ones((6, 6, 6), np.uint8)
    for n in range(6):
        m = (n + 1) % 6
        labels[n, n, n] = labels[n, n, m] = labels[n, m, m] = 0
    return labels


def beams() -> np.ndarray:
    """Beams of one voxel along x, y and z that meet: stiff in shear through their corner."""
    labels = np.ones((5, 5, 5), np.uint8)
    labels[2, 2, :] = labels[2, :, 2] = labels[:, 2, 2] = 0
    return labels


@pytest.mark.parametrize("tolerance", [0.1, 1e-2, 1e-4, 1e-6, 1e-10])
def test_a_strand_is_refused_whatever_the_tolerance(materials: Write, tolerance: float) -> None:
    solver = Homogenization(materials=materials(SOLID, VOID), tolerance=tolerance)
    text = refusal(lambda: solver.solve(Volume(diagonal())))
    assert text.startswith("homogenization: the volume must bear every strain")


def test_a_frame_of_beams_is_not_refused(materials: Write) -> None:
    solution = Homogenization(materials=materials(SOLID, VOID)).solve(Volume(beams()))
    assert np.linalg.eigvalsh(solution["stiffness"])[0] > 0
    assert solution.attrs["warnings"] == []


@pytest.mark.parametrize("modulus", [0.07, 1e-10])
def test_a_phase_that_is_nearly_void_bears_a_cut(materials: Write, modulus: float) -> None:
    """What the refusal advises."""
    file = materials(SOLID, {"E": modulus, "nu": 0.2})
    solution = Homogenization(materials=file).solve(Volume(cut(0)))
    across = 1 / (1 / modulus / 6 + 5 / 70 / 6)  # both phases of one ratio: E of the series
    assert solution["E"].sel(axis="z") == pytest.approx(across, rel=0.2)


def test_no_convergence_is_an_error_and_leaves_no_fields(materials: Write, tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 2, (8, 8, 8)).astype(np.uint8)
    path = tmp_path / "fields.zarr"
    solver = Homogenization(
        materials=materials(SOLID, {"E": 1, "nu": 0.3}), max_iterations=1, fields=str(path)
    )
    text = refusal(lambda: solver.solve(Volume(labels)))
    assert text.startswith("homogenization did not converge: the residual is ")
    assert "after 1 iterations, tolerance 1.0e-06; raise homogenization.max_iterations" in text
    assert [child.name for child in tmp_path.iterdir()] == ["materials.toml"]


def test_stiff_pieces_that_still_move_are_no_convergence(materials: Write) -> None:
    """Their forces balance to the tolerance at once, the matrix around them is not solved."""
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:3, :3, :3] = labels[4:6, 4:7, 4:7] = 1
    file = materials({"E": 1, "nu": 0.3}, {"E": 1e9, "nu": 0.3})
    text = refusal(lambda: Homogenization(materials=file, max_iterations=6).solve(Volume(labels)))
    assert ", too much for inclusions so stiff after 6 iterations, tolerance 1.0e-06" in text


def test_fields_do_not_replace_what_is_there(materials: Write, tmp_path: Path) -> None:
    path = tmp_path / "precious.zarr"
    path.write_text("keep")
    solver = Homogenization(materials=materials(SOLID), fields=str(path))
    text = refusal(lambda: solver.solve(Volume(np.zeros((2, 2, 2), np.uint8))))
    assert "precious.zarr exists already; choose another name" in text
    assert path.read_text() == "keep"


def test_fields_that_cannot_be_written_are_refused(materials: Write, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    solver = Homogenization(materials=materials(SOLID), fields=str(tmp_path / "file" / "f.zarr"))
    text = refusal(lambda: solver.solve(Volume(np.zeros((2, 2, 2), np.uint8))))
    assert "cannot write" in text and "choose another place" in text


def test_only_cuda_leaves_numba() -> None:
    """`--device auto` on a Mac finds mps, which has no double precision."""
    assert _system("mps") == _system("cpu") == Cpu.of
    assert _system("cuda") != Cpu.of
