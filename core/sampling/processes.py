"""The processes of one job under torchrun; without it there is one."""

import os

import attrs
import torch.distributed as dist
from torch import Tensor

from recon.core.errors import ReconError


@attrs.frozen
class Processes:
    """This process among those of the job.

    rank  0..size - 1; local_rank  among those of this machine
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files and speaks to the user."""
        return self.rank == 0

    def rows(self, count: int) -> slice:
        """This process's contiguous share of `count` rows; shares differ by one at most."""
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def all_reduce_sum(self, value: Tensor) -> Tensor:
        """Sum over the processes, bit for bit the same on each; all must call it."""
        if self.size == 1:
            return value
        value = value.detach().clone()
        dist.all_reduce(value)
        return value

    def agree(self, facts: dict[str, object]) -> None:
        """ReconError unless all processes give equal values; all must call it."""
        if self.size == 1:
            return
        each: list[dict[str, object]] = [{}] * self.size
        dist.all_gather_object(each, facts)
        for rank, other in enumerate(each):
            for name, value in each[0].items():
                if other[name] != value:
                    raise ReconError(
                        f"all processes must have the same {name}, got {value} on process 0 and "
                        f"{other[name]} on process {rank}; keep the files where all see them"
                    )


def world() -> Processes:
    """This process as torchrun's environment describes it, whether or not it has joined."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or "RANK" not in os.environ:
        return Processes()
    rank = int(os.environ["RANK"])
    return Processes(rank, size, int(os.environ.get("LOCAL_RANK", str(rank))))
