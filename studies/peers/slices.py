"""Training slices of a real material as an archive that needs no recon to be read.

    python studies/peers/slices.py MATERIAL --data DIR --out FILE.npz

FILE.npz holds xy, xz and yz: uint8 labels (n, a, b), slices of shape (y, x), (z, x) and (z, y).
They are those that recon is trained on (`benchmarks/reconstruction/materials.py`); of the
separator every second slice of each plane.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "reconstruction"))

from materials import REAL, material  # noqa: E402

from recon.core.data.planes import PLANES  # noqa: E402


def main() -> None:
    """Write the archive and print shapes and phase fractions of each plane."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("material", choices=REAL)
    parser.add_argument("--data", type=Path, required=True, help="folder with the tomograms")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    train = material(asked.material, asked.data).train
    stacks = {plane: np.stack(train.planes[plane]).astype(np.uint8) for plane in PLANES}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(asked.out, xy=stacks["xy"], xz=stacks["xz"], yz=stacks["yz"])
    told = {
        plane: {
            "shape": stack.shape,
            "fractions": [float((stack == k).mean()) for k in range(len(train.phases))],
        }
        for plane, stack in stacks.items()
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
