"""NaN and infinity: found at the price of a sum."""

import math
from collections.abc import Mapping

from torch import Tensor


def count_nonfinite(values: Tensor) -> int:
    """How many values are infinite or not a number.

    A sum is finite only if all that it sums is, so that the values themselves are looked at only
    where it is not.
    """
    if math.isfinite(float(values.detach().sum())):
        return 0
    return int((~values.isfinite()).count_nonzero())


def find_nonfinite(tensors: Mapping[str, Tensor]) -> str | None:
    """Name of the first tensor of floats that holds such a value."""
    floats = ((name, value) for name, value in tensors.items() if value.is_floating_point())
    return next((name for name, value in floats if count_nonfinite(value)), None)
