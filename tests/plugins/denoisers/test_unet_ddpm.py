"""unet-ddpm: its estimates, its training, and that an interruption leaves no trace."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from recon.core import Micrographs, ReconError
from recon.core.sampling.noise import ALPHA_BAR
from recon.core.sampling.step import Step
from recon.plugins.denoisers import training
from recon.plugins.denoisers.predictions import PREDICTIONS
from recon.plugins.denoisers.unet_ddpm import UnetDdpm

SMALL: dict[str, Any] = {
    "width": 8,
    "multiples": (1, 2),
    "attention": (False, True),
    "heads": 1,
    "batch": 8,
    "crop": 16,
    "steps": 6,
}


def micrographs(phases: int = 2, planes: tuple[str, ...] = ("xy", "yz")) -> Micrographs:
    rng = np.random.default_rng(7)
    fields = {plane: gaussian_filter(rng.normal(size=(9, 30, 41)), (0, 2, 4)) for plane in planes}
    edges = np.quantile(fields[planes[0]], np.linspace(0, 1, phases + 1)[1:-1])
    return Micrographs({plane: np.digitize(field, edges) for plane, field in fields.items()})


def fitted(material: Micrographs, **options: Any) -> UnetDdpm:
    denoiser = UnetDdpm(**SMALL | options)
    denoiser.fit(material, seed=3)
    return denoiser


@pytest.fixture(scope="module")
def trained() -> UnetDdpm:
    """Enough steps to have heard of planes and noise; not to be changed."""
    return fitted(micrographs(), steps=60, rate=1e-2)


def step(t: int, noise: str = "linear-2e-2") -> Step:
    return Step(0, 10, t, float(ALPHA_BAR[noise][t]), 1.0)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_presets_resolve_and_given_options_win() -> None:
    paper = UnetDdpm(preset="paper", crop=32)
    assert (paper.noise, paper.prediction, paper.rate) == ("paper", "noise", 1e-4)
    assert (paper.steps, paper.batch, paper.crop, paper.decay) == (60_000, 32, 32, "constant")
    assert (paper.width, paper.multiples, paper.weight_decay) == (128, (1, 2, 4, 8), 0.0)
    assert UnetDdpm().noise == "linear-2e-2"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"multiples": (1, 2)}, "one item per level"),
        ({"width": 12}, "multiple of 8"),
        ({"prediction": "grey"}, "one of auto, noise, velocity, phases, prior"),
        ({"steps": 0}, ">= 1"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ReconError, match=message):
        UnetDdpm(**options)


@pytest.mark.parametrize("prediction", ["noise", "velocity"])
def test_the_true_output_gives_back_the_clean_slice(prediction: str) -> None:
    x0, eps = torch.randn(2, 4, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    ab = torch.full((1, 1, 1, 1), 0.3, dtype=torch.float64)
    x = ab.sqrt() * x0 + (1 - ab).sqrt() * eps
    output = eps if prediction == "noise" else ab.sqrt() * eps - (1 - ab).sqrt() * x0
    kind = PREDICTIONS[prediction]
    assert torch.allclose(kind.clean(output, x, ab), x0, atol=1e-12)
    assert kind.loss(output, x0, eps, ab).abs().max() == 0


@pytest.mark.parametrize("phases", [2, 3])
def test_cross_entropy_is_least_at_the_posterior_mean(phases: int) -> None:
    """Among constant outputs the best one's clean estimate is the mean of the encoded labels."""
    labels = torch.tensor([0, 1, 1, phases - 1, phases - 1, phases - 1, 0, 1, 1, 1])
    x0 = 2.0 * torch.nn.functional.one_hot(labels, phases).T.reshape(1, phases, 10, 1) - 1
    x0 = x0[:, 1:] if phases == 2 else x0
    output = torch.zeros(1, x0.shape[1], 1, 1, requires_grad=True)
    kind, ab = PREDICTIONS["phases"], torch.ones(1, 1, 1, 1) / 2
    optimizer = torch.optim.LBFGS([output], max_iter=100, tolerance_grad=1e-9)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = kind.loss(output.expand_as(x0), x0, x0, ab).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    clean = kind.clean(output.detach(), x0, ab)
    assert torch.allclose(clean[0, :, 0, 0], x0.mean((0, 2, 3)), atol=1e-3)


@pytest.mark.parametrize("phases", [2, 3])
@pytest.mark.parametrize("ab", [0.999, 0.7, 0.1, 0.001])
def test_with_the_log_odds_of_its_surroundings_a_pixel_has_its_posterior(
    phases: int, ab: float
) -> None:
    """Bayes' rule written out: likelihood of every phase times its prior, over their sum."""
    x = torch.randn(1, 1 if phases == 2 else phases, 5, 4).double()
    prior = torch.tensor([0.7, 0.2, 0.1] if phases == 3 else [0.7, 0.3], dtype=torch.float64)
    encoded = 2 * torch.eye(phases, dtype=torch.float64) - 1
    encoded = encoded[:, 1:] if phases == 2 else encoded
    away = x[:, None] - ab**0.5 * encoded[None, :, :, None, None]
    far = away.square().sum(2) / (2 * (1 - ab))
    likelihood = (far.amin(1, keepdim=True) - far).exp()
    posterior = likelihood * prior[:, None, None]
    posterior /= posterior.sum(1, keepdim=True)
    expected = torch.einsum("nkab,kc->ncab", posterior, encoded)
    odds = (
        (prior[1] / prior[0]).log().view(1, 1, 1, 1) if phases == 2 else prior.log()[:, None, None]
    )
    level = torch.full((1, 1, 1, 1), ab, dtype=torch.float64)
    estimate = PREDICTIONS["prior"].clean(odds.expand_as(x), x, level)
    assert torch.allclose(estimate, expected, atol=1e-9)


@pytest.mark.parametrize(("phases", "prediction"), [(2, "phases"), (3, "phases"), (3, "velocity"),
                                                    (2, "noise"), (3, "prior")])  # fmt: skip
def test_an_estimate_depends_on_its_own_slice_alone(phases: int, prediction: str) -> None:
    """Bit for bit: not on neighbours, nor on how the slices are split, nor on odd sizes."""
    denoiser = fitted(micrographs(phases), prediction=prediction, batch_slices=4)
    x = torch.randn(7, 1 if phases == 2 else phases, 13, 22)
    whole = denoiser.clean(x, step(300), "xy")
    assert whole.shape == x.shape
    assert whole.dtype == x.dtype
    assert whole.abs().max() <= 1
    parts = [denoiser.clean(part, step(300), "xy") for part in x.split([1, 5, 1])]
    assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(denoiser.clean(x.flip(0), step(300), "xy").flip(0), whole)


def test_the_plane_and_the_noise_level_are_heard_and_an_unknown_plane_is_refused(
    trained: UnetDdpm,
) -> None:
    denoiser = trained
    x = torch.randn(2, 1, 16, 16)
    assert not torch.equal(denoiser.clean(x, step(300), "xy"), denoiser.clean(x, step(300), "yz"))
    assert not torch.equal(denoiser.clean(x, step(300), "xy"), denoiser.clean(x, step(200), "xy"))
    with pytest.raises(ReconError, match="trained on xy, yz only, got plane xz"):
        denoiser.clean(x, step(300), "xz")


def test_guidance_is_equation_9_in_the_noise(trained: UnetDdpm) -> None:
    x, level = torch.randn(3, 1, 16, 16), step(500)

    def noise(weight: float) -> torch.Tensor:
        denoiser = UnetDdpm(**SMALL | {"guidance": weight, "precision": "float32"})
        denoiser.material = trained.material
        denoiser.restore(trained.tensors(), "cpu")
        clean = denoiser.clean(x, level, "xy")
        return (x - level.ab_t**0.5 * clean) / (1 - level.ab_t) ** 0.5

    assert torch.allclose(noise(0.4), 0.4 * noise(1) + 0.6 * noise(0), atol=1e-5)
    assert not torch.allclose(noise(0), noise(1), atol=1e-5)


def test_training_lowers_the_held_out_loss_and_tells_what_it_did() -> None:
    records: list[dict[str, Any]] = []
    denoiser = UnetDdpm(**SMALL | {"steps": 40, "rate": 1e-2})
    provenance = denoiser.fit(micrographs(), seed=3, report=records.append)
    assert records[-1]["step"] == records[-1]["steps"] == 40
    assert records[-1]["seconds_left"] == 0
    assert provenance["held_out"] == records[-1]["held_out"] < 0.6  # log 2 before
    assert provenance["slices"] == {"xy": 9, "yz": 9}
    assert provenance["flipped"] == ["xy", "yz"]
    assert provenance["parameters"] == sum(t.numel() for t in denoiser.tensors().values())


def test_an_estimate_of_a_hardly_noisy_slice_is_the_slice(trained: UnetDdpm) -> None:
    labels = torch.as_tensor(np.array(micrographs().planes["xy"][8]))[None, None]
    x = 2.0 * labels - 1 + 0.05 * torch.randn(labels.shape)
    decoded = trained.clean(x, step(5), "xy") > 0
    assert (decoded == (labels > 0)).float().mean() > 0.95


def test_slices_of_different_sizes_smaller_than_the_crop() -> None:
    sizes = [(9, 40), (23, 12), (50, 50)]
    slices = [np.indices(shape).sum(0) // 3 % 2 for shape in sizes]
    provenance = UnetDdpm(**SMALL).fit(Micrographs({"xz": slices}))
    assert provenance["crop"] == 8  # the largest multiple of the stride 4 that fits in 9 pixels


def test_training_is_a_function_of_the_seed() -> None:
    first, again = fitted(micrographs()), fitted(micrographs())
    assert same(first.tensors(), again.tensors())
    other = UnetDdpm(**SMALL)
    other.fit(micrographs(), seed=4)
    assert not same(first.tensors(), other.tensors())


def test_restored_weights_give_the_same_estimates_and_others_are_refused(
    trained: UnetDdpm,
) -> None:
    first, second = trained, UnetDdpm(**SMALL)
    second.material = first.material
    second.restore(first.tensors(), "cpu")
    x = torch.randn(2, 1, 16, 16)
    assert torch.equal(first.clean(x, step(300), "xy"), second.clean(x, step(300), "xy"))
    with pytest.raises(ReconError, match="weights do not fit the network"):
        second.restore(fitted(micrographs(3)).tensors(), "cpu")
    with pytest.raises(ReconError, match="has no weights"):
        UnetDdpm().clean(x, step(300), "xy")


def test_training_can_start_from_other_weights(trained: UnetDdpm) -> None:
    first, second = trained, UnetDdpm(**SMALL | {"rate": 0.0})
    second.fit(micrographs(), seed=9, init=first.tensors())
    for name, value in second.tensors().items():
        assert torch.allclose(value, first.tensors()[name], atol=1e-6)


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    with pytest.raises(ReconError, match=r"diverged at step \d+ of 20, .*denoiser.rate"):
        fitted(micrographs(), rate=1e30, steps=20)


def interrupted(path: Path, after: int, **options: Any) -> UnetDdpm:
    """A training that was stopped by its listener and begun again."""

    def stop(record: dict[str, Any]) -> None:
        if record["step"] == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        UnetDdpm(**SMALL | options).fit(micrographs(), seed=3, checkpoint=path, report=stop)
    return UnetDdpm(**SMALL | options)


def test_an_interrupted_training_ends_as_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "REPORT_SECONDS", 0)
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0)
    path = tmp_path / "state.safetensors"
    resumed = interrupted(path, after=4)
    steps: list[int] = []
    provenance = resumed.fit(
        micrographs(), seed=3, checkpoint=path, report=lambda record: steps.append(record["step"])
    )
    assert steps == [5, 6]
    unbroken = UnetDdpm(**SMALL)
    expected = unbroken.fit(micrographs(), seed=3)
    assert same(resumed.tensors(), unbroken.tensors())
    assert (provenance["loss"], provenance["held_out"]) == (expected["loss"], expected["held_out"])


@pytest.mark.parametrize(
    ("seed", "phases", "options", "what"),
    [(4, 2, {}, "seed"), (3, 3, {}, "micrographs"), (3, 2, {"rate": 1e-4}, "options")],
)
def test_the_checkpoint_of_another_training_is_refused(
    tmp_path: Path, seed: int, phases: int, options: dict[str, Any], what: str
) -> None:
    path = tmp_path / "state.safetensors"
    UnetDdpm(**SMALL).fit(micrographs(), seed=3, checkpoint=path)
    with pytest.raises(ReconError, match=f"of another {what}"):
        UnetDdpm(**SMALL | options).fit(micrographs(phases), seed=seed, checkpoint=path)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    UnetDdpm(**SMALL).fit(micrographs(), checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ReconError, match="cannot be read"):
        UnetDdpm(**SMALL).fit(micrographs(), checkpoint=path)


CHILD = """
import importlib.util, sys, torch
from pathlib import Path
from safetensors.torch import save_file
torch.set_num_threads(1)
spec = importlib.util.spec_from_file_location("parent", sys.argv[1])
parent = importlib.util.module_from_spec(spec)
spec.loader.exec_module(parent)
parent.training.CHECKPOINT_SECONDS = 0
denoiser = parent.UnetDdpm(**parent.SMALL | {"steps": 60})
denoiser.fit(parent.micrographs(), seed=3, checkpoint=Path(sys.argv[2]))
save_file(denoiser.tensors(), sys.argv[3])
"""


@pytest.mark.processes
def test_a_killed_training_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    def start(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", CHILD, __file__]
        command += [str(tmp_path / f"{name}.state"), str(tmp_path / f"{name}.end")]
        return subprocess.Popen(command)

    assert start("unbroken").wait(600) == 0
    killed = start("killed")
    deadline = time.monotonic() + 300
    while not (tmp_path / "killed.state").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed.end").exists()
    assert start("killed").wait(600) == 0
    ends = [(tmp_path / f"{name}.end").read_bytes() for name in ("unbroken", "killed")]
    assert ends[0] == ends[1]
