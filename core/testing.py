"""Hypothesis strategies and conformance checks, for this project and for authors of plugins."""

import json
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
import numpy as np
import tomli_w
import torch
import xarray as xr
from hypothesis import strategies as st

from recon.core.data.encoding import channels
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import NORMAL, PLANES
from recon.core.data.statistics import Statistics
from recon.core.data.volume import Volume
from recon.core.kinds import (
    Compared,
    Denoiser,
    Exporter,
    Harmonizer,
    Metric,
    Property,
    Reader,
    Schedule,
)
from recon.core.options import options, rule, values
from recon.core.readers import check_image
from recon.core.sampling.noise import ALPHA_BAR, respaced
from recon.core.sampling.scene import Scene
from recon.core.sampling.slabs import as_tensor
from recon.core.sampling.slabs.field import Field, Shape


@st.composite
def labels(
    draw: st.DrawFn,
    min_side: int = 1,
    max_side: int = 9,
    phases: int = 3,
    dimensions: int = 3,
    long_side: int = 0,
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Arrays of phase labels: random ones, stretched along each axis by a factor of its own.

    long_side  at times one side is drawn from 60 to this instead: past a machine word
    """
    shape = [draw(st.integers(min_side, max_side)) for _ in range(dimensions)]
    if long_side and draw(st.booleans()):
        shape[draw(st.integers(0, dimensions - 1))] = draw(st.integers(60, long_side))
    stretch = [draw(st.integers(1, 7)) for _ in range(dimensions)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coarse = [-(-side // factor) for side, factor in zip(shape, stretch, strict=True)]
    array = rng.integers(0, phases, coarse, np.uint8)
    for axis, factor in enumerate(stretch):
        array = array.repeat(factor, axis)
    return array[tuple(slice(side) for side in shape)]


@st.composite
def volumes(draw: st.DrawFn, min_side: int = 1, max_side: int = 9, phases: int = 3) -> Volume:
    """Volumes of random labels, K = phases, with anisotropic voxels."""
    size = draw(st.tuples(*[st.floats(1e-9, 1e-3)] * 3))
    names = [f"phase {k}" for k in range(phases)]
    return Volume(draw(labels(min_side, max_side, phases)), size, names)


@st.composite
def micrographs(
    draw: st.DrawFn, min_side: int = 2, max_side: int = 9, phases: int = 3
) -> Micrographs:
    """Micrographs of one to three planes, slices of different sizes."""
    planes = draw(st.lists(st.sampled_from(PLANES), min_size=1, unique=True))
    image = labels(min_side, max_side, phases, dimensions=2)
    stacks = {plane: draw(st.lists(image, min_size=1, max_size=3)) for plane in planes}
    return Micrographs(stacks, phases=[f"phase {k}" for k in range(phases)])


def check_plugin(cls: type[Any], sample: Path | None = None, **given: Any) -> None:
    """Assert that a plugin class keeps the contract of its kind; one line in an author's test.

    sample  a file for a reader to read
    given   options to build it with, beside the defaults
    """
    assert cls.kind in CHECKS, f"{cls.__name__} must derive from one of the kinds of plugins"
    assert isinstance(cls.name, str) and cls.name == cls.name.lower(), "name must be lower case"
    assert cls.__doc__, "the docstring is the help text"
    for name, field in options(cls).items():
        assert rule(field).help, f"option {name} must have a help text"
    plugin = cls(**given)
    table = values(plugin)
    again = cls(**tomllib.loads(tomli_w.dumps(table)))
    assert values(again) == table, "options must survive TOML"
    if cls.kind == "reader":
        _check_reader(plugin, sample)
    else:
        CHECKS[cls.kind](plugin)


def sample_volume() -> Volume:
    """A small volume of two phases and unequal sides, for checks."""
    z, y, x = np.indices((12, 10, 8))
    return Volume(np.sin(z / 2) + np.sin(y / 3) + np.sin(x) > 0, (1e-6,) * 3)


def _check_metric(metric: Metric) -> None:
    volume = sample_volume()
    before = volume.labels.copy()
    first = _dataset(metric.measure(volume))
    assert np.array_equal(volume.labels, before), "measure must not change the volume"
    second = _dataset(metric.measure(volume))
    assert first.identical(second), "measuring twice must give the same"
    json.dumps(first.to_dict(), default=float)
    for item in metric.compared:
        _check_compared(item, first)
    if any(item.micrographs for item in metric.compared):
        for plane in PLANES:
            slices = list(np.moveaxis(volume.labels, NORMAL[plane], 0))
            result = _dataset(metric.measure(Micrographs({plane: slices})))
            for item in metric.compared:
                _check_compared(item, result)


def _check_compared(item: Compared, result: xr.Dataset) -> None:
    """What a metric says of its result, for the comparison."""
    name = item.variable or "value"
    assert name in result, f"compared: measure returns no {item.variable or 'number or array'}"
    places = {"phase", "direction", "plane", "axis", item.places}
    rest = [dim for dim in result[name].dims if dim not in places]
    assert len(rest) <= 1, f"compared: at most one dim beside phase and place, got {rest}"
    if item.sampling_error == "remainder":
        assert rest == ["lag"], "compared: remainder is for shares of pairs or runs by lag"


def _dataset(value: xr.DataArray | xr.Dataset | float) -> xr.Dataset:
    return value if isinstance(value, xr.Dataset) else xr.Dataset({"value": value})


def _check_property(solver: Property) -> None:
    volume = sample_volume()
    before = volume.labels.copy()
    result = solver.solve(volume)
    assert isinstance(result, xr.Dataset), "solve must return a Dataset"
    assert np.array_equal(volume.labels, before), "solve must not change the volume"
    json.dumps(result.to_dict(), default=float)


def _check_exporter(exporter: Exporter) -> None:
    _check_suffixes(exporter)
    volume = sample_volume()
    before = volume.labels.copy()
    with TemporaryDirectory() as folder:
        for number in range(2):
            path = Path(folder, str(number)) / f"a{exporter.suffixes[0]}"
            path.parent.mkdir()
            outputs = exporter.list_outputs(volume, path)
            assert {file.parent for file in outputs} == {path.parent}, "outputs must be in a folder"
            assert not any(path.parent.iterdir()), "list_outputs must not write"
            exporter.write(volume, path)
            written = set(path.parent.iterdir())
            assert written == set(outputs), "write must make the files that list_outputs tells"
            assert all(file.stat().st_size for file in written), "files must not be empty"
    assert np.array_equal(volume.labels, before), "write must not change the volume"


def _check_reader(reader: Reader, sample: Path | None) -> None:
    _check_suffixes(reader)
    assert all(isinstance(first, bytes) and first for first in reader.signatures)
    if sample is None:
        return
    image, again = (check_image(reader.read(sample)) for _ in range(2))
    assert image.path == sample, "path must be the one that was read"
    assert len(image.slices) == len(again.slices) > 0
    assert all(np.array_equal(a, b) for a, b in zip(image.slices, again.slices, strict=True))


def _check_suffixes(plugin: Exporter | Reader) -> None:
    assert plugin.suffixes, "suffixes must not be empty"
    for suffix in plugin.suffixes:
        assert suffix.startswith(".") and suffix == suffix.lower(), "suffixes must be like '.vti'"


def _check_schedule(schedule: Schedule) -> None:
    for step in range(9):
        chosen = schedule.planes(step, 9, np.random.default_rng([0, step]))
        assert chosen == schedule.planes(step, 9, np.random.default_rng([0, step]))
        assert isinstance(chosen, tuple) and chosen, "planes must be a tuple, not empty"
        assert set(chosen) <= set(PLANES), f"planes must be among {PLANES}, got {chosen}"


def _check_harmonizer(harmonizer: Harmonizer) -> None:
    shape = (1, 4, 5, 6)

    def noise(n: int, *, shape: Shape = shape) -> torch.Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(n))

    labels = sample_volume().labels
    stacks = {plane: list(np.moveaxis(labels, NORMAL[plane], 0)) for plane in PLANES}
    steps = respaced(ALPHA_BAR["linear-2e-2"], 4)
    scene = Scene(shape, (False, True, False), steps[0].ab_t, Statistics.of(Micrographs(stacks)))
    x = as_tensor(harmonizer.start(scene, noise))
    assert x.shape == shape and torch.isfinite(x).all()
    for step in steps:
        step = attrs.evolve(step, planes=("xz",))
        x = torch.randn(shape, generator=torch.Generator().manual_seed(9))
        before = x.clone()
        y = as_tensor(harmonizer.advance(x, step, _clamp, noise, scene))
        assert y.shape == x.shape and torch.isfinite(y).all()
        assert torch.equal(x, before), "advance must not change its input"


def _clamp(x: Field, turn: int = 0) -> torch.Tensor:
    return as_tensor(x).clamp(-1, 1)


def _check_denoiser(denoiser: Denoiser) -> None:
    if denoiser.needs_weights and denoiser.material is None:
        return
    count = 1 if denoiser.material is None else channels(len(denoiser.material.phases))
    for step in respaced(denoiser.alpha_bar, 3):
        generator = torch.Generator().manual_seed(step.number)
        slices = torch.randn((5, count, 12, 20), generator=generator)
        before = slices.clone()
        whole = denoiser.clean(slices, step, "xz")
        assert whole.shape == slices.shape and torch.isfinite(whole).all()
        assert torch.equal(slices, before), "clean must not change its input"
        parts = [denoiser.clean(slices[i : i + 2], step, "xz") for i in (0, 2, 4)]
        assert torch.equal(torch.cat(parts), whole), "a row must depend on itself only"


CHECKS: dict[str, Any] = {
    "metric": _check_metric,
    "property": _check_property,
    "schedule": _check_schedule,
    "exporter": _check_exporter,
    "reader": _check_reader,
    "harmonizer": _check_harmonizer,
    "denoiser": _check_denoiser,
}
