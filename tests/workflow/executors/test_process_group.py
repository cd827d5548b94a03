"""The start of a process group, as far as one process shows it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.distributed as dist

from recon.core import ReconError
from recon.core.sampling.processes import Processes, world
from recon.workflow.executors.process_group import _fresh, choose_device, claim, join_processes


def test_one_process_starts_nothing(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("RANK", "0")
    with join_processes() as processes:
        assert processes == world() == Processes() and processes.first
        assert not dist.is_initialized()
        processes.agree({"seed": 1})
        assert processes.all_reduce_sum(torch.tensor(2.5)) == 2.5
        assert claim("word") and claim("word")
    for device in ("cpu", "cuda", "mps"):
        assert choose_device(processes, device) == device


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda index: None)
    assert choose_device(Processes(5, 8, 1), "cuda") == "cuda:1"
    assert choose_device(Processes(5, 8, 1), "cpu") == "cpu"
    with pytest.raises(ReconError, match="this machine has 2 for more.*--nproc-per-node 2"):
        choose_device(Processes(2, 8, 2), "cuda")
    with pytest.raises(ReconError, match="cpu or cuda only, got 8 on mps"):
        choose_device(Processes(0, 8, 0), "mps")


@pytest.mark.parametrize("late", [0, 1, 2])
def test_a_start_on_the_store_of_an_earlier_one_is_not_mistaken_for_it(late):
    store, starts = dist.HashStore(), []

    def answer(rank):
        if rank == late:
            time.sleep(0.1)
        return _fresh(store, rank, 3)

    for _ in range(3):
        with ThreadPoolExecutor(3) as ranks:
            names = set(ranks.map(answer, range(3)))
        assert len(names) == 1
        starts.append(*names)
    assert len(set(starts)) == 3
