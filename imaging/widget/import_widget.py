"""The widget: a plane for each image, sliders for the thresholds, labels that follow them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FileEdit,
    FloatSlider,
    LineEdit,
    PushButton,
    TextEdit,
)

from recon.core.data.planes import PLANES
from recon.core.errors import ReconError
from recon.imaging.load import read_pictures
from recon.imaging.picture import Picture
from recon.imaging.widget.choices import (
    SYMMETRIES,
    Choices,
    Source,
    are_labels,
    propose_thresholds,
    segment,
)

NO_PLANE = "none"
SUFFIX = " phases"
"""Of the name of the layer of labels."""


class ImportWidget(Container):  # type: ignore[misc, unused-ignore]
    """Micrographs of the image layers of a viewer, as `recon import` makes them."""

    def __init__(self, napari_viewer: Any) -> None:
        self.viewer = napari_viewer
        self.listed: list[str] = []
        self.sources: dict[str, Source] = {}
        self.pictures: dict[str, list[Picture]] = {}
        self.planes = Container(label="planes", layout="vertical")
        self.phases = LineEdit(label="phases", value="2", tooltip="A number, or names: pore,solid")
        self.thresholds = Container(label="thresholds", layout="vertical")
        self.otsu = PushButton(text="Otsu's thresholds")
        self.pixel_size = LineEdit(label="pixel size", tooltip="0.2um; empty: as the files state")
        self.symmetry = ComboBox(label="symmetry", choices=SYMMETRIES, value="none")
        self.out = FileEdit(label="out", mode="w", value="micrographs.zarr")
        self.force = CheckBox(text="replace what is there")
        self.save_button = PushButton(text="Save micrographs")
        self.message = TextEdit(label="", value="")
        super().__init__(
            widgets=[
                *(self.planes, self.phases, self.thresholds, self.otsu, self.pixel_size),
                *(self.symmetry, self.out, self.force, self.save_button, self.message),
            ]
        )
        self.message.read_only = True
        self.phases.changed.connect(self._guard(self.propose))
        self.otsu.changed.connect(self._guard(self.propose))
        self.save_button.changed.connect(self._guard(self.save))
        self.viewer.layers.events.inserted.connect(self._guard(self.list_images))
        self.viewer.layers.events.removed.connect(self._guard(self.list_images))
        self._guard(self.list_images)()

    def _guard(self, action: Callable[[], None]) -> Callable[..., None]:
        """The action; what it refuses becomes the message."""

        def act(*_: Any) -> None:
            try:
                action()
            except ReconError as error:
                self.message.value = str(error)

        return act

    def list_images(self) -> None:
        """A row for each image layer; rows that are there keep their plane."""
        images = {one.name: one for one in self.viewer.layers if type(one).__name__ == "Image"}
        if list(images) == self.listed:
            return
        chosen = {row.name: row.value for row in self.planes}
        self.planes.clear()
        self.listed, self.sources, self.pictures = list(images), {}, {}
        refusals = []
        for name, layer in images.items():
            try:
                self.sources[name], self.pictures[name] = _read_layer(layer)
            except ReconError as error:
                refusals.append(f"{name}: {error}")
                continue
            value = chosen.get(name, NO_PLANE)
            row = ComboBox(name=name, label=name, choices=(NO_PLANE, *PLANES), value=value)
            row.changed.connect(self._guard(self.propose))
            self.planes.append(row)
        self.propose()
        if refusals:
            raise ReconError("\n".join(refusals))

    def propose(self) -> None:
        """A slider for each threshold of the images that have a plane, at Otsu's values."""
        pictures = [picture for name in self._list_chosen() for picture in self.pictures[name]]
        self.thresholds.clear()
        if pictures and not are_labels(pictures):
            low = float(min(picture.pixels.min() for picture in pictures))
            high = float(max(picture.pixels.max() for picture in pictures))
            for number, cut in enumerate(propose_thresholds(pictures, self._count_phases()), 1):
                slider = FloatSlider(label=f"{number}", min=low, max=high, value=cut)
                slider.changed.connect(self._guard(self.show_labels))
                self.thresholds.append(slider)
        self.show_labels()

    def show_labels(self) -> None:
        """The labels of each image that has a plane, as a layer over it."""
        cuts = self._read_thresholds()
        layers = self.viewer.layers
        for row in self.planes:
            if row.value == NO_PLANE and row.name + SUFFIX in layers:
                layers.remove(row.name + SUFFIX)
        for name in self._list_chosen():
            labels = segment(self.pictures[name], cuts)
            shown = name + SUFFIX
            if shown in layers and layers[shown].data.shape == labels.shape:
                layers[shown].data = labels
            else:
                self.viewer.add_labels(
                    labels, name=shown, opacity=0.5, scale=layers[name].scale[-labels.ndim :]
                )
        self.message.value = self.choices().format_command(Path(self.out.value), self.force.value)

    def choices(self) -> Choices:
        """What is set now."""
        planes: dict[str, list[Source]] = {}
        for name in self._list_chosen():
            plane = next(row.value for row in self.planes if row.name == name)
            planes.setdefault(plane, []).append(self.sources[name])
        return Choices(
            planes=planes,
            thresholds=self._read_thresholds(),
            names=self._read_names(),
            pixel_size=self.pixel_size.value.strip(),
            symmetry=self.symmetry.value,
        )

    def save(self) -> None:
        """Micrographs, the picture beside them, notices, and the command that does the same."""
        choices, out = self.choices(), Path(self.out.value)
        line, notices = choices.save(out, self.force.value)
        command = choices.format_command(out, self.force.value)
        print(command)
        self.message.value = "\n".join([line, *(f"notice: {one}" for one in notices), command])

    def _list_chosen(self) -> list[str]:
        return [row.name for row in self.planes if row.value != NO_PLANE]

    def _read_thresholds(self) -> tuple[float, ...]:
        return tuple(sorted(slider.value for slider in self.thresholds))

    def _read_names(self) -> tuple[str, ...]:
        text = self.phases.value
        return () if text.strip().isdigit() else tuple(one.strip() for one in text.split(","))

    def _count_phases(self) -> int:
        count = len(self._read_names()) or int(self.phases.value)
        if not 2 <= count <= 8:
            raise ReconError(f"phases must be 2 to 8, or as many names, got {self.phases.value!r}")
        return count


def _read_layer(layer: Any) -> tuple[Source, list[Picture]]:
    """Its file, which states the pixel size, or its array when it is not one whole file."""
    path = layer.source.path
    data = np.asarray(layer.data)
    if path is not None and Path(path).is_file():
        pictures = read_pictures({"xy": Path(path)})["xy"]
        shape = data.shape[:-1] if layer.rgb else data.shape
        if {picture.pixels.shape for picture in pictures} == {shape[-2:]} and (
            len(pictures) == np.prod(shape[:-2], dtype=int)
        ):
            return Path(path), pictures
    if layer.rgb:
        raise ReconError("a layer with colours must be of one file; open it from there")
    return data, read_pictures({"xy": data})["xy"]
