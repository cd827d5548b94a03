"""The samplers that are compared: settings of a recipe."""

from typing import Any

SAMPLERS: dict[str, dict[str, Any]] = {
    "spectral": {},
    "fast": {"steps": 20, "harmonizer": {"name": "spectral", "rounds": 2}},
    "together": {
        "steps": 36,
        "harmonizer": {
            "name": "spectral",
            "first": 1000.0,
            "deciding": [0.15, 100.0],
            "temperature": 0.9,
            "cools": 4.0,
            "together": [0.5, 4.0],
        },
    },
    "gamma-blend": {"steps": 90, "harmonizer": {"name": "gamma-blend"}},
    "none": {"steps": 90, "harmonizer": {"name": "none"}},
    "paper": {"steps": 1000, "harmonizer": {"name": "gamma-blend"}},
}
"""spectral: the default; fast: that of --fast; together: rounds at high noise, below it the planes
together. gamma-blend, none: the paper's sampler with and
without rounds, at 90 respaced steps. paper: all of its T = 1000 steps, 4996 passes."""
