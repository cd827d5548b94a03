"""A plugin in a module that postpones its annotations."""

from __future__ import annotations

import attrs

from recon.core import Metric, option


@attrs.frozen
class Postponed(Metric):
    """Its annotations are strings."""

    name = "postponed"
    count: int = option(1, "A count.", min=1)

    def measure(self, sample):
        return float(self.count)
