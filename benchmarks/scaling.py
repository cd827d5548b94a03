"""One volume over processes: seconds of a pass, bytes moved, and what follows for larger machines.

    python benchmarks/scaling.py [--sides 64,128] [--processes 1,2] [--steps 5] [--disk]

Every case runs `sample_steps` in processes of its own, one thread each, without rounds: a pass a
step, each on the next plane. The first step is left out. Prints medians of seconds a pass, the part
that goes into exchanging slabs, bytes that a process sends in a pass, and the speed over one
process. --disk adds the same with slabs on disk. Then it fits

    seconds = a * voxels / processes + b * bytes sent

and projects, with that law, to GPUs whose rates are given: --flops and --bandwidth of each device
are assumptions, not measurements.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs
import click
import numpy as np

PASSES = 180
BYTES = 60  # a voxel of a sampler in memory, core.planning.plan.IN_MEMORY


@attrs.frozen
class Case:
    """seconds a pass; moving  of them in exchanges;  sent  bytes of a process in a pass"""

    side: int
    processes: int
    where: str
    seconds: float
    moving: float
    sent: float


def measured(side: int, processes: int, steps: int, disk: bool) -> Case:
    """Start the processes of a case and read what they found."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable]
        if processes > 1:
            torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
            command += [*torchrun, str(processes)]
        command += [__file__, "--inside", json.dumps([side, steps, disk, folder])]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)
        return Case(side, processes, **json.loads((Path(folder) / "found.json").read_text()))


def inside(side: int, steps: int, disk: bool, folder: str) -> None:
    """What each process of a case does."""
    import torch
    import torch.distributed as dist

    from recon.core import Recipe, sample_steps
    from recon.core.recipe import Choice
    from recon.workflow.executors.on_disk import OnDisk
    from recon.workflow.executors.process_group import join_processes
    from recon.workflow.executors.sharded import Sharded

    torch.set_num_threads(1)
    recipe = Recipe(shape=(side,) * 3, steps=60, harmonizer=Choice("spectral", {"rounds": 0}))
    moving, sent, times = [0.0], [0], []
    plain = dist.all_to_all_single

    def counted(received, given, *sizes):
        begun = time.perf_counter()
        plain(received, given, *sizes)
        moving[0] += time.perf_counter() - begun
        sent[0] += given.nbytes

    dist.all_to_all_single = counted
    with join_processes() as processes:
        slabs = OnDisk(Path(folder) / "fields", 64) if disk else None
        if processes.size > 1:
            slabs = Sharded(processes)
        begun = time.perf_counter()
        for state in sample_steps(recipe, slabs=slabs):
            now = time.perf_counter()
            times.append((now - begun, moving[0], sent[0]))
            begun, moving[0], sent[0] = time.perf_counter(), 0.0, 0
            if state.number == steps + 1:
                break
        seconds, move, given = (
            statistics.median(values) for values in zip(*times[1:], strict=True)
        )
        where = "disk" if disk else "memory" if processes.size == 1 else "slabs"
        results = {"where": where, "seconds": seconds, "moving": move, "sent": given}
        if processes.first:
            (Path(folder) / "found.json").write_text(json.dumps(results))


def fitted(cases: list[Case]) -> tuple[float, float]:
    """Seconds of a voxel and of a byte, by least squares of relative errors."""
    rows = np.array([[c.side**3 / c.processes, c.sent] for c in cases])
    seconds = np.array([c.seconds for c in cases])
    scaled = rows / seconds[:, None]
    if not any(c.sent for c in cases):
        return float(1 / scaled[:, 0].mean()), 0.0
    a, b = np.linalg.lstsq(scaled, np.ones(len(cases)), rcond=None)[0]
    return float(a), float(b)


def projected(side: int, devices: int, flop: float, sent: float, rates: tuple[float, float]) -> str:
    """Seconds of a volume on so many devices.

    flop  of a voxel in a pass;  sent  bytes of a voxel in a pass;  rates  of a device, of each
    """
    voxels = side**3
    compute = PASSES * voxels * flop / devices / rates[0]
    moving = PASSES * voxels * sent * (devices - 1) / devices / devices / rates[1]
    memory = voxels * BYTES / devices / 1e9
    return (
        f"{side:>5}^3 {devices:>8} {compute:>12.0f} s {moving:>12.0f} s {memory:>10.1f} GB "
        f"{PASSES * voxels * flop / 1e15:>10.3g} PFLOP"
    )


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


@click.command()
@click.option("--sides", default="64,128", show_default=True)
@click.option("--processes", default="1,2", show_default=True)
@click.option("--steps", default=5, show_default=True)
@click.option("--disk", is_flag=True)
@click.option("--flops", default=5e13, show_default=True, help="Assumed of a GPU, a second.")
@click.option("--bandwidth", default=2.5e10, show_default=True, help="Assumed of a GPU, bytes/s.")
@click.option("--inside", "given", hidden=True)
def main(
    sides: str,
    processes: str,
    steps: int,
    disk: bool,
    flops: float,
    bandwidth: float,
    given: str | None,
) -> None:
    if given is not None:
        inside(*json.loads(given))
        return
    cases = []
    print("side processes where   s/pass  moving s  MB sent  speed")
    for side in numbers(sides):
        for count, on_disk in [(p, False) for p in numbers(processes)] + [(1, True)] * disk:
            case = measured(side, count, steps, on_disk)
            cases.append(case)
            first = next((c for c in cases if c.side == side and c.processes == 1), case)
            print(
                f"{side:>4} {count:>9} {case.where:<7} {case.seconds:>6.2f} {case.moving:>9.3f} "
                f"{case.sent / 1e6:>8.1f} {first.seconds / case.seconds:>6.2f}",
                flush=True,
            )
    timed = [case for case in cases if case.where != "disk"]
    a, b = fitted(timed)
    print(f"fit: {a * 1e9:.1f} ns a voxel and pass, {b * 1e9:.2f} ns a byte sent")
    for case in timed:
        model = a * case.side**3 / case.processes + b * case.sent
        print(f"  {case.side}^3 on {case.processes}: {case.seconds:.2f} s, fit {model:.2f} s")
    many = [c for c in timed if c.processes > 1]
    if not many:
        return
    largest = max(many, key=lambda case: case.side)
    sent = largest.sent * largest.processes / largest.side**3
    print(f"bytes handed to exchanges, a voxel and pass: {sent:.1f}")
    print(f"projection, not measured: {flops:.3g} FLOP/s and {bandwidth:.3g} bytes/s a device")
    print("  volume  devices      compute        moving  memory each          all")
    for side, devices in ((512, 1), (1024, 8), (4096, 8), (4096, 512)):
        print(" " + projected(side, devices, arithmetic(side), sent, (flops, bandwidth)))


def arithmetic(side: int) -> float:
    """FLOP of a voxel in a pass: attention spans a slice, so it grows with the side."""
    from recon.core import Recipe, resolve
    from recon.workflow.planning.plan import trace_planes

    cost = trace_planes(resolve(Recipe(shape=(side, side, side))))["xy"]
    assert cost is not None
    return cost.flop / 64 / side**2


if __name__ == "__main__":
    main()
