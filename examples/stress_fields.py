"""Von Mises stress of a fibre composite under six unit strains (Figure A2 of Lee & Yun 2023).

recon example fibres --out fibres
python examples/stress_fields.py fibres/volume.zarr stress.png
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib
import zarr

from recon.core import Volume, catalog

matplotlib.use("Agg")


def main(source: str, picture: str, side: int = 64) -> None:
    """Solve a cube of the volume's corner and draw the middle slices."""
    import matplotlib.pyplot as plt

    whole = Volume.open(source)
    volume = Volume(whole.labels[:side, :side, :side], whole.voxel_size, whole.phases)
    with TemporaryDirectory() as folder:
        fields = str(Path(folder) / "fields.zarr")
        solver = catalog().build(
            "property", "homogenization", materials="glass-epoxy", fields=fields
        )
        result = solver.solve(volume)
        group = zarr.open_group(fields, mode="r")
        stress, cases = group["von-mises"][:], group.attrs["cases"]
    print(result[["E", "G", "nu"]])
    figure, panels = plt.subplots(2, 6, figsize=(13, 4.6), layout="constrained")
    top = float(stress.mean() + 3 * stress.std())
    for column, case in enumerate(cases):
        for line, plane in enumerate((stress[column][side // 2], stress[column][:, side // 2])):
            image = panels[line, column].imshow(plane, vmin=0, vmax=top, cmap="inferno")
            panels[line, column].set_axis_off()
        panels[0, column].set_title(f"unit strain {case}, slice xy", fontsize=9)
        panels[1, column].set_title("slice xz", fontsize=9)
    figure.colorbar(image, ax=panels, label="von Mises stress / GPa", shrink=0.8)
    figure.savefig(picture, dpi=90)


if __name__ == "__main__":
    main(*sys.argv[1:3])
