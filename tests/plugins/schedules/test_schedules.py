from collections import Counter

import numpy as np
import pytest

from recon.core import ReconError, catalog
from recon.core.data.planes import PLANES


def chosen(name, steps, **options):
    schedule = catalog().build("schedule", name, **options)
    return [schedule.planes(k, steps, np.random.default_rng([5, k])) for k in range(steps)]


def test_cyclic_is_the_papers_order_with_a_new_plane_every_step():
    assert chosen("cyclic", 7) == [("xy",), ("xz",), ("yz",), ("xy",), ("xz",), ("yz",), ("xy",)]


def test_cyclic_may_go_through_some_planes_only():
    assert chosen("cyclic", 3, only=["yz"]) == [("yz",)] * 3
    assert chosen("cyclic", 3, only=["yz", "xy"]) == [("yz",), ("xy",), ("yz",)]
    with pytest.raises(ReconError, match="at least one plane"):
        chosen("cyclic", 3, only=[])


def test_random_takes_each_plane_about_as_often():
    counts = Counter(plane for (plane,) in chosen("random", 3000))
    assert counts.keys() == set(PLANES)
    assert all(abs(n - 1000) < 5 * np.sqrt(3000 * 2 / 9) for n in counts.values())
    assert chosen("random", 50) == chosen("random", 50)


def test_simultaneous_takes_all():
    assert chosen("simultaneous", 3) == [PLANES] * 3
