"""The journey of a notebook through `import recon` alone."""

import subprocess
import sys

import attrs
import numpy as np
import pytest

import recon
from recon.core import Metric, ReconError, catalog


@pytest.fixture(scope="module")
def micrographs():
    """Of a small part of the porous example."""
    whole, _ = recon.example("porous")
    planes = {plane: [image[:48, :48] for image in stack] for plane, stack in whole.planes.items()}
    return recon.Micrographs(planes, whole.voxel_size, whole.phases)


@pytest.fixture(scope="module")
def volumes():
    return recon.reconstruct("porous", shape=(16, 16, 16), samples=2, steps=3, device="cpu")


def test_training_gives_a_model_that_is_saved_and_opened(micrographs, tmp_path):
    model = recon.train(micrographs, steps=2, device="cpu", batch=2, crop=16)
    assert model.material.phases == ("pore", "solid")
    assert model.source is None
    model.save(tmp_path / "own.safetensors")
    again = recon.Model.open(tmp_path / "own.safetensors", "cpu")
    assert "pore 0.6" in again._repr_html_()
    assert again.sha256 == model.sha256
    given = {"shape": (8, 12, 16), "steps": 2, "device": "cpu"}
    (first,), (second,) = (recon.reconstruct(one, **given) for one in (model, again))
    assert first.shape == (8, 12, 16)
    assert np.array_equal(first.labels, second.labels)


@pytest.mark.slow
def test_volumes_are_those_of_the_command(volumes, recon):
    line = "run --weights porous --shape 16 16 16 --steps 3 --samples 2 --no-report --out out"
    recon(*line.split())
    from recon.core import Volume

    for number, volume in enumerate(volumes):
        kept = Volume.open(f"out/{number:03d}.zarr")
        assert np.array_equal(kept.labels, volume.labels)
        assert kept.provenance["weights_sha256"] == volume.provenance["weights_sha256"]
        assert volume.provenance["seed"] == number


@pytest.mark.slow
def test_fast_takes_fewer_steps_and_rounds_and_what_is_given_wins():
    def recipe(**settings):
        (volume,) = recon.reconstruct(
            "porous", shape=(8, 8, 8), device="cpu", fast=True, **settings
        )
        return volume.provenance["recipe"]

    assert recipe()["steps"] == 20
    assert recipe()["harmonizer"]["rounds"] == 2
    assert recipe(steps=2, harmonizer={"rounds": 1})["harmonizer"]["rounds"] == 1
    assert recipe(steps=2, harmonizer="none")["harmonizer"]["name"] == "none"


@pytest.mark.slow
def test_comparison_and_report(volumes, micrographs, tmp_path):
    comparison = recon.compare(volumes, micrographs, classifier=False)
    assert comparison.verdict.level
    recon.report(tmp_path / "a.html", volumes, micrographs, comparison)
    recon.report(tmp_path / "b.html", volumes[0])
    assert "two-point" in (tmp_path / "a.html").read_text().lower()
    assert (tmp_path / "b.html").stat().st_size > 10_000


def test_measuring_by_name(volumes, tmp_path):
    fraction = recon.measure(volumes[0], "volume-fraction")
    assert float(fraction.sum()) == pytest.approx(1)
    both = recon.measure(volumes[0], "volume-fraction", "diffusivity")
    assert set(both) == {"volume-fraction", "diffusivity"}
    volumes[0].save(tmp_path / "v.zarr")
    assert recon.measure(tmp_path / "v.zarr", "volume-fraction").equals(fraction)
    short = recon.measure(volumes[0], "two-point", max_lag=3)
    assert short.sizes["lag"] == 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: recon.measure(v), "name what to measure"),
        (lambda v: recon.measure(v, "two-pont"), "did you mean 'two-point'"),
        (lambda v: recon.measure(v, "two-point", "lineal-path", max_lag=3), "options go with one"),
        (lambda v: recon.measure(3, "two-point"), "a volume, micrographs or a path is needed"),
        (lambda v: recon.reconstruct("porus"), "unknown weights 'porus'"),
        (lambda v: recon.reconstruct("porous", stepps=3), "unknown key of the recipe 'stepps'"),
        (lambda v: recon.reconstruct("porous", shape=(8, 8)), "shape must be"),
    ],
)
def test_bad_input_is_one_clear_line(volumes, call, message):
    with pytest.raises(ReconError, match=message):
        call(volumes[0])


def test_a_class_of_this_process_is_registered():
    @recon.register
    @attrs.frozen
    class Own(Metric):
        """One."""

        name = "own-metric"

        def measure(self, sample):
            return 1.0

    try:
        assert recon.measure(recon.Volume(np.zeros((2, 2, 2), int)), "own-metric") == 1
        assert catalog().entry("metric", "own-metric").package == "this process"
        recon.register(Own)
        with pytest.raises(TypeError, match="must derive from one of the kinds"):
            recon.register(int)
    finally:
        catalog.cache_clear()


@pytest.mark.slow
def test_weights_are_opened_without_the_compiler_of_torch():
    """Some initial values of a network on torch's device `meta` would import it: two seconds."""
    code = (
        "import sys, recon; recon.Model.open('electrode', device='cpu');"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_name_is_there_and_importing_loads_no_torch():
    for name in recon.__all__:
        assert getattr(recon, name) is not None
    code = "import recon, recon.core, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_and_a_recipe_load_no_numpy():
    code = "import recon.cli.recipe, recon.core.recipe, sys; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
