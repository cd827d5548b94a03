"""The samplers that are compared: settings of a recipe."""

from typing import Any

from recon.workflow.overlay import FAST, FASTEST, lay_over

SAMPLERS: dict[str, dict[str, Any]] = {
    "spectral": {},
    "fast": lay_over({}, FAST),
    "fastest": lay_over({}, FASTEST),
    "slices": {"denoiser": {"volume": False}},
    "gamma-blend": {"steps": 90, "harmonizer": {"name": "gamma-blend"}},
    "none": {"steps": 90, "harmonizer": {"name": "none"}},
    "paper": {"steps": 1000, "harmonizer": {"name": "gamma-blend"}},
}
"""spectral: the default; fast: that of --fast; slices: the default without the 3D network;
gamma-blend, none: the paper's sampler with and
without rounds, at 90 respaced steps. paper: all of its T = 1000 steps, 4996 passes."""
