"""Files of tetrahedral meshes, read by other libraries."""

import meshio
import numpy as np
import pytest
import pyvista

from recon.core import ReconError, Volume
from recon.core.exporters import export

PHASES = ("pore", "active material", "binder")


@pytest.fixture(scope="module")
def volume():
    places = np.indices((9, 8, 10))
    waves = np.sin(places[0] / 2) + np.cos(places[1] / 1.7) + np.sin(places[2] / 2.3)
    labels = np.digitize(waves, (-0.3, 0.9))
    return Volume(labels, (2e-6, 1e-6, 1e-6), PHASES)


def measure(points, cells):
    a, b, c, d = (points[cells[:, k]] for k in range(4))
    return np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) / 6


def test_msh_has_phases_interfaces_and_faces_as_physical_groups(volume, tmp_path):
    export(volume, tmp_path / "a.msh")
    read = meshio.read(tmp_path / "a.msh")
    assert {name: group.tolist() for name, group in read.field_data.items() if group[1] == 3} == {
        "pore": [1, 3],
        "active_material": [2, 3],
        "binder": [3, 3],
    }
    surfaces = {name: tag for name, (tag, dim) in read.field_data.items() if dim == 2}
    assert set(surfaces) == {
        *("pore-active_material", "active_material-binder", "x0", "x1", "y0", "y1", "z0", "z1"),
        *({"pore-binder"} & set(surfaces)),
    }
    sizes = dict.fromkeys(range(1, 4), 0.0)
    areas = dict.fromkeys(surfaces.values(), 0.0)
    for block, tag in zip(read.cells, read.cell_data["gmsh:physical"], strict=True):
        if block.type == "tetra":
            sizes[int(tag[0])] += measure(read.points, block.data).sum()
        else:
            a, b, c = (read.points[block.data[:, k]] for k in range(3))
            areas[int(tag[0])] += np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    assert np.allclose(np.array(list(sizes.values())) / 1440, volume.fractions(), atol=0.008)
    assert areas[surfaces["z1"]] == pytest.approx(80) and areas[surfaces["x0"]] == pytest.approx(
        144
    )


def test_vtu_and_bdf_hold_the_phase_of_each_element(volume, tmp_path):
    export(volume, tmp_path / "a.vtu", tmp_path / "a.bdf", unit="mm")
    grid = pyvista.read(tmp_path / "a.vtu")
    assert grid.n_cells == 6 * volume.labels.size and grid["scaled_jacobian"].min() > 0.09
    cells = grid.compute_cell_sizes()["Volume"]
    shares = [cells[grid["phase"] == k].sum() / cells.sum() for k in range(3)]
    assert np.allclose(shares, volume.fractions(), atol=0.008)
    assert grid.bounds[5] == pytest.approx(0.018)
    nastran = meshio.read(tmp_path / "a.bdf")
    assert np.array_equal(nastran.cell_data["nastran:ref"][0] - 1, grid["phase"])
    cards = [line.split(",") for line in (tmp_path / "a.bdf").read_text().splitlines()]
    assert [card[1:3] for card in cards if card[0] == "PSOLID"] == [[k, k] for k in "123"]
    assert [card[1] for card in cards if card[0] == "MAT1"] == ["1", "2", "3"]


def test_xdmf_holds_cells_and_facets(volume, tmp_path):
    files = export(volume, tmp_path / "a.xdmf")
    assert [file.name for file in files] == [
        *("a.xdmf", "a.h5", "a_facets.xdmf", "a_facets.h5"),
    ]
    cells, facets = meshio.read(files[0]), meshio.read(files[2])
    assert np.array_equal(cells.points, facets.points)
    assert set(cells.cell_data["phase"][0]) == {0, 1, 2}
    tags = facets.cell_data["facet"][0]
    top = facets.cells[0].data[tags == 9]  # three pairs, then x1 as the last of six faces
    assert np.allclose(facets.points[top][..., 0], 10.0) and tags.max() == 9


def test_numbers_of_facets_do_not_depend_on_what_touches(tmp_path):
    labels = np.repeat(np.uint8([0, 1, 2]), 3)[:, None, None] * np.ones((1, 3, 3), np.uint8)
    export(Volume(labels, phases=PHASES), tmp_path / "a.xdmf", unit="m")
    facets = meshio.read(tmp_path / "a_facets.xdmf")
    results = {
        int(tag): facets.points[facets.cells[0].data[facets.cell_data["facet"][0] == tag]][..., 2]
        for tag in np.unique(facets.cell_data["facet"][0])
    }
    assert set(results) == {1, 3, *range(4, 10)}  # 0|1 and 1|2; 2, 0|2, has no triangle
    assert np.allclose(results[1], 3) and np.allclose(results[3], 6)


def test_inp_tetrahedra_keep_sets_and_equations(volume, tmp_path):
    export(volume, tmp_path / "hex.inp", equations=True)
    export(volume, tmp_path / "tet.inp", equations=True, element="C3D4")
    hexa, tetra = ((tmp_path / name).read_text() for name in ("hex.inp", "tet.inp"))
    for block in ("*NSET, NSET=FACE_X0", "*EQUATION"):
        cut = [text[text.index(block) :].split("*", 2)[1] for text in (hexa, tetra)]
        assert cut[0] == cut[1]
    read = meshio.read(tmp_path / "tet.inp")
    total = sum(
        measure(read.points, block.data).sum() for block in read.cells if block.type == "tetra"
    )
    assert total == pytest.approx(1440)
    assert "*NSET, NSET=INTERFACE_PORE_ACTIVE_MATERIAL" in tetra


def test_a_region_is_cut_and_coarsened(volume, tmp_path):
    region = [0, 8, 2, 8, 0, 10]
    export(volume, tmp_path / "a.vtu", region=region, coarsen=2)
    grid = pyvista.read(tmp_path / "a.vtu")
    assert grid.n_cells == 6 * 4 * 3 * 5
    assert np.allclose(grid.bounds, (0, 10, 0, 6, 0, 16))


def test_specks_are_dropped_with_a_notice(tmp_path):
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2, 2, 2] = 1
    labels[4:7, 4:7, 4:7] = 1
    with pytest.warns(UserWarning, match="1 specks of fewer than 5 voxels"):
        export(Volume(labels), tmp_path / "a.vtu", specks=5)
    grid = pyvista.read(tmp_path / "a.vtu")
    assert (grid["phase"] == 1).sum() == 6 * 27


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"region": [0, 20, 0, 8, 0, 8]}, "region= must be first and end .* within .* 9 x 8 x 10"),
        ({"region": [0, 4]}, "region= must be first and end"),
        ({"coarsen": 4}, r"coarsen= must divide the sides \(9, 8, 10\) .* got 4"),
        ({"without": PHASES}, "nothing is left"),
        ({"periodic": ["w"]}, "periodic must be one of z, y, x"),
    ],
)
def test_refuses_in_one_line_and_writes_nothing(volume, tmp_path, options, message):
    with pytest.raises(ReconError, match=message):
        export(volume, tmp_path / "a.msh", **options)
    assert not any(tmp_path.iterdir())


def test_sizes_make_fewer_elements_and_keep_the_groups(volume, tmp_path):
    export(volume, tmp_path / "a.msh", tmp_path / "a.vtu")
    given = {"sizes": ["*=4", "binder=2"], "interface_size": 2.0}
    export(volume, tmp_path / "b.msh", tmp_path / "b.vtu", **given)
    fine, coarse = (meshio.read(tmp_path / f"{name}.msh") for name in "ab")
    assert {n: g.tolist() for n, g in fine.field_data.items()} == {
        n: g.tolist() for n, g in coarse.field_data.items()
    }
    grid = pyvista.read(tmp_path / "b.vtu")
    assert grid.n_cells < 0.6 * 6 * volume.labels.size
    cells = grid.compute_cell_sizes()["Volume"]
    shares = [cells[grid["phase"] == k].sum() / cells.sum() for k in range(3)]
    assert np.allclose(shares, volume.fractions(), atol=0.00801)
    assert grid["scaled_jacobian"].min() > 0.09


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sizes": ["poer=4"]}, "unknown phase 'poer'"),
        ({"sizes": ["pore=0.5"]}, "sizes= must be phases with a number of voxels >= 1"),
        ({"sizes": ["4"]}, "sizes= must be phases with a number"),
        ({"sizes": ["pore=4"], "element": "C3D8"}, "for element=C3D4, got C3D8"),
        ({"interface_size": 2.0, "element": "C3D10"}, "for element=C3D4, got C3D10"),
    ],
)
def test_a_size_that_cannot_be_meant_is_one_line(volume, tmp_path, options, words):
    given = {"element": "C3D4", **options}
    with pytest.raises(ReconError, match=words):
        export(volume, tmp_path / "a.inp", **given)
