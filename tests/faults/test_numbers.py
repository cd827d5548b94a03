"""NaN and infinity, put into real plugins: what runs into them stops, says where and why."""

from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from recon.core import Micrographs, Recipe, ReconError, Volume, catalog, sample_steps
from recon.core.bundled import list_bundled
from recon.core.recipe import Choice
from recon.plugins.denoisers.gaussian import Gaussian
from recon.plugins.denoisers.training import Training
from recon.plugins.denoisers.unet_ddpm import UnetDdpm
from recon.plugins.harmonizers.none import Nothing
from recon.plugins.properties.diffusion.cpu import Cpu as DiffusionCpu
from recon.plugins.properties.elasticity.cpu import Cpu
from recon.workflow.executors.on_disk import OnDisk
from recon.workflow.pack_weights import pack_weights

SHAPE = (8, 9, 10)
TINY = {"width": 8, "multiples": (1, 2), "attention": (False, False), "heads": 1, "batch": 4}
TINY |= {"crop": 16, "precision": "float32"}


@attrs.define(eq=False)
class Failing(Gaussian):
    """The closed form, until at step 5 one pixel of one slice is `lost`."""

    lost = float("nan")

    def clean(self, slices, step, plane):
        estimate = Gaussian.clean(self, slices, step, plane)
        if step.number == 4 and len(slices) > 1:
            estimate[1, 0, 2, 3] = self.lost
        return estimate


@pytest.mark.parametrize("harmonizer", ["none", "gamma-blend", "spectral"])
@pytest.mark.parametrize(
    "lost",
    [
        float("nan"),
        pytest.param(float("inf"), marks=pytest.mark.slow),
        pytest.param(-float("inf"), marks=pytest.mark.slow),
    ],
)
def test_a_lost_pixel_of_a_denoiser_stops_with_step_plane_and_name(harmonizer, lost, tmp_path):
    recipe = Recipe(steps=6, shape=SHAPE, harmonizer=Choice(harmonizer))
    for slabs in (None, OnDisk(tmp_path, 4)):
        denoiser = Failing()
        denoiser.__class__.lost = lost
        done = []
        with pytest.raises(ReconError) as caught:
            for state in sample_steps(recipe, denoiser=denoiser, slabs=slabs):
                done.append(state.number)
        assert done == [1, 2, 3, 4]
        told = "denoiser gaussian gave NaN or infinity at step 5 of 6, plane xz, in "
        assert str(caught.value).startswith(told) and "\n" not in str(caught.value)


def test_a_harmonizer_that_overflows_is_the_one_named(monkeypatch):
    def overflowing(self, x, step, clean, noise, scene):
        grown = x * (1e30 if step.number >= 1 else 1.0)
        return grown * grown

    monkeypatch.setattr(Nothing, "advance", overflowing)
    recipe = Recipe(steps=4, shape=SHAPE, harmonizer=Choice("none"))
    with pytest.raises(ReconError, match=r"no longer finite after step 2 of 4.*harmonizer none"):
        list(sample_steps(recipe, denoiser=Gaussian()))


def changed(path, change):
    """A copy of bundled weights with tensors changed: their first and last, by name."""
    with safe_open(list_bundled("unet-ddpm")["porous"], "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    network = [name for name in tensors if not name.startswith("statistics")]
    change({name: tensors[name] for name in network})
    save_file(tensors, path, metadata)
    return path


def test_weights_with_an_infinity_are_refused_by_name(recon):
    def one(network):
        next(iter(network.values())).view(-1)[0] = float("inf")

    changed("broken.safetensors", one)
    run = ("run", "--weights", "broken.safetensors", "--shape", 16, 16, 16, "--out", "out")
    (line,) = recon(*run, code=2).stderr.strip().splitlines()
    assert "weights broken.safetensors hold NaN or infinity in " in line
    assert not Path("out").exists()


def test_finite_weights_that_overflow_stop_the_run_at_its_first_step(recon):
    """Without the check tanh would make certain phases of infinite logits."""

    def all_of_them(network):
        for value in network.values():
            value.mul_(1e20)

    changed("huge.safetensors", all_of_them)
    run = ("run", "--weights", "huge.safetensors", "--shape", 16, 16, 16, "--out", "out")
    line = recon(*run, code=2).stderr.strip().splitlines()[-1]
    assert "denoiser unet-ddpm gave NaN or infinity at step 1 of 60, plane xy" in line
    assert not Path("out/volume.zarr").exists()


def texture():
    rng = np.random.default_rng(0)
    return Micrographs({plane: rng.random((3, 24, 24)) < 0.5 for plane in ("xy", "xz", "yz")})


def test_a_rate_of_a_million_stops_the_training_and_writes_no_weights(recon):
    texture().save("m.zarr")
    settings = [f"--set=denoiser.{key}={list(v) if isinstance(v, tuple) else v}".replace("F", "f")
                for key, v in TINY.items()]  # fmt: skip
    train = ("train", "m.zarr", "--out", "w.safetensors", *settings, "--steps", 400)
    result = recon(*train, "--set", "denoiser.rate=1e6", code=2)
    line = result.stderr.strip().splitlines()[-1]
    assert "training diverged at step" in line and "denoiser.rate below 1e+06" in line
    assert not Path("w.safetensors").exists()


@pytest.mark.parametrize("where", ["gradient", "weight"])
def test_what_training_loses_is_told_and_the_good_checkpoint_kept(tmp_path, monkeypatch, where):
    """A NaN in the gradient, or in a weight after the step, from the third step on."""
    path = tmp_path / "checkpoint"
    if where == "gradient":
        loss_of = Training._loss_of_step

        def broken(self, k):
            loss = loss_of(self, k)
            if k >= 2:
                loss.register_hook(lambda gradient: gradient * float("nan"))
            return loss

        monkeypatch.setattr(Training, "_loss_of_step", broken)
    else:
        advance = Training.advance

        def broken(self):
            advance(self)
            if self.step >= 3:
                with torch.no_grad():
                    next(self.network.parameters()).view(-1)[0] = float("inf")

        monkeypatch.setattr(Training, "advance", broken)
    monkeypatch.setattr("recon.plugins.denoisers.training.CHECKPOINT_SECONDS", 0.0)
    denoiser = UnetDdpm(**TINY, steps=50)
    with pytest.raises(ReconError) as caught:
        denoiser.fit(texture(), checkpoint=path)
    told = str(caught.value)
    assert told.startswith("training diverged at step ") and where in told
    assert told.endswith("; the checkpoint of step 2 is kept")
    with safe_open(path, "pt") as file:
        assert all(file.get_tensor(name).isfinite().all() for name in file.keys())  # noqa: SIM118


def test_weights_that_are_not_finite_are_not_written(tmp_path):
    denoiser = UnetDdpm(**TINY, steps=1)
    denoiser.fit(texture())
    next(iter(denoiser.tensors().values())).view(-1)[0] = float("nan")
    with pytest.raises(ReconError, match="holds NaN or infinity, so .* is not written"):
        (tmp_path / "w.safetensors").write_bytes(pack_weights(denoiser, {}))
    assert list(tmp_path.iterdir()) == []


def checkered():
    rng = np.random.default_rng(3)
    return Volume((rng.random((6, 6, 6)) < 0.5).astype(np.uint8))


def table(path, *moduli):
    phases = "".join(f"[[phase]]\nE = {E}\nnu = 0.3\n" for E in moduli)
    path.write_text(f'unit = "Pa"\n{phases}')
    return str(path)


@pytest.mark.parametrize(("soft", "stiff"), [("1e-40", "1"), ("1e30", "1e42"), ("1e-45", "1e-39")])
def test_moduli_beyond_single_precision_change_the_unit_only(tmp_path, soft, stiff):
    """They ended in a LinAlgError: the preconditioner is in single precision."""

    def stiffness(*moduli):
        plugin = catalog().build("property", "homogenization",
                                 materials=table(tmp_path / "m.toml", *moduli))  # fmt: skip
        return plugin.solve(checkered()).stiffness.values

    expected = stiffness(float(soft) / float(stiff), 1)
    value = stiffness(soft, stiff) / float(stiff)
    assert np.allclose(value, expected, rtol=1e-6, atol=1e-6 * expected.max())


def test_a_solver_that_overflows_says_so(tmp_path, monkeypatch):
    multiply = Cpu.multiply
    count = []

    def broken(self):
        multiply(self)
        count.append(1)
        if len(count) == 3:
            self.q[0, 0, 0, 0, 0] = np.inf

    monkeypatch.setattr(Cpu, "multiply", broken)
    materials = table(tmp_path / "m.toml", 1, 5)
    plugin = catalog().build("property", "homogenization", materials=materials)
    with pytest.raises(ReconError, match="broke down at iteration 3: numbers overflowed"):
        plugin.solve(checkered())


def test_a_diffusion_solve_that_overflows_says_so(monkeypatch):
    advance = DiffusionCpu.advance

    def broken(self, alpha):
        value = advance(self, alpha)
        self.single[0, 0, 0] = np.nan
        return value

    monkeypatch.setattr(DiffusionCpu, "advance", broken)
    plugin = catalog().build("property", "diffusivity")
    with pytest.raises(ReconError, match="along x broke down at iteration 1: numbers overflowed"):
        plugin.solve(checkered())
