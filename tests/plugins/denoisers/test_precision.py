"""bfloat16 only where the machine has instructions for it."""

from typing import Any

import numpy as np
import pytest
import torch

from recon.core import Micrographs
from recon.core.sampling.noise import ALPHA_BAR
from recon.core.sampling.step import Step
from recon.plugins.denoisers.fitting.precision import fast_bfloat16
from recon.plugins.denoisers.unet_ddpm import UnetDdpm

SMALL: dict[str, Any] = {
    "width": 8,
    "multiples": (1, 2),
    "attention": (False, True),
    "heads": 1,
    "batch": 4,
    "crop": 16,
    "steps": 20,
    "rate": 1e-2,
}
LAPTOP = {"avx2": True, "avx512_bf16": False, "amx_bf16": False}
SERVER = LAPTOP | {"avx512_f": True, "avx512_bf16": True}


def on(monkeypatch: pytest.MonkeyPatch, told: dict[str, bool]) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)


@pytest.mark.parametrize(
    ("told", "fast"),
    [
        (LAPTOP, False),
        (SERVER, True),
        ({"avx512_f": True, "amx_bf16": True}, True),
        ({"avx512_f": True}, False),
        ({"neon": True, "bf16": True}, False),
        ({}, False),
    ],
)
def test_the_processor_decides(
    told: dict[str, bool], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, told)
    assert fast_bfloat16(torch.device("cpu")) == fast


def test_an_older_pytorch_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not fast_bfloat16(torch.device("cpu"))


def test_other_devices() -> None:
    assert fast_bfloat16(torch.device("cuda"))
    assert not fast_bfloat16(torch.device("mps"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("told", "prediction", "same"),
    [
        (LAPTOP, "phases", "float32"),
        (SERVER, "phases", "bfloat16"),
        (SERVER, "noise", "float32"),
    ],
)
def test_auto_gives_the_bits_of_the_precision_it_takes(
    told: dict[str, bool], prediction: str, same: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, told)
    labels = np.indices((4, 24, 24)).sum(0) // 5 % 2
    trained = UnetDdpm(**SMALL, prediction=prediction)
    trained.fit(Micrographs({"xy": labels}), seed=1)
    x = torch.randn(3, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    level = Step(0, 10, 300, float(ALPHA_BAR["linear-2e-2"][300]), 1.0)

    def clean(precision: str) -> torch.Tensor:
        denoiser = UnetDdpm(**SMALL, prediction=prediction, precision=precision)
        denoiser.material = trained.material
        denoiser.restore(trained.tensors(), "cpu")
        return denoiser.clean(x, level, "xy")

    other = "float32" if same == "bfloat16" else "bfloat16"
    assert torch.equal(clean("auto"), clean(same))
    assert not torch.equal(clean("auto"), clean(other))
