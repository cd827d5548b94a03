"""Writes the golden values anew: python tests/golden/renew.py [sampler] [materials]

The docstrings of the tests say what may change them; say in the commit why they have.
"""

import json
import sys
from pathlib import Path

import numpy as np
import of_materials as materials
import sampler
import torch

HERE = Path(__file__).parent


def of_sampler():
    """Case -> field at the voxels kept and shares of the phases; spectral also as runs start."""
    table = {}
    for name in sampler.CASES:
        table[name] = numbers(*sampler.sampled(name))
        if "spectral" in name:
            table[f"{name}, informed"] = numbers(*sampler.sampled(name, informed=True))
    return table


def numbers(field, shares):
    return {"field": [round(float(v), 7) for v in field], "shares": shares.round(7).tolist()}


def of_materials():
    """Weights -> statistic -> mean and standard deviation over seeds."""
    table = {}
    for name in materials.NAMES:
        denoiser = materials.denoiser(name)
        each = [materials.measured(name, seed, denoiser) for seed in range(materials.SPREAD)]
        table[name] = {
            key: [float(f([one[key] for one in each])) for f in (np.mean, deviation)]
            for key in each[0]
        }
    return table


def deviation(values):
    return np.std(values, ddof=1)


if __name__ == "__main__":
    torch.set_num_threads(1)  # as in the tests
    made = {"sampler": of_sampler, "materials": of_materials}
    for chosen in sys.argv[1:] or made:
        text = json.dumps(made[chosen](), indent=0).replace(",\n", ", ")
        (HERE / f"{chosen}.json").write_text(text + "\n")
