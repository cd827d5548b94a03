"""The widget in a viewer without a window: needs napari and Qt."""

import shlex
from pathlib import Path

import numpy as np
import pytest
import tifffile

from recon.core import Micrographs

READER = "napari"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def viewer(recon, monkeypatch):
    """A viewer with two grey images of three phases from files, and the widget."""
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    from magicgui.application import use_app
    from napari.components import ViewerModel
    from npe2 import PluginManager

    from recon.imaging.widget.import_widget import ImportWidget

    PluginManager.instance().discover()
    assert use_app("qt").native
    model = ViewerModel()
    rng = np.random.default_rng(0)
    for name in ("top", "front"):
        truth = np.kron(rng.integers(0, 3, (12, 15)), np.ones((8, 8), int))
        grey = np.clip(40 + 80 * truth + rng.normal(0, 8, truth.shape), 0, 255).astype(np.uint8)
        tifffile.imwrite(f"{name}.tif", grey)
        model.open(f"{name}.tif", plugin=READER)
    return model, ImportWidget(model), recon


def test_labels_follow_the_sliders_and_what_is_saved_is_what_the_command_makes(viewer, capsys):
    model, widget, recon = viewer
    assert [row.name for row in widget.planes] == ["top", "front"]
    assert not len(widget.thresholds)
    widget.planes[0].value, widget.planes[1].value = "xy", "xz"
    widget.phases.value = "pore,active,binder"
    assert len(widget.thresholds) == 2
    widget.thresholds[0].value, widget.thresholds[1].value = 70, 190
    grey = model.layers["top"].data
    expected = (grey >= 70) * 1 + (grey >= 190)
    assert np.array_equal(model.layers["top phases"].data, expected)
    widget.symmetry.value = "transverse z"
    widget.out.value = "eye.zarr"
    widget.save_button.changed.emit(True)
    (command,) = [line for line in capsys.readouterr().out.splitlines() if "recon import" in line]
    assert command in widget.message.value and "phases pore" in widget.message.value
    eye = Micrographs.open("eye.zarr")
    assert np.array_equal(eye.planes["xy"][0], expected)
    assert eye.phases == ("pore", "active", "binder") and set(eye.planes) == {"xy", "xz", "yz"}
    words = shlex.split(command.replace("eye.zarr", "typed.zarr"))
    recon(*words[1:])
    assert np.array_equal(Micrographs.open("typed.zarr").planes["yz"][0], eye.planes["yz"][0])
    widget.save_button.changed.emit(True)
    assert "exists already" in widget.message.value


def test_layers_come_and_go(viewer):
    model, widget, _ = viewer
    widget.planes[0].value = "xy"
    model.add_image(np.arange(24.0).reshape(4, 6), name="array")
    assert [(row.name, row.value) for row in widget.planes] == [
        *(("top", "xy"), ("front", "none"), ("array", "none")),
    ]
    widget.planes[2].value = "yz"
    assert "--yz ARRAY.tif" in widget.message.value
    widget.planes[2].value = "none"
    assert "array phases" not in model.layers
    model.layers.remove("top")
    assert [row.name for row in widget.planes] == ["front", "array"]
    widget.phases.value = "1"
    widget.planes[0].value = "xy"
    assert "phases must be 2 to 8" in widget.message.value


def test_a_stack_of_files_is_no_single_file(viewer):
    model, widget, _ = viewer
    model.open(["top.tif", "front.tif"], stack=True, plugin=READER)
    row = widget.planes[-1]
    row.value = "xz"
    assert len(widget.pictures[row.name]) == 2
    assert "ARRAY.tif" in widget.message.value
    assert model.layers[f"{row.name} phases"].data.shape == (2, 96, 120)


def test_npe2_takes_the_manifest():
    import npe2

    file = Path(__file__).parents[3] / "imaging" / "widget" / "napari.yaml"
    manifest = npe2.PluginManifest.from_file(file)
    manifest.validate_imports()
    assert manifest.contributions.widgets[0].display_name == "Micrographs from images"
