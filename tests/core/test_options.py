import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Metric, ReconError, option
from recon.core.options import check_names, values


@attrs.frozen
class Probe(Metric):
    """A metric with one option of each type."""

    name = "probe"
    share: float = option(0.5, "A share.", min=0, max=1)
    count: int | None = option(None, "A count.", min=1)
    mode: str = option("a", "A mode.", choices=("a", "b"))
    flag: bool = option(False, "A flag.")
    sides: tuple[int, ...] = option((1, 2), "Sides.", min=1)
    size: tuple[float, float, float] = option((1.0, 1.0, 1.0), "A size.", min=0)

    def measure(self, sample):
        return np.float64(self.share)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": 1.5}, "metric probe: share must be in [0, 1], got 1.5"),
        ({"share": "0.5"}, "metric probe: share must be float, got '0.5'"),
        ({"share": float("nan")}, "metric probe: share must be float, got nan"),
        ({"share": True}, "metric probe: share must be float, got True"),
        ({"count": 0}, "metric probe: count must be >= 1, got 0"),
        ({"count": 1.0}, "metric probe: count must be int | None, got 1.0"),
        ({"count": True}, "metric probe: count must be int | None, got True"),
        ({"mode": "c"}, "metric probe: mode must be one of a, b, got 'c'"),
        ({"flag": 1}, "metric probe: flag must be bool, got 1"),
        ({"sides": [1, 0]}, "metric probe: sides must be >= 1, got (1, 0)"),
        (
            {"sides": 3},
            "metric probe: sides must be tuple[int, ...], got 3; give a list, [...]: Sides.",
        ),
        (
            {"size": [1, 2]},
            "metric probe: size must be tuple[float, float, float], got [1, 2]; "
            "give a list, [...]: A size.",
        ),
    ],
)
def test_a_bad_value_is_refused_with_rule_and_value(given, message):
    with pytest.raises(ReconError) as caught:
        Probe(**given)
    assert str(caught.value) == message


def test_an_unknown_option_is_refused_with_a_suggestion():
    with pytest.raises(ReconError, match="unknown option of metric probe 'shar'; did you mean"):
        check_names(Probe, {"shar": 1})


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "share": st.floats(0, 1) | st.integers(0, 1),
            "count": st.integers(min_value=1),
            "mode": st.sampled_from("ab"),
            "flag": st.booleans(),
            "sides": st.lists(st.integers(min_value=1)),
            "size": st.lists(st.floats(0, 1e9), min_size=3, max_size=3),
        },
    )
)
def test_good_values_come_back_as_given(given):
    plugin = Probe(**given)
    kept = values(plugin)
    for name, value in given.items():
        assert kept[name] == (tuple(value) if isinstance(value, list) else value)
    assert values(Probe(**kept)) == kept
