"""Statistics of small volumes from each bundled weights file: which numbers, and of which run."""

import attrs
import numpy as np

from recon.core import Recipe, catalog, sample_steps
from recon.core.bundled import list_bundled
from recon.core.job import resolve
from recon.core.recipe import Choice

NAMES = sorted(list_bundled("unet-ddpm"))
LAGS = (1, 2, 4, 8)
SPREAD = 16
"""Seeds that the stored means and deviations are of."""
TESTED = 2
"""Seeds, after those, whose mean is tested."""


def recipe(name, seed):
    """The default sampler in few steps; fractions do not vary, so that seeds scatter little.

    Without the patterns at the end, which would give any sampler the right interface, and without
    the 3D network, which works on few of the steps.
    """
    return Recipe(
        seed=seed,
        steps=10,
        shape=(24, 24, 24),
        weights=name,
        denoiser=Choice("unet-ddpm", {"volume": False}),
        harmonizer=Choice("spectral", {"vary": False, "rounds": 2}),
        refiners=(Choice("islands"),),
    )


def denoiser(name):
    """The network of bundled weights."""
    return resolve(recipe(name, 0)).denoiser


def with_options(recipe, **options):
    """A recipe with other options of its harmonizer."""
    chosen = Choice(recipe.harmonizer.name, recipe.harmonizer.options | options)
    return attrs.evolve(recipe, harmonizer=chosen)


def measured(name, seed, denoiser, change=lambda recipe: recipe):
    """Name -> value: fractions, two-point at some lags, interface, of every phase."""
    *_, state = sample_steps(change(recipe(name, seed)), denoiser=denoiser)
    volume = state.volume
    results = {}

    def metric(name, **options):
        return catalog().build("metric", name, **options).measure(volume)

    for phase, value in enumerate(metric("volume-fraction").values):
        results[f"fraction of {phase}"] = float(value)
    two_point = metric("two-point", max_lag=max(LAGS))
    for phase in two_point.phase.values:
        for direction in "xyz":
            for lag in LAGS:
                value = two_point.sel(phase=phase, direction=direction, lag=lag)
                results[f"two-point of {phase} along {direction} at {lag}"] = float(value)
    faces = metric("surface-density")["faces"]
    for phase in faces.phase.values:
        for direction in "xyz":
            value = faces.sel(phase=phase, direction=direction)
            results[f"faces of {phase} along {direction}"] = float(value)
    return {name: value for name, value in results.items() if np.isfinite(value)}
