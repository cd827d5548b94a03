"""Colours of phases."""

import re

from recon.core.data.colours import pick_colours


def test_any_number_of_phases_has_different_colours():
    assert len(set(pick_colours(60))) == 60
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in pick_colours(60))
