"""What exporters of tetrahedra let a user say of the size of elements."""

import attrs

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.options import option
from recon.plugins.exporters.prepared import PreparedExporter
from recon.plugins.exporters.tetrahedra.sizing import MOST, Sizing


@attrs.frozen
class SizedExporter(PreparedExporter):
    """An exporter whose tetrahedra may have a size by phase and by distance from interfaces."""

    sizes: tuple[str, ...] = option(
        (),
        "Maximum size of elements inside phases, in voxels, by name or label: [pore=4,binder=2]; "
        "* stands for all others. Default: the size at interfaces.",
    )
    interface_size: float = option(
        1.0,
        "Size of elements at interfaces, in voxels; 1 keeps all nodes of the interfaces.",
        min=1,
    )
    grading: float = option(
        0.5, "Growth of the size for each voxel of distance from an interface.", min=0
    )

    def find_sizing(self, volume: Volume) -> Sizing | None:
        """The sizes of a volume; None when all elements have that of a voxel."""
        if not self.sizes and self.interface_size == 1:
            return None
        if len(volume.phases) > MOST:
            raise ReconError(
                f"sizes= is for at most {MOST} phases, got {len(volume.phases)}; merge= joins some"
            )
        sizes = dict.fromkeys(range(len(volume.phases)), self.interface_size)
        for text in sorted(self.sizes, key=lambda one: not one.startswith("*")):
            phase, _, number = text.rpartition("=")
            try:
                size = float(number)
            except ValueError:
                size = 0.0
            if not phase or not 1 <= size < float("inf"):
                raise ReconError(
                    "sizes= must be phases with a number of voxels >= 1 each, such as "
                    f'["{volume.phases[0]}=4"], got {text!r}'
                )
            chosen = sizes if phase.strip() == "*" else [volume.find_label(phase.strip())]
            sizes.update(dict.fromkeys(chosen, size))
        return Sizing(sizes, self.interface_size, self.grading)
