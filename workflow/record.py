"""What is kept of a run as its samples come: volumes with their provenance, results, failures."""

from collections.abc import Callable

import attrs

from recon.core.errors import ReconError
from recon.core.job import Job
from recon.workflow.executors import Order, Sample
from recon.workflow.provenance import collect_provenance
from recon.workflow.results import Results, to_table


@attrs.frozen(eq=False)
class Record:
    """The sink of a run.

    job          as it is to stand in the files: its recipe names own weights relative to them
    report_time  called with the number and the seconds of a sample before its file is there
    failures     number -> the first error of each sample that failed
    """

    order: Order
    job: Job
    report_time: Callable[[int, float], None]
    failures: dict[int, BaseException] = attrs.field(init=False, factory=dict)

    def keep_sample(self, sample: Sample) -> None:
        """Write the volume."""
        number = sample.number
        self.report_time(number, sample.seconds)
        self.order.note(number, seconds=sample.seconds, worker=sample.worker)
        origin = collect_provenance(self.job, number, sample.threads, sample.device)
        attrs.evolve(sample.volume, provenance=origin).save(self.order.path(number))

    def keep_results(self, number: int, results: Results) -> None:
        """Note what was measured."""
        self.order.note(number, measured=to_table(results))

    def keep_failure(self, number: int, error: BaseException) -> None:
        """Keep the error for the end of the run."""
        self.failures.setdefault(number, error)

    def raise_failures(self) -> None:
        """One error for all samples that failed, if any did."""
        if self.failures:
            raise join_failures(dict(sorted(self.failures.items())), self.order.samples)


def join_failures(failures: dict[int, BaseException], samples: int) -> BaseException:
    """One error for all samples that failed; a defect among them goes first and as it is."""
    for number, error in failures.items():
        if samples == 1:
            return error
        if not isinstance(error, ReconError):
            error.add_note(f"in sample {number:03d}; the others are kept")
            return error
    messages = dict.fromkeys(map(str, failures.values()))
    each = []
    for message in messages:
        numbers = ", ".join(f"{n:03d}" for n, error in failures.items() if str(error) == message)
        each.append(f"{numbers}: {message}")
    kept = "the others are kept; resume=True tries again"
    return ReconError(f"{len(failures)} of {samples} samples failed, {'; '.join(each)}; {kept}")
