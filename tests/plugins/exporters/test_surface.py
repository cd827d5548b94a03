"""Surfaces, read back by VTK: closed, outwards, where the voxels are."""

import numpy as np
import pytest
import pyvista

from recon.core import ReconError, Volume
from recon.core.exporters import export

EDGES = np.array([0.2, 0.4, 0.5])  # um
FORMATS = ["stl", "ply"]


def signed_volume(mesh):
    """By the divergence theorem, so positive when the triangles turn outwards."""
    corners = mesh.points.astype(float)[mesh.faces.reshape(-1, 4)[:, 1:]]
    corners = corners - mesh.points.astype(float).mean(0)
    return np.linalg.det(corners).sum() / 6


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("smooth", [0.0, 0.7])
def test_a_file_for_each_phase_closed_and_outwards(volume, tmp_path, suffix, smooth):
    files = export(volume, tmp_path / f"a.{suffix}", unit="um", smooth=smooth)
    assert [file.stem for file in files] == ["a-Pore", "a-epoxy_resin", "a-C_fibre"]
    total = 0.0
    for label, file in enumerate(files):
        mesh = pyvista.read(file)
        assert mesh.is_all_triangles and mesh.n_open_edges == 0  # every edge has two triangles
        share = signed_volume(mesh) / ((volume.labels == label).sum() * EDGES.prod())
        assert (0.6 if smooth else 0.8) < share < 1.1
        total += signed_volume(mesh)
        z, y, x = (volume.labels == label).nonzero()
        low, high = (np.array([c.min() for c in (x, y, z)]), np.array([c.max() for c in (x, y, z)]))
        bounds = np.array(mesh.bounds).reshape(3, 2)
        if not smooth:
            assert np.allclose(bounds, np.stack([low, high + 1], 1) * EDGES[:, None], atol=1e-5)
    assert total == pytest.approx(volume.labels.size * EDGES.prod(), rel=0.15 if smooth else 0.08)


@pytest.mark.parametrize("suffix", FORMATS)
def test_centres_of_voxels_are_inside_where_the_phase_is(volume, tmp_path, suffix):
    """Orientation, voxel by voxel: none of the phase is outside, none of the others inside."""
    export(volume, tmp_path / f"a.{suffix}", unit="um", phase="epoxy resin")
    mesh = pyvista.read(tmp_path / f"a.{suffix}")
    z, y, x = np.indices(volume.shape).reshape(3, -1)
    centres = pyvista.PolyData((np.stack([x, y, z], 1) + 0.5) * EDGES)
    inside = centres.select_interior_points(mesh, check_surface=True)["selected_points"]
    assert np.array_equal(np.asarray(inside).astype(bool), volume.labels.ravel() == 1)


def test_a_box_is_a_box_with_cut_edges(tmp_path):
    labels = np.zeros((20, 24, 28), int)
    labels[4:16, 5:17, 6:20] = 1
    export(Volume(labels, (1e-6,) * 3), tmp_path / "a.stl", unit="um", phase="1")
    mesh = pyvista.read(tmp_path / "a.stl")
    assert np.allclose(mesh.bounds, (6, 20, 5, 17, 4, 16), atol=1e-4)
    assert signed_volume(mesh) == pytest.approx(12 * 12 * 14, rel=0.02)
    assert b"unit um" in (tmp_path / "a.stl").read_bytes()[:80]


def test_normals_of_stl_are_those_of_its_triangles(volume, tmp_path):
    export(volume, tmp_path / "a.stl", phase=2)
    data = (tmp_path / "a.stl").read_bytes()[84:]
    rows = np.frombuffer(data, [("n", "<3f4"), ("c", "<f4", (3, 3)), ("end", "<u2")])
    corners = rows["c"].astype(float)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    assert np.allclose(normals, rows["n"], atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phase": "not there"}, "holds no voxel of phase not there"),
        ({"phase": "nickel"}, "unknown phase 'nickel'"),
        ({"smooth": -1.0}, r"exporter stl: smooth must be in \[0, 5\], got -1"),
        ({"without": ("0", "1", "2")}, "nothing is left"),
    ],
)
def test_refuses(volume, tmp_path, options, message):
    with pytest.raises(ReconError, match=message):
        export(volume, tmp_path / "a.stl", **options)
    assert not list(tmp_path.iterdir())


def test_what_smoothing_removes_is_said(tmp_path):
    labels = np.zeros((9, 9, 9), int)
    labels[4, 4, 4] = 1
    with pytest.raises(ReconError, match="nothing of phase 1 is left after smoothing by 2 voxels"):
        export(Volume(labels), tmp_path / "a.ply", smooth=2.0)
    assert not list(tmp_path.iterdir())
