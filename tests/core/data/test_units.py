import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import ReconError
from recon.core.data.units import (
    EXPONENTS,
    format_length,
    format_voxel_size,
    parse_length,
    round_length,
)


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("0.4um", 4e-7),
        ("398nm", 3.98e-7),
        ("4e-7", 4e-7),
        ("4e-7m", 4e-7),
        (" 0.4 um ", 4e-7),
        ("0.4\N{MICRO SIGN}m", 4e-7),
        ("0.4\N{GREEK SMALL LETTER MU}m", 4e-7),
        (".5mm", 5e-4),
        ("2.cm", 2e-2),
        ("1e3nm", 1e-6),
        ("1", 1.0),
    ],
)
def test_a_length_is_read_exactly(text, metres):
    assert parse_length(text) == metres


@pytest.mark.parametrize(
    "text",
    ["", "um", "0", "0um", "-1um", "nan", "inf", "1e-7um um", "0.4 furlong", "0.4UM", "1_0nm"]
    + ["1e-999", "0x4", "0.4um\n0.4um", "4e", "\N{ARABIC-INDIC DIGIT FOUR}um"],
)
def test_anything_else_is_refused_in_one_line(text):
    with pytest.raises(ReconError, match="length must be a length > 0 with a unit") as refusal:
        parse_length(text)
    assert "\n" not in str(refusal.value)


@given(st.floats(1e-3, 999), st.sampled_from(sorted(EXPONENTS)))
def test_units_differ_by_powers_of_ten(number, unit):
    assert parse_length(f"{number!r}{unit}") == pytest.approx(number * 10.0 ** EXPONENTS[unit])


@given(st.floats(1e-11, 1e2))
def test_a_formatted_length_reads_back(metres):
    assert parse_length(format_length(metres)) == pytest.approx(metres, rel=1e-5)


def test_a_length_is_formatted_in_the_unit_that_reads_best():
    assert [format_length(metres) for metres in (4e-7, 1e-6, 2.5e-3, 1.0)] == [
        "400nm",
        "1um",
        "2.5mm",
        "1m",
    ]


def test_a_voxel_size_is_formatted_as_one_length_or_three():
    assert format_voxel_size((5e-7, 4e-7, 3e-7)) == "500nm,400nm,300nm"
    assert format_voxel_size((4e-7,) * 3) == "400nm"


@pytest.mark.parametrize("length, expected", [(1.0, 1), (0.99, 0.5), (4.9, 2), (5e-6, 5e-6)])
def test_round_lengths_are_one_two_or_five(length, expected):
    assert round_length(length) == pytest.approx(expected)
