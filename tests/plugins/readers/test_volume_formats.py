"""Volumes in HDF5, VTI, NRRD, raw bytes and zip archives, as recon and others write them."""

import shutil
import zipfile

import h5py
import nrrd
import numpy as np
import pytest
import pyvista
import vtk
import zarr
from zarr.storage import ZipStore

from recon.core import ReconError, Volume
from recon.core.readers import read_image
from recon.imaging.volumes import read_volume

STACK = np.random.default_rng(0).integers(0, 3, (5, 6, 7), dtype=np.uint8)
SIZE = (5e-7, 2e-7, 1e-7)
NAMES = ("pore", "active", "binder")


def refusal(path, **options):
    with pytest.raises(ReconError) as caught:
        read_image(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def lengths(image):
    return pytest.approx((image.spacing, *image.pixel_size)) if image.pixel_size else None


@pytest.mark.parametrize("suffix", ["tif", "npy", "vti", "h5", "raw"])
def test_what_recon_writes_it_reads(tmp_path, suffix):
    volume = Volume(STACK, SIZE, NAMES)
    volume.export(tmp_path / f"v.{suffix}")
    result = read_volume(tmp_path / f"v.{suffix}")
    np.testing.assert_array_equal(result.labels, STACK)
    if suffix != "npy":
        assert result.voxel_size == pytest.approx(SIZE)
    if suffix in ("vti", "h5"):
        assert result.phases == NAMES
    assert read_volume(tmp_path / f"v.{suffix}", "1um,2um,3um").voxel_size == (1e-6, 2e-6, 3e-6)


@pytest.mark.parametrize("folder", ["", "inner/v.zarr/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zipped_volume(tmp_path, folder, method):
    Volume(STACK, SIZE, NAMES).save(tmp_path / "v.zarr")
    path = tmp_path / "v.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted((tmp_path / "v.zarr").rglob("*")):
            if file.is_file():
                archive.write(file, folder + file.relative_to(tmp_path / "v.zarr").as_posix())
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.labels, STACK)
    assert (volume.voxel_size, volume.phases) == (pytest.approx(SIZE), NAMES)


def test_a_zip_that_zarr_wrote_and_one_without_zarr(tmp_path):
    with ZipStore(tmp_path / "a.ozx", mode="w") as store:
        zarr.create_array(store, data=STACK)
    np.testing.assert_array_equal(np.stack(read_image(tmp_path / "a.ozx").slices), STACK)
    np.savez(tmp_path / "b.npz", STACK)
    assert "holds no zarr image" in refusal(tmp_path / "b.npz")
    (tmp_path / "c.zip").write_bytes((tmp_path / "a.ozx").read_bytes()[:-30])
    assert "damaged" in refusal(tmp_path / "c.zip")


def test_hdf5_of_several_datasets(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["scan/grey"] = STACK
        file["scan/grey"].attrs["element_size_um"] = (0.5, 0.2, 0.1)
        file["times"] = np.arange(4.0)
        file["name"] = "x"
    image = read_image(path)
    np.testing.assert_array_equal(np.stack(image.slices), STACK)
    assert lengths(image) == SIZE
    with h5py.File(path, "a") as file:
        file["mask"] = STACK[0]
        file["outside"] = h5py.ExternalLink("other.h5", "/x")
    assert "holds mask, scan/grey; name one by dataset=" in refusal(path)
    assert len(read_image(path, dataset="mask").slices) == 1
    assert "has no dataset masks; those with two or three axes: mask" in refusal(
        path, dataset="masks"
    )
    assert "no dataset outside" in refusal(path, dataset="outside")
    assert "no dataset times/1" in refusal(path, dataset="times/1")


def test_dream3d_with_an_origin_and_feature_ids(tmp_path):
    Volume(STACK, SIZE, NAMES).export(tmp_path / "v.h5")
    path = shutil.move(tmp_path / "v.h5", tmp_path / "v.dream3d")
    with h5py.File(path, "a") as file:
        container = file["DataContainers/ImageDataContainer"]
        container["CellData/FeatureIds"] = np.arange(STACK.size, dtype=np.int32).reshape(
            *STACK.shape, 1
        )
        container["_SIMPL_GEOMETRY/ORIGIN"][...] = (3, 4, 5)
    image = read_image(path)
    np.testing.assert_array_equal(np.stack(image.slices), STACK)
    assert (image.phases, lengths(image)) == (NAMES, SIZE)
    with h5py.File(path, "a") as file:
        file["DataContainers/ImageDataContainer/_SIMPL_GEOMETRY/SPACING"][...] = (0.1, 0.2, 0.5)
    with pytest.warns(UserWarning, match="0.5, 0.2, 0.1 .z, y, x. has no unit"):
        assert read_image(path).pixel_size is None


def test_data_of_hdf5_in_other_files_are_refused(tmp_path):
    (tmp_path / "secret").write_bytes(STACK.tobytes())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", STACK.shape, "u1", external=str(tmp_path / "secret"))
    assert "lies in another file" in refusal(tmp_path / "a.h5")


@pytest.mark.parametrize("mode", ["ascii", "binary", "appended", "raw"])
@pytest.mark.parametrize("points", [True, False])
def test_vti_as_vtk_writes_it(tmp_path, mode, points):
    image = pyvista.ImageData()
    image.dimensions = (7, 6, 5) if points else (8, 7, 6)
    image.spacing = SIZE[::-1]
    data = image.point_data if points else image.cell_data
    data["phase"] = STACK.ravel()
    data["distance"] = STACK.ravel().astype(float)
    writer = vtk.vtkXMLImageDataWriter()
    writer.SetInputData(image)
    writer.SetFileName(str(tmp_path / "a.vti"))
    {"ascii": writer.SetDataModeToAscii, "binary": writer.SetDataModeToBinary}.get(
        mode, writer.SetDataModeToAppended
    )()
    writer.SetEncodeAppendedData(mode == "appended")
    writer.Write()
    result = read_image(tmp_path / "a.vti")
    np.testing.assert_array_equal(np.stack(result.slices), STACK)
    assert lengths(result) == SIZE
    other = read_image(tmp_path / "a.vti", dataset="distance")
    np.testing.assert_array_equal(np.stack(other.slices), STACK)
    assert "has no array grain; it has phase, distance" in refusal(
        tmp_path / "a.vti", dataset="grain"
    )


def test_vti_whose_axes_follow_in_another_order(tmp_path):
    image = pyvista.ImageData(dimensions=(6, 7, 5), spacing=(SIZE[1], SIZE[2], SIZE[0]))
    image.direction_matrix = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]  # stored fastest along y, then x
    image.point_data["phase"] = STACK.transpose(0, 2, 1).ravel()
    image.save(tmp_path / "a.vti")
    result = read_image(tmp_path / "a.vti")
    np.testing.assert_array_equal(np.stack(result.slices), STACK)
    assert lengths(result) == SIZE


def test_damaged_vti(tmp_path):
    Volume(STACK, SIZE).export(tmp_path / "v.vti")
    text = (tmp_path / "v.vti").read_text()
    for number, bad in enumerate((text[:300], text.replace("WholeExtent", "Extent"), "<VTKFile/>")):
        path = tmp_path / f"{number}.vti"
        path.write_text(bad)
        assert "damaged" in refusal(path)
    huge = text.replace("0 7 0 6 0 5", "0 70000 0 60000 0 50000")
    (tmp_path / "h.vti").write_text(huge)
    assert "GB" in refusal(tmp_path / "h.vti")


DIRECTIONS = np.diag(SIZE[::-1]) * 1e6


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii"])
def test_nrrd_with_spacings(tmp_path, encoding):
    header = {"spacings": [0.1, 0.2, 0.5], "units": ["um"] * 3, "encoding": encoding}
    nrrd.write(str(tmp_path / "a.nrrd"), STACK, header, index_order="C")
    image = read_image(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(np.stack(image.slices), STACK)
    assert lengths(image) == SIZE


def test_nrrd_with_space_directions(tmp_path):
    """Mirrored axes stay, exchanged ones are put in order, turned ones are told of."""
    space = {"space": "left-posterior-superior", "space units": ["um"] * 3}
    straight = {**space, "space directions": DIRECTIONS * [1, -1, 1]}
    nrrd.write(str(tmp_path / "a.nrrd"), STACK, straight, index_order="C")
    image = read_image(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(np.stack(image.slices), STACK)
    assert lengths(image) == SIZE
    exchanged = {**space, "space directions": DIRECTIONS[::-1]}  # z is the first axis
    stored = np.ascontiguousarray(STACK.transpose(2, 1, 0))
    nrrd.write(str(tmp_path / "b.nrrd"), stored, exchanged, index_order="C")
    image = read_image(tmp_path / "b.nrrd")
    np.testing.assert_array_equal(np.stack(image.slices), STACK)
    assert lengths(image) == SIZE
    c = np.sqrt(0.5)
    turned = {**space, "space directions": DIRECTIONS @ [[c, c, 0], [-c, c, 0], [0, 0, 1]]}
    nrrd.write(str(tmp_path / "c.nrrd"), STACK, turned, index_order="C")
    with pytest.warns(UserWarning, match="rotated in space"):
        image = read_image(tmp_path / "c.nrrd")
    assert lengths(image) == SIZE


def test_nrrd_of_colours_without_units_and_beside_its_data(tmp_path):
    header = {"kinds": ["vector", "domain", "domain"], "spacings": [np.nan, 0.2, 0.5]}
    nrrd.write(str(tmp_path / "a.nrrd"), STACK, header, index_order="C")
    assert "several numbers a pixel, 7 along its axis vector" in refusal(tmp_path / "a.nrrd")
    nrrd.write(str(tmp_path / "b.nrrd"), STACK, {"spacings": [0.1, 0.2, 0.5]}, index_order="C")
    with pytest.warns(UserWarning, match="no unit of length"):
        assert read_image(tmp_path / "b.nrrd").pixel_size is None
    nrrd.write(str(tmp_path / "c.nhdr"), STACK, detached_header=True, index_order="C")
    np.testing.assert_array_equal(np.stack(read_image(tmp_path / "c.nhdr").slices), STACK)
    text = (tmp_path / "c.nhdr").read_bytes()
    (tmp_path / "d.nhdr").write_bytes(text.replace(b"c.raw.gz", b"../c.raw.gz"))
    assert "one file in the same folder" in refusal(tmp_path / "d.nhdr")
    (tmp_path / "e.nhdr").write_bytes(text.replace(b"c.raw.gz", b"none.raw.gz"))
    assert "does not exist" in refusal(tmp_path / "e.nhdr")


def test_raw_without_a_header(tmp_path):
    (tmp_path / "a.raw").write_bytes(STACK.tobytes())
    assert "write a.mhd beside it with the lines NDims = 3, DimSize" in refusal(tmp_path / "a.raw")
    Volume(STACK, SIZE).export(tmp_path / "v.raw")
    shutil.copy(tmp_path / "v.mhd", tmp_path / "a.mhd")
    assert "header of v.raw, not of a.raw" in refusal(tmp_path / "a.raw")


@pytest.mark.parametrize("suffix", ["vti", "h5", "nrrd", "zip", "raw"])
def test_cut_off_files_are_one_line(tmp_path, suffix):
    path = tmp_path / f"v.{suffix}"
    volume = Volume(STACK, SIZE)
    if suffix == "nrrd":
        nrrd.write(str(path), STACK)
    elif suffix == "zip":
        volume.save(tmp_path / "v.zarr")
        shutil.make_archive(str(tmp_path / "v"), "zip", tmp_path / "v.zarr")
    else:
        volume.export(path)
    whole = path.read_bytes()
    for share in (0.3, 0.6, 0.95):
        path.write_bytes(whole[: int(share * len(whole))])
        refusal(path)


@pytest.mark.filterwarnings("ignore:.*become the phases")
def test_what_is_no_volume(tmp_path):
    np.save(tmp_path / "a.npy", STACK * 255)
    with pytest.warns(UserWarning, match="its values 0, 254, 255 become the phases"):
        assert read_volume(tmp_path / "a.npy").labels.max() == 2
    np.save(tmp_path / "b.npy", STACK * 2)
    assert set(np.unique(read_volume(tmp_path / "b.npy").labels)) == {0, 2, 4}
    np.save(tmp_path / "c.npy", STACK[0])
    np.save(tmp_path / "d.npy", np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    np.save(tmp_path / "e.npy", STACK / 2)
    for name, said in (("c", "is no volume"), ("d", "holds grey values"), ("e", "grey values")):
        with pytest.raises(ReconError, match=said):
            read_volume(tmp_path / f"{name}.npy")
