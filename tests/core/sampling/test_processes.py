"""What a process knows of the others, without starting any."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st

from recon.core import ReconError
from recon.core.sampling.processes import Processes, _fresh, join_processes, world


@given(st.integers(1, 9), st.integers(0, 40))
def test_shares_are_disjoint_whole_and_even(size, count):
    shares = [list(range(count))[Processes(rank, size).rows(count)] for rank in range(size)]
    assert sum(shares, []) == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_one_process_starts_nothing(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("RANK", "0")
    with join_processes() as processes:
        assert processes == world() == Processes() and processes.first
        assert not dist.is_initialized()
        processes.agree({"seed": 1})
        assert processes.all_reduce_sum(torch.tensor(2.5)) == 2.5
        assert processes.claim("word") and processes.claim("word")
    for device in ("cpu", "cuda", "mps"):
        assert processes.device(device) == device


def test_the_environment_of_torchrun(monkeypatch):
    for name, value in {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert world() == Processes(5, 8, 1)
    assert not world().first
    monkeypatch.delenv("RANK")  # WORLD_SIZE alone is of something else
    assert world() == Processes()


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda index: None)
    assert Processes(5, 8, 1).device("cuda") == "cuda:1"
    assert Processes(5, 8, 1).device("cpu") == "cpu"
    with pytest.raises(ReconError, match="this machine has 2 for more.*--nproc-per-node 2"):
        Processes(2, 8, 2).device("cuda")
    with pytest.raises(ReconError, match="cpu or cuda only, got 8 on mps"):
        Processes(0, 8, 0).device("mps")


@pytest.mark.parametrize("late", [0, 1, 2])
def test_a_start_on_the_store_of_an_earlier_one_is_not_mistaken_for_it(late):
    store, starts = dist.HashStore(), []

    def answer(rank):
        if rank == late:
            time.sleep(0.1)
        return _fresh(store, rank, 3)

    for _ in range(3):
        with ThreadPoolExecutor(3) as ranks:
            found = set(ranks.map(answer, range(3)))
        assert len(found) == 1
        starts.append(*found)
    assert len(set(starts)) == 3
