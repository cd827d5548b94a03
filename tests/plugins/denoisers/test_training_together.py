"""Training on two processes under torchrun: what one process learns, to rounding."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

pytestmark = pytest.mark.processes

STEPS = 40

# A batch of 5: the shares of two processes are of 2 and 3 crops.
SCRIPT = """
import importlib.util, json, sys, torch
from pathlib import Path
from safetensors.torch import save_file
from recon.core.sampling.processes import world
from recon.workflow.executors.process_group import join_processes
torch.set_num_threads(1)
spec = importlib.util.spec_from_file_location("parent", sys.argv[1])
parent = importlib.util.module_from_spec(spec)
spec.loader.exec_module(parent)
parent.training.CHECKPOINT_SECONDS = parent.training.REPORT_SECONDS = 0
folder, name, stop = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
rank, losses = world().rank, []

def report(record):
    losses.append(record["loss"])
    if record["step"] == stop:
        raise SystemExit

denoiser = parent.UnetDdpm(**parent.SMALL | {"steps": int(sys.argv[5]), "batch": 5, "clip": 0.5})
with join_processes():
    facts = denoiser.fit(parent.micrographs(), seed=3, checkpoint=folder / "state", report=report)
(folder / f"{name}{rank}.json").write_text(json.dumps([losses, facts]))
save_file(denoiser.tensors(), folder / f"{name}{rank}.safetensors")
"""


def train(folder: Path, name: str, processes: int, stop: int = 0) -> None:
    """Train, or go on with what stands in the folder; stop after so many steps."""
    script = folder / "script.py"
    script.write_text(SCRIPT)
    parent = Path(__file__).with_name("test_unet_ddpm.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    command = [*command, str(processes)] if processes > 1 else [sys.executable]
    arguments = [parent, folder, name, stop, STEPS]
    subprocess.run([*command, script, *map(str, arguments)], check=True, timeout=300)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one")
    train(folder, "end", 1)
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    train(folder, "end", 2)
    return folder


def weights(path: Path, prefix: str = "") -> torch.Tensor:
    """All values of a file whose names begin so, in the order of their names."""
    names = sorted((name, v) for name, v in load_file(path).items() if name.startswith(prefix))
    return torch.cat([value.flatten() for _, value in names])


def told(path: Path) -> tuple[list[float], dict[str, object]]:
    losses, facts = json.loads(path.read_text())
    return losses, facts


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / a.norm())


def test_the_loss_curve_is_that_of_one_process(one: Path, two: Path) -> None:
    (losses, facts), (shared, shared_facts) = (told(f / "end0.json") for f in (one, two))
    assert len(losses) == STEPS and losses[-1] < losses[0] - 0.05
    assert np.abs(np.subtract(losses, shared)).max() < 1e-6
    assert shared_facts["held_out"] == pytest.approx(facts["held_out"], abs=1e-5)
    assert (facts["processes"], shared_facts["processes"]) == (1, 2)


def test_the_weights_are_those_of_one_process_and_of_every_process(one: Path, two: Path) -> None:
    """To rounding, which Adam enlarges where a gradient is zero but for it (biases of keys)."""
    expected, shared = weights(one / "end0.safetensors"), weights(two / "end0.safetensors")
    assert difference(expected, shared) < 1e-3
    assert torch.equal(shared, weights(two / "end1.safetensors"))
    moments = [weights(folder / "state", "exp_avg.") for folder in (one, two)]
    assert difference(*moments) < 1e-5


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2), (2, 2)])
def test_a_checkpoint_is_of_any_number_of_processes(
    tmp_path: Path, one: Path, two: Path, before: int, after: int
) -> None:
    train(tmp_path, "begun", before, stop=STEPS // 2)
    assert not list(tmp_path.glob("begun*"))
    train(tmp_path, "end", after)
    losses, _ = told(tmp_path / "end0.json")
    assert len(losses) == STEPS - STEPS // 2
    ended = weights(tmp_path / "end0.safetensors")
    assert difference(weights(one / "end0.safetensors"), ended) < 1e-3
    assert np.abs(np.subtract(losses, told(one / "end0.json")[0][STEPS // 2 :])).max() < 1e-6
    if before == after:
        assert torch.equal(ended, weights(two / "end0.safetensors"))
