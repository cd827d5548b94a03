"""What each of several processes adds to a training step, and who may not take part."""

import numpy as np
import pytest
import torch

from recon.core import Micrographs, Recipe, ReconError
from recon.core.sampling.noise import ALPHA_BAR
from recon.core.sampling.processes import Processes
from recon.plugins.denoisers.architecture import PRESETS
from recon.plugins.denoisers.fitting.crops import Batch, Crops
from recon.plugins.denoisers.predictions import PREDICTIONS
from recon.plugins.denoisers.training import Settings, Task, Training
from recon.plugins.denoisers.unet import UNet
from recon.workflow.train import train

COUNT = 7


@pytest.mark.parametrize("size", [2, 3, 7])
def test_the_parts_of_the_loss_and_its_gradient_sum_to_those_of_the_batch(size: int) -> None:
    """Also where shares differ and so do their scored pixels."""
    rng = np.random.default_rng(0)
    shape = (COUNT, 8, 8)
    scored = rng.random(shape) < np.linspace(0.1, 1, COUNT)[:, None, None]
    batch = Batch(rng.integers(0, 3, shape, np.uint8), rng.integers(0, 3, COUNT), scored)
    t = torch.as_tensor(rng.integers(1000, size=COUNT))
    hidden = torch.as_tensor(rng.random(COUNT) < 0.3)
    eps = torch.as_tensor(rng.normal(size=(COUNT, 3, 8, 8)), dtype=torch.float32)
    task = Task(Crops({}, frozenset(), 8), None, 3, ALPHA_BAR["paper"], PREDICTIONS["noise"])
    network = torch.nn.Conv2d(3, 3, 3, padding=1)

    def part(rows: slice) -> tuple[torch.Tensor, torch.Tensor]:
        network.zero_grad()

        def call(x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
            return network(x)  # type: ignore[no-any-return]

        loss = task.loss(call, batch, t[rows], eps[rows], hidden[rows], rows)
        loss.backward()  # type: ignore[no-untyped-call]
        assert network.weight.grad is not None
        return loss.detach(), network.weight.grad.clone()

    whole, gradient = part(slice(None))
    parts = [part(Processes(rank, size).rows(COUNT)) for rank in range(size)]
    assert torch.allclose(sum(loss for loss, _ in parts), whole, rtol=1e-5)  # type: ignore[arg-type]
    assert torch.allclose(sum(g for _, g in parts), gradient, atol=1e-6)  # type: ignore[arg-type]


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "1", "WORLD_SIZE": "3"}.items():
        monkeypatch.setenv(name, value)


def test_every_process_needs_a_crop(three: None) -> None:
    task = Task(Crops({}, frozenset(), 8), None, 2, ALPHA_BAR["paper"], PREDICTIONS["noise"])
    settings = Settings(1, 2, 1e-3, "cosine", 0.9, 0.0, 0.1, 1.0, False, False)
    network = UNet(PRESETS["tiny"], channels=1, planes=3)
    with pytest.raises(ReconError, match="at least the number of processes, 3, got 2"):
        Training(task, settings, network, 0, "cpu")


def test_a_denoiser_that_trains_in_one_process_says_so(three: None, tmp_path: object) -> None:
    recipe = Recipe.from_table({"denoiser": {"name": "gaussian"}})
    material = Micrographs(
        dict.fromkeys(("xy", "xz", "yz"), np.indices((2, 30, 30)).sum(0) // 3 % 2)
    )
    with pytest.raises(ReconError, match="denoiser gaussian trains in one process, got 3"):
        train(recipe, material, tmp_path, progress=print)  # type: ignore[arg-type]
