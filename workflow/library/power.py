"""Writes the power that is shipped beside the bundled weights.

    python -m recon.workflow.library.power [NAME]...

NAME.power.json for volumes of 64^3 of each embedded example, some 10 s of CPU each. It is to be
written anew when the micrographs of an example, the default statistics or the test change; a test
(marked slow) says when the numbers are not those that the code computes.
"""

import sys
import time
from collections.abc import Sequence

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.errors import unknown
from recon.validation.comparison.compare import compare
from recon.validation.comparison.power import Limits, Power, list_limits
from recon.validation.comparison.reference_cache import digest_micrographs
from recon.validation.comparison.shipped_power import list_shipped, write_shipped
from recon.validation.comparison.verdict import ALPHA
from recon.workflow.examples import example

SIDE = 64


def measure_shipped(name: str) -> tuple[Micrographs, Limits, tuple[Power, ...]]:
    """Micrographs of an example, and limits and power of the test against them, measured now."""
    micrographs, truth = example(name)
    sample = Volume(truth.labels[-SIDE:, :SIDE, :SIDE], truth.voxel_size, truth.phases)
    comparison = compare([sample], micrographs, cached=False)
    return micrographs, list_limits(comparison, ALPHA), comparison.power


def main(names: Sequence[str]) -> None:
    places = list_shipped()
    for name in names or places:
        if name not in places:
            raise unknown("weights", name, places)
        begun = time.process_time()
        micrographs, limits, power = measure_shipped(name)
        digest = digest_micrographs(micrographs)
        write_shipped(places[name], digest, (SIDE,) * 3, limits, power)
        print(f"{places[name].name}: {time.process_time() - begun:.0f} s of CPU")


if __name__ == "__main__":
    main(sys.argv[1:])
