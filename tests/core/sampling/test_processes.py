"""What a process knows of the others, without starting any."""

from hypothesis import given
from hypothesis import strategies as st

from recon.core.sampling.processes import Processes, world


@given(st.integers(1, 9), st.integers(0, 40))
def test_shares_are_disjoint_whole_and_even(size, count):
    shares = [list(range(count))[Processes(rank, size).rows(count)] for rank in range(size)]
    assert sum(shares, []) == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_environment_of_torchrun(monkeypatch):
    for name, value in {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert world() == Processes(5, 8, 1)
    assert not world().first
    monkeypatch.delenv("RANK")  # WORLD_SIZE alone is of something else
    assert world() == Processes()
