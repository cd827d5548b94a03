"""Two materials blended: each layer has the texture of its own material."""

import hashlib
from pathlib import Path

import attrs
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from recon.core import Micrographs, Recipe, ReconError, catalog, sample_steps
from recon.core.data.planes import in_plane
from recon.core.job import resolve
from recon.workflow.pack_weights import pack_weights
from recon.workflow.provenance import collect_provenance, list_changes

PLANES = ("xy", "xz", "yz")
SHAPE = (32, 24, 24)
FLAT, DEEP = (2.0, 1.0, 5.0), (2.0, 5.0, 1.0)
"""Correlation lengths along (z, y, x)."""


def fit(lengths, fraction, path, phases=("pore", "solid")):
    rng = np.random.default_rng(0)
    stacks = {}
    for plane in PLANES:
        sigma = (0, *(lengths[axis] / 2 for axis in in_plane(plane)))
        fields = gaussian_filter(rng.standard_normal((12, 64, 64)), sigma, mode="wrap")
        cuts = np.quantile(fields, np.cumsum([1 - fraction, fraction][: len(phases) - 1]))
        stacks[plane] = np.digitize(fields, cuts).astype(np.uint8)
    denoiser = catalog().build("denoiser", "gaussian")
    denoiser.fit(Micrographs(stacks, phases=phases))
    path.write_bytes(pack_weights(denoiser, {}))
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("blend")
    return (
        fit(FLAT, 0.4, folder / "flat.safetensors"),
        fit(DEEP, 0.6, folder / "deep.safetensors"),
    )


def make(files, *, shape=SHAPE, periodic=(), refiners=(), **options):
    harmonizer = {"name": "spectral", "blend": files[1], "rounds": 1, "vary": False, **options}
    recipe = Recipe(
        shape=shape,
        steps=12,
        denoiser="gaussian",
        weights=files[0],
        harmonizer=harmonizer,
        refiners=list(refiners),
        periodic=periodic,
    )
    *_, last = sample_steps(recipe)
    return last.volume.labels


def changes(labels, axis):
    """Share of neighbours along an axis that differ."""
    return (np.diff(labels.astype(int), axis=axis) != 0).mean()


def test_the_provenance_has_the_hash_of_the_other_weights(files):
    recipe = Recipe(
        shape=(8, 8, 8),
        denoiser="gaussian",
        weights=files[0],
        harmonizer={"name": "spectral", "blend": files[1]},
    )
    told = collect_provenance(resolve(recipe), 0)
    assert told["blend_sha256"] == hashlib.sha256(Path(files[1]).read_bytes()).hexdigest()
    assert told["blend_sha256"] != told["weights_sha256"]
    (line,) = list_changes({**told, "blend_sha256": "0" * 64}, told)
    assert line.startswith("SHA-256 of the weights to blend 000000000000, now ")
    alone = collect_provenance(resolve(attrs.evolve(recipe, harmonizer="spectral")), 0)
    assert "blend_sha256" not in alone


def test_layers_have_the_texture_and_the_fractions_of_their_materials(files):
    labels = make(files, blend_share=[0, 0, 1, 1])
    flat, deep = labels[:8], labels[-8:]
    for layer, along, across in ((flat, 2, 1), (deep, 1, 2)):
        assert changes(layer, across) > 2 * changes(layer, along)
    assert flat.mean() == pytest.approx(0.4, abs=0.05)
    assert deep.mean() == pytest.approx(0.6, abs=0.05)


def test_the_axis_is_the_one_asked_for(files):
    labels = make(files, shape=(24, 24, 32), blend_share=[0, 0, 1, 1], blend_axis="x")
    assert labels[:, :, :8].mean() < 0.47 and labels[:, :, -8:].mean() > 0.53


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_an_even_share_has_fractions_in_between(files, share):
    labels = make(files, blend_share=[share])
    assert labels.mean() == pytest.approx(0.4 + 0.2 * share, abs=0.03)


def test_a_share_of_nothing_changes_nothing(files):
    alone = make(files, blend="")
    assert np.array_equal(alone, make(files, blend_share=[0.0]))


def test_periodic_and_with_the_usual_refiners(files):
    labels = make(
        files, blend_share=[0.3], periodic=("z", "y", "x"), refiners=("islands", "patterns")
    )
    assert labels.mean() == pytest.approx(0.46, abs=0.03)


def test_fractions_given_win_over_those_of_the_materials(files):
    assert make(files, fraction=[0.7, 0.3]).mean() == pytest.approx(0.3, abs=0.06)
    profile = make(files, profile=[0.3, 0.7])
    assert profile[:8].mean() < 0.42 and profile[-8:].mean() > 0.58


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blend_share": [0.5, 1.5]}, r"blend_share must be numbers in \[0, 1\] along z, got"),
        ({"blend_share": []}, "got none"),
        ({"blend": "porus"}, "weights 'porus'"),
        ({"blend": "missing.safetensors"}, "missing.safetensors do not exist"),
        ({"blend": "electrode"}, "of a material of 3 phases and must have 2"),
        ({"blend_axis": "w"}, "blend_axis must be one of z, y, x"),
    ],
)
def test_other_blends_are_refused(files, options, message):
    with pytest.raises(ReconError, match=message):
        make(files, **options)
