"""The 3D network: local, the same however it is read, and trained to the same weights again."""

import attrs
import numpy as np
import pytest
import torch

from recon.core import Micrographs, Recipe, sample_steps, weights
from recon.core.bundled import find_weights
from recon.core.catalog import catalog
from recon.core.data.encoding import encode
from recon.core.errors import ReconError
from recon.core.sampling.noise import respace
from recon.plugins.denoisers.fitting.crops import Crops
from recon.plugins.denoisers.volume import apply, fit, held_means, training
from recon.plugins.denoisers.volume.apply import VolumeEstimate
from recon.plugins.denoisers.volume.convolution import Convolution3d
from recon.plugins.denoisers.volume.network import VolumeUNet
from recon.plugins.denoisers.volume.training import Task, VolumeTraining, hold, take_slices
from recon.workflow.executors.on_disk import OnDisk


def network(phases=2, seed=0):
    """One whose every layer counts."""
    torch.manual_seed(seed)
    made = VolumeUNet(phases).eval().requires_grad_(False)
    for parameter in made.parameters():
        parameter.normal_(0, 0.05)
    return made


def noisy(*shape, channels=1):
    return torch.randn(channels, *shape, generator=torch.Generator().manual_seed(1))


def stripes(side=64, phases=2):
    """Slices of a material of flat layers, thicker along the first axis."""
    rng = np.random.default_rng(0)
    image = np.repeat(rng.integers(phases, size=side // 4), 4)[:, None]
    return np.broadcast_to(image, (side, side)).astype(np.uint8).copy()


def material(phases=2):
    planes = {plane: [stripes(phases=phases)] * 2 for plane in ("xy", "xz", "yz")}
    return Micrographs(planes, phases=tuple("abc"[:phases]))


def task(phases=2, side=48):
    pool = np.random.default_rng(0).integers(phases, size=(2, 56, 56, 56)).astype(np.uint8)
    return Task(pool, Crops(material(phases).planes, frozenset(), side), phases)


@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 3, 5), (7, 6, 6), (16, 16, 16), (40, 40, 3)])
def test_a_convolution_in_halves_is_the_whole_one_and_so_are_its_gradients(shape):
    ours, x = Convolution3d(16, 8), noisy(*shape, channels=16)[None]
    plain = torch.nn.Conv3d(16, 8, 3, padding=1)
    plain.load_state_dict(ours.state_dict())
    results = []
    for layer in (ours, plain):
        given = x.clone().requires_grad_()
        made = layer(given)
        made.sin().sum().backward()
        results.append([made.detach(), given.grad, layer.weight.grad, layer.bias.grad])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5 * float(other.abs().max()))


@pytest.mark.parametrize("phases", [2, 3])
def test_the_estimate_is_a_volume_of_the_shape_that_was_given(phases):
    u = noisy(11, 9, 20, channels=1 if phases == 2 else phases)
    made = VolumeEstimate(network(phases), u, 3.0, (False, False, False)).planes(0, 11)
    assert made.shape == u.shape and made.abs().max() <= 1
    if phases == 3:
        assert torch.allclose(made.sum(0), torch.full(made.shape[1:], -1.0), atol=1e-5)
    hotter = VolumeEstimate(network(phases), u, 30.0, (False, False, False)).planes(0, 11)
    assert not torch.allclose(hotter, made, atol=1e-4)


def test_a_periodic_volume_shifts_with_its_noise():
    u, one = noisy(16, 24, 16), network()
    periodic = (True, True, True)
    made = VolumeEstimate(one, u, 3.0, periodic).planes(0, 16)
    shift = (8, 16, 8)  # whole strides: the network works on blocks of voxels
    moved = VolumeEstimate(one, u.roll(shift, (1, 2, 3)), 3.0, periodic).planes(0, 16)
    assert torch.allclose(moved, made.roll(shift, (1, 2, 3)), atol=1e-4)
    open_ended = VolumeEstimate(one, u, 3.0, (False, False, False)).planes(0, 16)
    assert not torch.allclose(open_ended, made, atol=1e-4)


def test_planes_are_the_same_however_they_are_read(monkeypatch):
    monkeypatch.setattr(apply, "BLOCK", 16)
    monkeypatch.setattr(apply, "HALO", 8)
    u, one = noisy(40, 8, 8), network()
    estimate = VolumeEstimate(one, u, 3.0, (False, False, False))
    assert estimate.ends == [0, 16, 40]
    whole = estimate.planes(0, 40)
    parts = [estimate.planes(low, low + 5) for low in range(0, 40, 5)]
    assert torch.equal(torch.cat(parts, 1), whole)


@pytest.mark.slow
def test_a_volume_in_slabs_is_the_one_in_memory(tmp_path):
    denoiser = trained()
    recipe = Recipe(shape=(24, 16, 16), steps=6, periodic=("y",))
    *_, whole = sample_steps(recipe, denoiser=denoiser)
    *_, split = sample_steps(recipe, denoiser=denoiser, slabs=OnDisk(tmp_path, 7))
    assert np.array_equal(whole.volume.labels, split.volume.labels)
    *_, without = sample_steps(recipe, denoiser=trained(volume=False))
    assert not np.array_equal(whole.volume.labels, without.volume.labels)


def trained(**options):
    """The bundled denoiser of slices, with a 3D network that nothing has been taught."""
    file = weights.read(find_weights("unet-ddpm", "fibres"))
    made = weights.load(file, "unet-ddpm", options, "cpu")
    slices = {k: v for k, v in made.tensors().items() if not k.startswith("volume.")}
    made.restore(slices | {f"volume.{k}": v for k, v in network().state_dict().items()}, "cpu")
    return made


def test_the_network_works_while_shape_is_decided_alone():
    denoiser = trained()
    steps = [step for step in respace(denoiser.alpha_bar, 50) if denoiser.sees_volume(step)]
    low, high = training.NOISE_RANGE
    assert steps and all(low <= step.s2 < high for step in steps)
    alone = trained(volume=False)
    assert not any(alone.sees_volume(step) for step in steps)


def test_weights_of_another_network_are_refused():
    denoiser = trained()
    tensors = denoiser.tensors()
    denoiser.restore(tensors, "cpu")
    tensors["volume.norm.gain"] = torch.ones(3)
    with pytest.raises(ReconError, match="3D network in the weights is of another size"):
        denoiser.restore(tensors, "cpu")


@pytest.mark.slow
def test_a_training_that_was_interrupted_goes_on_as_if_it_had_not_been(tmp_path):
    path = tmp_path / "training.checkpoint"
    identity = {"seed": 3}

    def start():
        return VolumeTraining(task(), 8, 3, "cpu"), training.Slices(
            torch.nn.Linear(1, 1), {"loss": 1.0}
        )

    whole, slices = start()
    training.run(whole, slices, identity, None, lambda record: None)
    part, slices = start()

    class StopError(Exception):
        pass

    def stop(record):
        if record["step"] == 5:
            raise StopError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(StopError):
        patch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(training, "REPORT_SECONDS", 0.0)
        training.run(part, slices, identity, path, stop)
    again, slices = start()
    slices.record["loss"] = 2.0
    again.network.pool.zero_()  # what the file holds counts
    told = training.run(again, slices, identity, path, lambda record: None)
    assert told["loss"] == 1.0 and again.step == 8
    for name, value in whole.average.state_dict().items():
        assert torch.equal(again.average.state_dict()[name], value), name


@pytest.mark.slow
def test_critics_teach_the_network_what_the_slices_look_like(monkeypatch):
    """Flat layers normal to z out of noise, from slices of them alone: no volume shows any.

    Network and critics chase each other, so layers come and go; roundings decide when.
    """
    side = stripes()
    top = [np.full(side.shape, label, np.uint8) for label in side[::4, 0]]
    crops = Crops({"xy": top, "xz": [side], "yz": [side]}, frozenset(), 48)
    monkeypatch.setattr(held_means, "HOLDS", {})
    loop = VolumeTraining(attrs.evolve(task(), crops=crops), 60, 0, "cpu")
    noise = encode(torch.as_tensor(task().pool[0, :48, :48, :48]), 2)[None]

    def compare_changes():
        """Changes of phase along y or x over those along z; about 1 before the training."""
        with torch.no_grad():
            made = loop._run(loop.volume, noise, 3.0, torch.Generator().manual_seed(0))[0, 0] > 0
        along_z, along_y, along_x = (made.float().diff(dim=axis).abs().mean() for axis in range(3))
        return float(max(along_y, along_x) / along_z)

    assert 0.5 < compare_changes() < 2
    while (layered := compare_changes()) >= 0.2 and loop.step < loop.steps:
        for _ in range(5):
            loop.advance()
    assert layered < 0.2


def test_the_slices_may_start_from_weights_that_hold_a_3d_network():
    init = trained().tensors()
    started = catalog().build("denoiser", "unet-ddpm", steps=1, volume_steps=0, rate=0.0)
    started.fit(material(), init=init)
    for name, value in started.tensors().items():
        assert torch.allclose(value, init[name], atol=1e-6), name


def test_slices_and_means_are_those_of_the_volume():
    volume = torch.arange(2.0 * 3 * 4).reshape(1, 1, 2, 3, 4)
    rng = np.random.default_rng(0)
    for plane, shape in (("xy", (2, 1, 3, 4)), ("xz", (3, 1, 2, 4)), ("yz", (4, 1, 2, 3))):
        taken = take_slices(volume, plane, rng)
        assert taken.shape == shape
        assert sorted(taken.flatten().tolist()) == volume.flatten().tolist()
    assert hold(volume, volume) == 0
    assert hold(volume + 0.1, volume) == pytest.approx(0.01 * 250, rel=1e-4)


def test_small_micrographs_have_no_3d_network():
    planes = {plane: [stripes(40)] for plane in ("xy", "xz", "yz")}
    small = Micrographs(planes)
    one = fit.Fit(small, frozenset(), 10, 0, "cpu")
    assert not one.possible
    assert fit.Fit(material(), frozenset(), 10, 0, "cpu").possible


def test_steps_of_the_3d_network_go_with_those_of_the_slices():
    def steps(**options):
        return catalog().build("denoiser", "unet-ddpm", **options).volume_steps

    assert steps() == 7000
    assert steps(steps=2500) == 3500
    assert steps(steps=100) == 0
    assert steps(steps=100, volume_steps=7) == 7
    assert steps(volume_steps=0) == 0
