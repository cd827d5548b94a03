"""Voxel formats, each read back by a reader that is not ours: every voxel, spacing, names."""

import h5py
import numpy as np
import pytest
import pyvista
import tifffile

from recon.core import ReconError, Volume
from recon.core.exporters import export


def test_tiff_opens_as_an_imagej_hyperstack(volume, tmp_path):
    export(volume, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert tiff.is_imagej and tiff.series[0].axes == "ZYX"
        assert np.array_equal(tiff.asarray(), volume.labels)
        metadata, page = tiff.imagej_metadata, tiff.pages[0]
        assert len(tiff.pages) == metadata["slices"] == 9 and page.dtype == np.uint8
        assert metadata["unit"] == "um" and metadata["spacing"] == 0.5
        assert (metadata["min"], metadata["max"]) == (0, 3)
        for tag, length in (("XResolution", 0.2), ("YResolution", 0.4)):
            pixels, unit = page.tags[tag].value
            assert unit / pixels == pytest.approx(length, rel=1e-9)
        assert page.tags["ResolutionUnit"].value == 1  # none: ImageJ takes its own unit


def test_tiff_of_unknown_voxel_size_has_no_unit(volume, tmp_path):
    export(Volume(volume.labels), tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert "unit" not in tiff.imagej_metadata
        assert tiff.pages[0].tags["XResolution"].value == (1, 1)


def test_npy(volume, tmp_path):
    export(volume, tmp_path / "a.npy")
    read = np.load(tmp_path / "a.npy", allow_pickle=False)
    assert read.dtype == np.uint8 and np.array_equal(read, volume.labels)


@pytest.mark.parametrize(("unit", "metre"), [("m", 1.0), ("um", 1e6)])
def test_vti_opens_in_vtk(volume, tmp_path, unit, metre):
    export(volume, tmp_path / "a.vti", unit=unit)
    grid = pyvista.read(tmp_path / "a.vti")
    assert grid.dimensions == (15, 12, 10)
    assert np.allclose(np.array(grid.spacing), np.array([2e-7, 4e-7, 5e-7]) * metre, atol=0)
    assert tuple(grid.origin) == (0, 0, 0)
    assert grid.cell_data["phase"].dtype == np.uint8
    # DAMASK takes only int32, int64 or floats.
    assert grid.cell_data["material"].dtype == np.int32
    for name in ("phase", "material"):
        assert np.array_equal(grid.cell_data[name].reshape(volume.shape), volume.labels)
    assert list(grid.field_data["phases"]) == list(volume.phases)
    centres = grid.cell_centers().points
    z, y, x = volume.labels.nonzero()
    places = centres[grid.cell_data["phase"] > 0] / (metre * 1e-7)
    assert np.allclose(places, np.stack([2 * x + 1, 4 * y + 2, 5 * z + 2.5], 1))


def test_vti_of_more_than_one_block_and_of_exactly_one(tmp_path):
    for side in (110, 128):  # 128 x 128 x 64 is 2^20
        labels = np.random.default_rng(1).integers(0, 3, (64, side, 128))
        export(Volume(labels), tmp_path / f"{side}.vti")
        grid = pyvista.read(tmp_path / f"{side}.vti")
        for name in ("phase", "material"):
            assert np.array_equal(grid.cell_data[name].reshape(labels.shape), labels)


def test_vti_is_what_the_damask_solver_parses(volume, tmp_path):
    """It reads lines, not XML: a tag a line, the data in one line after it, no appended data."""
    export(volume, tmp_path / "a.vti")
    lines = (tmp_path / "a.vti").read_text().splitlines()
    (place,) = (k for k, line in enumerate(lines) if 'Name="material"' in line)
    assert 'type="Int32"' in lines[place] and 'format="binary"' in lines[place]
    assert "<" not in lines[place + 1] and "</DataArray>" in lines[place + 2]
    (image,) = (line for line in lines if "<ImageData" in line)
    assert all(key in image for key in ("WholeExtent=", "Origin=", "Spacing=", "Direction="))


def test_raw_and_its_header_open_in_vtk(volume, tmp_path):
    files = export(volume, tmp_path / "a.raw")
    assert [file.name for file in files] == ["a.raw", "a.mhd"]
    assert (tmp_path / "a.raw").read_bytes() == volume.labels.tobytes()
    grid = pyvista.read(tmp_path / "a.mhd")
    assert grid.dimensions == (14, 11, 9)
    assert np.allclose(grid.spacing, (2e-4, 4e-4, 5e-4), atol=0)  # mm
    assert np.allclose(grid.origin, (1e-4, 2e-4, 2.5e-4), atol=0)  # centre of the first voxel
    (values,) = grid.point_data.values()
    assert values.dtype == np.uint8
    assert np.array_equal(np.asarray(values).reshape(volume.shape), volume.labels)


def test_neither_raw_nor_header_appears_when_one_is_there(volume, tmp_path):
    (tmp_path / "a.mhd").write_text("mine")
    with pytest.raises(ReconError, match="a.mhd exists already"):
        export(volume, tmp_path / "a.raw")
    assert [file.name for file in tmp_path.iterdir()] == ["a.mhd"]


def test_h5_is_laid_out_as_dream3d_does(volume, tmp_path):
    export(volume, tmp_path / "a.h5", unit="um")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["FileVersion"] == b"7.0" and {"Pipeline"} < set(file)
        box = file["DataContainers/ImageDataContainer"]
        geometry = box["_SIMPL_GEOMETRY"]
        assert list(geometry["DIMENSIONS"]) == [14, 11, 9]
        assert np.allclose(geometry["SPACING"], [0.2, 0.4, 0.5])
        assert list(geometry["ORIGIN"]) == [0, 0, 0]
        assert geometry.attrs["GeometryTypeName"] == b"ImageGeometry"
        cells = box["CellData"]
        assert list(cells.attrs["AttributeMatrixType"]) == [3]
        assert list(cells.attrs["TupleDimensions"]) == [14, 11, 9]
        phases = cells["Phases"]
        assert phases.shape == (9, 11, 14, 1) and phases.dtype == np.int32
        assert np.array_equal(phases[..., 0], volume.labels.astype(int) + 1)
        assert phases.attrs["ObjectType"] == b"DataArray<int32_t>"
        assert phases.attrs["Tuple Axis Dimensions"] == b"x=14,y=11,z=9"
        assert list(phases.attrs["ComponentDimensions"]) == [1]
        types = box["CellEnsembleData"]
        assert list(types.attrs["TupleDimensions"]) == [5]
        names = list(types["PhaseName"].asstr())
        assert names == ["Unknown Phase Type", *volume.phases]
        assert types["CrystalStructures"][:, 0].tolist() == [999] * 5
        assert types["PhaseTypes"][:, 0].tolist() == [999, 0, 0, 0, 0]


def test_several_outputs_or_none(volume, tmp_path):
    (tmp_path / "b.npy").write_text("mine")
    with pytest.raises(ReconError, match="b.npy exists already"):
        export(volume, tmp_path / "a.tif", tmp_path / "b.npy")
    assert [file.name for file in tmp_path.iterdir()] == ["b.npy"]
