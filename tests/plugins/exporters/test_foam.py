"""OpenFOAM's polyMesh, read by VTK."""

import re

import numpy as np
import pytest
import pyvista

from recon.core import ReconError, Volume
from recon.core.exporters import export


@pytest.fixture(scope="module")
def volume():
    places = np.indices((7, 6, 8))
    waves = np.sin(places[0] / 2) + np.cos(places[1] / 1.7) + np.sin(places[2] / 2.3)
    return Volume(np.digitize(waves, (0.2, 0.9)), (2e-6, 1e-6, 1e-6), ("pore", "solid", "skin"))


def read(path):
    reader = pyvista.OpenFOAMReader(path)
    reader.enable_all_patch_arrays()
    reader.reader.ReadZonesOn()
    return reader.read()


def test_cells_patches_and_zones(volume, tmp_path):
    files = export(volume, tmp_path / "a.foam")
    assert [file.name for file in files] == ["a.foam", "constant"]
    content = read(tmp_path / "a.foam")
    inside, patches = content["internalMesh"], content["boundary"]
    assert inside.n_cells == 6 * volume.labels.size
    sizes = inside.compute_cell_sizes()["Volume"]
    assert sizes.min() > 0 and sizes.sum() == pytest.approx(672e-18, rel=1e-4)
    assert set(patches.keys()) == {"x0", "x1", "y0", "y1", "z0", "z1"}
    assert np.allclose(patches["z1"].points[:, 2], 14e-6)
    assert patches["x0"].area == pytest.approx(14e-6 * 6e-6, rel=1e-4)
    zones = content["zones"]["cellZones"]
    assert zones.keys() == list(volume.phases)
    assert sum(zone.n_cells for zone in zones) == inside.n_cells
    shares = np.array([zone.volume for zone in zones]) / sizes.sum()
    assert np.allclose(shares, volume.fractions(), atol=0.008)


def test_phases_left_out_leave_walls(volume, tmp_path):
    export(volume, tmp_path / "a.foam", without=("solid", "skin"), unit="um")
    content = read(tmp_path / "a.foam")
    share = content["internalMesh"].volume / 672
    assert share == pytest.approx(volume.fractions()[0], abs=0.008)
    outside = sum(patch.n_cells for patch in content["boundary"])
    assert content["internalMesh"].extract_surface(algorithm=None).n_cells == outside
    text = (tmp_path / "constant/polyMesh/boundary").read_text()
    assert "pore-solid { type wall;" in text and "z0 { type patch;" in text


def test_triangles_are_in_upper_triangular_order(volume, tmp_path):
    export(volume, tmp_path / "a.foam")
    folder = tmp_path / "constant/polyMesh"
    owner, neighbour = (_read_list(folder / name) for name in ("owner", "neighbour"))
    inner = owner[: len(neighbour)]
    assert (inner < neighbour).all()
    pairs = list(zip(inner.tolist(), neighbour.tolist(), strict=True))
    assert pairs == sorted(pairs)


def _read_list(path):
    content = path.read_bytes()
    match = re.search(rb"\}\n(\d+)\n\(", content)
    return np.frombuffer(content, "<i4", int(match[1]), match.end())


def test_a_folder_that_is_there_is_never_replaced(volume, tmp_path):
    (tmp_path / "constant").mkdir()
    with pytest.raises(ReconError, match="constant exists already"):
        export(volume, tmp_path / "a.foam")
    assert [file.name for file in tmp_path.iterdir()] == ["constant"]


def test_elements_of_second_order_are_refused(volume, tmp_path):
    with pytest.raises(ReconError, match="order"):
        export(volume, tmp_path / "a.foam", order=2)
    assert not list(tmp_path.iterdir())
