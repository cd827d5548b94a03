"""The samples that a job is to have, and what is known of each."""

import json
from pathlib import Path
from typing import Any

import attrs

from recon.core.job import Job
from recon.core.storage.atomic import atomic_output
from recon.workflow.folder import Folder


@attrs.frozen(eq=False)
class Order:
    """A job and the folder of its run, which knows the samples that are done."""

    job: Job
    folder: Folder

    @property
    def samples(self) -> int:
        """How many there are to be."""
        return self.job.recipe.samples

    @property
    def unmade(self) -> list[int]:
        """Samples without a volume."""
        return [n for n in range(self.samples) if not self.path(n).exists()]

    @property
    def unmeasured(self) -> list[int]:
        """Samples that are still to be measured, whether they are made or not."""
        return [n for n in range(self.samples) if "measured" not in self.read_notes(n)]

    def path(self, number: int) -> Path:
        """File of a sample's volume."""
        name = "volume.zarr" if self.samples == 1 else f"{number:03d}.zarr"
        return self.folder.path / name

    def state(self, number: int, ending: str) -> Path:
        """A file that belongs to a sample, until the run ends."""
        return self.folder.state(f"{self.path(number).stem}.{ending}")

    def read_notes(self, number: int) -> dict[str, Any]:
        """What was noted of a sample."""
        path = self.state(number, "json")
        return json.loads(path.read_text()) if path.exists() else {}

    def note(self, number: int, **facts: Any) -> None:
        """Keep facts of a sample, as JSON, until the run ends."""
        with atomic_output(self.state(number, "json"), replace=True) as partial:
            partial.write_text(json.dumps(self.read_notes(number) | facts, default=float))
