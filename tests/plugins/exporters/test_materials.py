"""What the input file says of the materials is the stiffness that they have."""

import re

import numpy as np
import pytest
import tomli_w

from recon.core import ReconError, Volume
from recon.core.exporters import export

RELATIONS = {  # Abaqus: D_ijkl, in its order
    "ANISOTROPIC": "1111 1122 2222 1133 2233 3333 1112 2212 3312 1212 1113 2213 3313 1213 1313 "
    "1123 2223 3323 1223 1323 2323",
}
VOIGT = {"11": 0, "22": 1, "33": 2, "23": 3, "13": 4, "12": 5}
SQUARE = {
    "C": [
        [60, 12, 11, 1, 2, 3],
        [12, 30, 9, 0.5, 1, 0.2],
        [11, 9, 25, 0.7, 0.3, 1],
        [1, 0.5, 0.7, 8, 0.4, 0.3],
        [2, 1, 0.3, 0.4, 9, 0.6],
        [3, 0.2, 1, 0.3, 0.6, 10],
    ],
    "axis": "z",
}
FIBRE = {"E1": 230, "E2": 15, "nu12": 0.2, "nu23": 0.07, "G12": 15, "axis": [1.0, 2.0, 0.5]}
FIBRE |= {"alpha1": -0.7e-6, "alpha2": 12e-6}
EPOXY = {"E": 4.2, "nu": 0.34, "alpha": 58e-6}


def materials(*phases, unit="GPa"):
    return {"unit": unit, "phase": list(phases)}


def written(tmp_path, given, unit="um"):
    volume = Volume(np.arange(len(given["phase"])).reshape(1, 1, -1))
    (tmp_path / "test.toml").write_text(tomli_w.dumps(given))
    export(volume, tmp_path / "a.inp", materials=str(tmp_path / "test.toml"), unit=unit)
    return (tmp_path / "a.inp").read_text()


def numbers(text, keyword):
    """Data of the first block that begins with the keyword line."""
    data = text.partition(f"{keyword}\n")[2]
    return [
        float(n) for line in re.split(r"\n\*", data)[0].split("\n") for n in line.split(",") if n
    ]


def test_isotropic(tmp_path):
    text = written(tmp_path, materials(EPOXY))
    assert numbers(text, "*ELASTIC") == pytest.approx([4200, 0.34])
    assert numbers(text, "*EXPANSION") == pytest.approx([58e-6])
    assert "*ORIENTATION" not in text and "PLACEHOLDER" not in text


def test_engineering_constants_and_axes(tmp_path):
    text = written(tmp_path, materials(FIBRE))
    E1, E2, E3, nu12, nu13, nu23, G12, G13, G23 = numbers(
        text, "*ELASTIC, TYPE=ENGINEERING CONSTANTS"
    )
    assert pytest.approx((230e3, 15e3, 15e3)) == (E1, E2, E3)
    assert (nu12, nu13, nu23) == pytest.approx((0.2, 0.2, 0.07))
    assert pytest.approx((15e3, 15e3, 15e3 / 2.14)) == (G12, G13, G23)
    assert numbers(text, "*EXPANSION, TYPE=ORTHO") == pytest.approx([-0.7e-6, 12e-6, 12e-6])
    axes = numbers(text, "*ORIENTATION, NAME=AXES_PHASE_0, SYSTEM=RECTANGULAR")
    first, second = np.array(axes).reshape(2, 3)
    assert np.allclose(first, np.array([1, 2, 0.5]) / np.linalg.norm([1, 2, 0.5]))
    assert np.allclose([first @ second, second @ second], [0, 1])
    assert "MATERIAL=PHASE_0, ORIENTATION=AXES_PHASE_0" in text


def test_anisotropic_constants_are_in_the_order_of_abaqus(tmp_path):
    text = written(tmp_path, materials(SQUARE))
    given = numbers(text, "*ELASTIC, TYPE=ANISOTROPIC")
    names = RELATIONS["ANISOTROPIC"].split()
    assert len(given) == len(names) == 21
    for name, number in zip(names, given, strict=True):
        assert number == pytest.approx(1e3 * SQUARE["C"][VOIGT[name[:2]]][VOIGT[name[2:]]])
    lines = text.partition("*ELASTIC, TYPE=ANISOTROPIC\n")[2].splitlines()
    assert [len(line.split(",")) for line in lines[:3]] == [8, 8, 5]


@pytest.mark.parametrize(
    ("unit", "said", "E"),
    [("m", "Pa", 4.2e9), ("mm", "MPa", 4.2e3), ("um", "MPa", 4.2e3), ("nm", "GPa", 4.2)],
)
def test_moduli_fit_the_unit_of_length(tmp_path, unit, said, E):
    text = written(tmp_path, materials(EPOXY), unit)
    assert numbers(text, "*ELASTIC")[0] == pytest.approx(E)
    assert f"moduli in {said}, which fits lengths in {unit}" in text


def test_an_unknown_unit_stays_and_is_said(tmp_path):
    text = written(tmp_path, materials(EPOXY, unit="Mpsi"))
    assert numbers(text, "*ELASTIC")[0] == pytest.approx(4.2)
    assert "moduli in Mpsi as in the file; check that it fits" in text


def test_void_phases_are_left_out_and_said(tmp_path):
    with pytest.warns(UserWarning, match="0 is void: its elements are left out"):
        text = written(tmp_path, materials({"void": True}, EPOXY))
    assert "PHASE_0" not in text and "PHASE_1" in text
    assert "left out or without a voxel: label 0" in text


SHEARED = SQUARE | {"alpha": [1e-6, 1e-6, 1e-6, 1e-6, 0, 0]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (materials(EPOXY), r"got labels 0\.\.0 and none for label 1 \(fibre\)"),
        (materials(SHEARED, EPOXY), "expansion of phase matrix must have no shear"),
        (
            materials(EPOXY, FIBRE | {"axis": "structure-tensor"}),
            "the axis of phase 1 follows the image",
        ),
    ],
)
def test_refuses(tmp_path, given, message):
    volume = Volume([[[0, 1]]], phases=("matrix", "fibre"))
    (tmp_path / "test.toml").write_text(tomli_w.dumps(given))
    with pytest.raises(ReconError, match=message):
        export(volume, tmp_path / "a.inp", materials=str(tmp_path / "test.toml"))
    assert not (tmp_path / "a.inp").exists()
