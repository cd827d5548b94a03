"""The samplers that are compared: settings of a recipe."""

from typing import Any

SAMPLERS: dict[str, dict[str, Any]] = {
    "spectral": {},
    "fast": {"steps": 20, "harmonizer": {"name": "spectral", "rounds": 2}},
    "coarse": {
        "harmonizer": {
            "name": "spectral",
            "first": 250.0,
            "rounds": 4,
            "deciding": [0.15, 0.0],
            "unfiltered": 0.25,
            "cools": 0.25,
            "temperature": 0.9,
            "steer": 4.0,
        },
    },
    "gamma-blend": {"steps": 90, "harmonizer": {"name": "gamma-blend"}},
    "none": {"steps": 90, "harmonizer": {"name": "none"}},
    "paper": {"steps": 1000, "harmonizer": {"name": "gamma-blend"}},
}
"""spectral: the default; fast: that of --fast; coarse: for coarse grains and networks that say the
prior; gamma-blend, none: the paper's sampler with and without rounds, at 90 respaced steps. paper:
all of its T = 1000 steps, 4996 passes."""
