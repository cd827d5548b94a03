import re
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from recon.core import ReconError, Volume
from recon.plugins.materials.material_file import list_bundled_materials
from recon.plugins.materials.materials import Materials
from recon.plugins.materials.voigt import (
    FIRST,
    SECOND,
    build_frames,
    build_isotropic,
    rotate_expansion,
    rotate_stiffness,
)

CARBON = {"E1": 230, "E2": 15, "nu12": 0.2, "nu23": 0.07, "G12": 15}
ORTHOTROPIC = {
    **{"E1": 10.0, "E2": 5.0, "E3": 2.0, "nu12": 0.3, "nu13": 0.25, "nu23": 0.2},
    **{"G12": 3.0, "G13": 2.0, "G23": 1.0, "alpha1": 1e-6, "alpha2": 2e-6, "alpha3": 3e-6},
}
IDENTITY = np.eye(6).tolist()


def material(*phases):
    return Materials.from_table({"unit": "GPa", "phase": list(phases)})


@st.composite
def rotations(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    axes, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return axes * np.sign(np.linalg.det(axes))


@st.composite
def stiffnesses(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    root = rng.standard_normal((6, 6))
    return root @ root.T


def tensor(C):
    """C_ijkl of a Voigt matrix."""
    full = np.zeros((3, 3, 3, 3))
    for a in range(6):
        for b in range(6):
            for i, j in {(FIRST[a], SECOND[a]), (SECOND[a], FIRST[a])}:
                for k, m in {(FIRST[b], SECOND[b]), (SECOND[b], FIRST[b])}:
                    full[i, j, k, m] = C[a, b]
    return full


@given(stiffnesses(), rotations())
def test_stiffness_turns_like_the_fourth_order_tensor(C, axes):
    turned = np.einsum("ai,bj,ck,dl,abcd->ijkl", axes, axes, axes, axes, tensor(C))
    expected = turned[FIRST[:, None], SECOND[:, None], FIRST[None], SECOND[None]]
    assert np.allclose(rotate_stiffness(C, axes), expected, atol=1e-12 * np.abs(C).max())


@given(stiffnesses(), rotations())
def test_rotation_keeps_the_eigenvalues_of_the_tensor(C, axes):
    """Those of the Kelvin-Mandel matrix."""
    weight = np.sqrt([1, 1, 1, 2, 2, 2])
    kelvin = weight[:, None] * weight
    before = np.linalg.eigvalsh(C * kelvin)
    after = np.linalg.eigvalsh(rotate_stiffness(C, axes) * kelvin)
    assert np.allclose(before, after, atol=1e-12 * before[-1])


@given(rotations(), st.lists(st.floats(-1, 1), min_size=6, max_size=6))
def test_expansion_turns_like_the_second_order_tensor(axes, alpha):
    xx, yy, zz, yz, xz, xy = alpha
    strain = np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])
    turned = axes.T @ strain @ axes
    expected = turned[FIRST, SECOND] * [1, 1, 1, 2, 2, 2]
    assert np.allclose(rotate_expansion(alpha, axes), expected, atol=1e-12)


@given(rotations(), st.floats(0.1, 1e3), st.floats(-0.9, 0.49))
def test_an_isotropic_phase_does_not_notice_rotation(axes, E, nu):
    C = build_isotropic(E, nu)
    assert np.allclose(rotate_stiffness(C, axes), C, atol=1e-12 * C.max())


def test_fields_of_axes_are_turned_at_once():
    rng = np.random.default_rng(0)
    axes = build_frames(rng.standard_normal((4, 5, 3)))
    C, alpha = material(ORTHOTROPIC).phases[0].stiffness, np.arange(6.0)
    assert np.allclose(axes @ axes.swapaxes(-1, -2), np.eye(3))
    assert np.allclose(np.linalg.det(axes), 1)
    assert np.allclose(rotate_stiffness(C, axes)[2, 3], rotate_stiffness(C, axes[2, 3]))
    assert np.allclose(rotate_expansion(alpha, axes)[2, 3], rotate_expansion(alpha, axes[2, 3]))
    assert np.allclose(
        rotate_stiffness(C, axes), rotate_stiffness(C, build_frames(-axes[..., 0, :]))
    )


@given(
    st.lists(st.floats(0.5, 2), min_size=3, max_size=3),
    st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=3),
    st.lists(st.floats(0.1, 9), min_size=3, max_size=3),
)
def test_the_compliance_gives_back_the_engineering_constants(E, nu, G):
    names = ("E1", "E2", "E3", "nu12", "nu13", "nu23", "G12", "G13", "G23")
    table = dict(zip(names, (*E, *nu, *G), strict=True))
    S = np.linalg.inv(material(table).stiffness()[0])
    assert np.allclose(1 / np.diag(S), [*E, G[2], G[1], G[0]])
    assert np.allclose([-S[0, 1] / S[0, 0], -S[0, 2] / S[0, 0], -S[1, 2] / S[1, 1]], nu)
    assert not S[:3, 3:].any()


def test_transversely_isotropic_is_isotropic_across_its_axis():
    (phase,) = material(CARBON).phases
    S = np.linalg.inv(phase.stiffness)
    assert 1 / S[3, 3] == pytest.approx(15 / (2 * 1.07))
    assert -S[0, 1] / S[0, 0] == pytest.approx(0.2) and -S[1, 2] / S[1, 1] == pytest.approx(0.07)
    turn = np.array([[1, 0, 0], [0, np.cos(0.7), np.sin(0.7)], [0, -np.sin(0.7), np.cos(0.7)]])
    assert np.allclose(rotate_stiffness(phase.stiffness, turn), phase.stiffness)
    S = np.linalg.inv(material({**CARBON, "G23": 5.0}).stiffness()[0])
    assert 1 / S[3, 3] == pytest.approx(5)


@pytest.mark.parametrize(
    ("axis", "order"),
    [("x", "xyz"), ("y", "yzx"), ("z", "zxy"), ([0, 0, 2.5], "zxy"), ([0, -1, 0], "Yzx")],
)
def test_local_axes_2_and_3_follow_cyclically(axis, order):
    (phase,) = material({**ORTHOTROPIC, "axis": axis}).phases
    assert np.array_equal(np.abs(phase.axes), np.eye(3)[["xyz".index(a.lower()) for a in order]])
    S = np.linalg.inv(material({**ORTHOTROPIC, "axis": axis}).stiffness()[0])
    first = ["xyz".index(a.lower()) for a in order]
    assert np.allclose(1 / S[first, first], [10, 5, 2])
    assert np.allclose(
        material({**ORTHOTROPIC, "axis": axis}).expansion()[0][first] * 1e6, [1, 2, 3]
    )


def test_axes_are_made_orthonormal():
    given = [[0.9999, 0.0, 0.0], [0.0005, 0.0, 1.0002]]
    (phase,) = material({**ORTHOTROPIC, "axes": given}).phases
    assert np.allclose(phase.axes, [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-15)


def test_a_phase_may_follow_the_image():
    table = {**ORTHOTROPIC, "axis": "structure-tensor"}
    result = material({"E": 1, "nu": 0.3, "alpha": 2e-6}, table)
    assert [phase.follows_image for phase in result.phases] == [False, True]
    assert result.phases[1].axes == "structure-tensor"
    assert np.array_equal(result.stiffness()[1], result.phases[1].stiffness)
    assert np.allclose(result.expansion()[1], [1e-6, 2e-6, 3e-6, 0, 0, 0])


def test_a_matrix_and_void():
    C = build_isotropic(3, 0.2)
    C[0, 1] *= 1 + 1e-6
    alpha = [1, 2, 3, 4, 5, 6]
    result = material({"void": True}, {"C": C.tolist(), "alpha": alpha, "axis": "x"})
    assert [phase.void for phase in result.phases] == [True, False]
    assert not result.stiffness()[0].any() and not result.expansion()[0].any()
    assert np.array_equal(result.stiffness()[1], result.stiffness()[1].T)
    assert np.allclose(result.stiffness()[1], build_isotropic(3, 0.2))
    assert np.array_equal(result.expansion()[1], alpha)
    assert material({"void": True}, {"C": C.tolist()}).expansion() is None


def test_lee_yun_is_table_a1():
    content = Materials.load("lee-yun")
    matrix, fibre = content.phases
    assert content.unit == "GPa" and "15 times" in content.note
    assert np.allclose(matrix.stiffness, build_isotropic(225, 0.14))
    S = np.linalg.inv(fibre.stiffness)
    assert np.allclose(1 / np.diag(S), [230, 15, 15, 5.03, 24, 24])
    assert np.allclose([-S[0, 1] / S[0, 0], -S[1, 2] / S[1, 1]], [0.2, 0.25])
    assert np.allclose(content.expansion()[1][:3] * 1e6, [1.2, 1.2, 18])


def test_every_bundled_material_reads():
    assert {"lee-yun", "glass-epoxy", "t300-epoxy"} <= set(list_bundled_materials())
    for name in list_bundled_materials():
        content = Materials.load(name)
        assert (np.linalg.eigvalsh(content.stiffness()) > 0).all()
        assert content.expansion() is not None


def test_the_example_of_the_documentation(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(
        'unit = "GPa"\n[[phase]]\nname = "matrix"\nE = 4.2\nnu = 0.34\nalpha = 58e-6\n'
        '[[phase]]\nname = "fibre"\nE1 = 230\nE2 = 15\nnu12 = 0.2\nnu23 = 0.07\nG12 = 15\n'
        'alpha1 = -0.7e-6\nalpha2 = 12e-6\naxis = "z"\n'
    )
    result, bundled = Materials.load(path), Materials.load("t300-epoxy")
    assert np.array_equal(result.stiffness(), bundled.stiffness())
    assert np.array_equal(result.expansion(), bundled.expansion())


def test_a_label_without_a_phase_is_refused():
    result = material({"E": 1, "nu": 0.3}, {"void": True})
    result.check(Volume(np.zeros((2, 2, 2), int), phases=["a", "b", "c", "d"]))
    labels = np.array([[[0, 3]]])
    with pytest.raises(ReconError, match=re.escape("labels 0..1 and none for label 3 (grain);")):
        result.check(Volume(labels, phases=["a", "b", "c", "grain"]))
    with pytest.raises(ReconError, match="none for label 3; add it to the file"):
        result.check(Volume(labels))


ISOTROPIC = {"E": 1.0, "nu": 0.3}
SKEW = [[2.0 if i == j else 0.0 for j in range(6)] for i in range(6)]
SKEW[0][2] = 0.5
BAD_PHASES = [
    ({}, "must have void = true, C, E and nu, or E1, E2, nu12, nu23 and G12; got nothing"),
    ({"name": "a"}, "must have void = true"),
    ({"colour": 1}, "must have void = true, C, E and nu, or E1, E2, nu12, nu23 and G12; got 'col"),
    ({**ISOTROPIC, "Nu": 1}, "'Nu' is no key of an isotropic phase; allowed: name, E, nu, alpha"),
    ({**ISOTROPIC, "axis": "x"}, "'axis' is no key of an isotropic phase"),
    ({**ISOTROPIC, "E1": 2}, "'E1' is no key of an isotropic phase"),
    ({"E": 1}, "an isotropic phase also needs nu"),
    ({"E": 0, "nu": 0.3}, "E must be > 0, got 0"),
    ({"E": -5.5, "nu": 0.3}, "E must be > 0, got -5.5"),
    ({"E": "4", "nu": 0.3}, "E must be a finite number, got '4'"),
    ({"E": True, "nu": 0.3}, "E must be a finite number, got True"),
    ({"E": np.nan, "nu": 0.3}, "E must be a finite number, got nan"),
    ({"E": 10**400, "nu": 0.3}, "E must be a finite number, got 1000"),
    ({"E": 1, "nu": 0.3, "alpha": np.inf}, "alpha must be a finite number, got inf"),
    ({"E": 1, "nu": 0.5}, "nu must be in (-1, 0.5), got 0.5"),
    ({"E": 1, "nu": -1}, "nu must be in (-1, 0.5), got -1"),
    ({**CARBON, "nu12": 4}, "nu12 must be within +-sqrt(E1 / E2) = 3.916, got 4"),
    ({**CARBON, "nu23": -1}, "nu23 must be within +-1, got -1"),
    ({**CARBON, "nu12": 3, "nu23": 0.5}, "Poisson's ratios must keep the stiffness positive def"),
    ({**CARBON, "E1": 0}, "E1 must be > 0, got 0"),
    ({**CARBON, "G12": -1}, "G12 must be > 0, got -1"),
    ({**CARBON, "alpha1": 1e-6}, "a transversely isotropic phase also needs alpha2"),
    ({**CARBON, "alpha": 1e-6}, "'alpha' is no key of a transversely isotropic phase"),
    ({**CARBON, "E3": 3}, "an orthotropic phase also needs nu13, G13, G23"),
    ({**ORTHOTROPIC, "nu13": 2.5}, "nu13 must be within +-sqrt(E1 / E3) = 2.236, got 2.5"),
    ({**CARBON, "axis": "w"}, "axis must be x, y, z, structure-tensor or three numbers (x, y, z)"),
    ({**CARBON, "axis": [0, 0, 0]}, "axis must not be zero, got [0, 0, 0]"),
    ({**CARBON, "axis": [0, 1]}, "axis must be 3 numbers, got [0, 1]"),
    ({**CARBON, "axis": "x", "axes": [[1, 0, 0], [0, 1, 0]]}, "give axis or axes, not both"),
    ({**CARBON, "axes": [[1, 0, 0]]}, "axes must be two vectors (x, y, z), local axes 1 and 2, g"),
    ({**CARBON, "axes": [[1, 0, 0], [0.1, 1, 0]]}, "axes must be orthonormal within 1e-3, got le"),
    ({"void": True, "E": 1}, "'E' is no key of a void phase; allowed: name, void"),
    ({"void": False}, "void must be true or left out, got False"),
    ({"void": 1}, "void must be true or left out, got 1"),
    ({"C": 3}, "C must be 6 rows of 6 numbers, got 3"),
    ({"C": IDENTITY[:5]}, "C must be 6 rows of 6 numbers, got"),
    ({"C": [*IDENTITY[:5], [1, 2]]}, "row 6 of C must be 6 numbers, got [1, 2]"),
    ({"C": [*IDENTITY[:5], [0, 0, 0, 0, "a", 1]]}, "row 6 of C must be a finite number, got 'a'"),
    ({"C": SKEW}, "C must be symmetric, got C13 0.5 and C31 0"),
    ({"C": np.diag([1, 1, 1, 1, 1, -2.0]).tolist()}, "positive definite, got the smallest eigenva"),
    ({"C": np.zeros((6, 6)).tolist()}, "positive definite, got the smallest eigenvalue 0; void ="),
    ({"C": IDENTITY, "alpha": [1, 2]}, "alpha must be 6 numbers, got [1, 2]"),
    ({"C": IDENTITY, "alpha": 1e-6}, "alpha must be 6 numbers, got 1e-06"),
    ({"name": 3, **ISOTROPIC}, "name must be a text, got 3"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "message"), BAD_PHASES)
def test_a_phase_that_cannot_be_is_one_line(table, message):
    with pytest.raises(ReconError) as refused:
        material(ISOTROPIC, table)
    assert str(refused.value).startswith("materials: phase 1") and "\n" not in str(refused.value)
    assert message in str(refused.value)


BAD_FILES = [
    (b"unit = ", "not valid TOML"),
    (b"\xff\xfe", "not valid TOML"),
    (b'unit = "GPa"', "at least one [[phase]] is needed, one per label, got none"),
    (b'unit = "GPa"\nphase = 3', "at least one [[phase]] is needed"),
    (b'unit = "GPa"\nphase = [3]', "phase 0 must be a table [[phase]], got 3"),
    (b"[[phase]]\nE = 1\nnu = 0.3", 'unit must be a text such as "GPa", got None'),
    (b'units = "GPa"', "unknown key 'units'; allowed: unit, note, conductivity_unit, phase"),
    (b'unit = "GPa"\nnote = 3', "note must be a text, got 3"),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path, content, message):
    path = tmp_path / "m.toml"
    path.write_bytes(content)
    with pytest.raises(ReconError) as refused:
        Materials.load(path)
    told = str(refused.value)
    assert told.startswith(f"materials {path}") and message in told and "\n" not in told


def test_absent_files_and_names_are_refused(tmp_path):
    with pytest.raises(ReconError, match="cannot read materials none.toml: No such file"):
        Materials.load("none.toml")
    with pytest.raises(ReconError, match="cannot read materials"):
        Materials.load(tmp_path)
    with pytest.raises(ReconError, match="unknown materials 'lee-yum'; did you mean 'lee-yun'?"):
        Materials.load("lee-yum")


def test_a_phase_is_named_in_the_message_and_unit_is_free(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(tomli_w.dumps({"unit": "Pa", "phase": [{"name": "pore", "void": True}]}))
    assert Materials.load(path).unit == "Pa" and Materials.load(Path(path)).phases[0].name == "pore"
    with pytest.raises(ReconError, match=re.escape("phase 0 (fibre): an isotropic phase also nee")):
        material({"name": "fibre", "E": 3})
