"""A trained 3D network, ready to estimate."""

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from recon.core.errors import ReconError
from recon.plugins.denoisers.volume.apply import VolumeEstimate
from recon.plugins.denoisers.volume.network import VolumeUNet
from recon.plugins.denoisers.volume.training import NOISE_RANGE


@attrs.frozen(eq=False)
class VolumeModel:
    """The network on its device; `weights` are what is stored, in bfloat16 on the CPU."""

    network: VolumeUNet
    weights: dict[str, Tensor]

    @classmethod
    def restore(
        cls, tensors: dict[str, Tensor], phases: int, device: torch.device, dtype: torch.dtype
    ) -> "VolumeModel":
        """From stored tensors; ReconError when they are of another network."""
        with torch.device("meta"):  # takes no memory, whatever size a damaged file claims
            expected = {name: t.shape for name, t in VolumeUNet(phases).state_dict().items()}
        if {name: tensor.shape for name, tensor in tensors.items()} != expected:
            raise ReconError(
                "the 3D network in the weights is of another size than this recon's; train again, "
                "or use the version that made them"
            )
        weights = {name: tensor.detach().cpu().bfloat16() for name, tensor in tensors.items()}
        network = VolumeUNet(phases)
        network.load_state_dict(weights)
        network = network.to(device, dtype).eval().requires_grad_(False)
        network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        return cls(network, weights)

    @staticmethod
    def works_at(s2: float) -> bool:
        """Whether it was trained for a noise-to-signal ratio."""
        low, high = NOISE_RANGE
        return low <= s2 < high

    def estimate(self, x: Tensor, ab: float, periodic: Sequence[bool]) -> VolumeEstimate:
        """Clean estimate of x (C, Z, Y, X) in which alpha_bar is left of the signal.

        In bfloat16, so that it does not matter whether a volume in slabs was sent about as such.
        """
        return VolumeEstimate(self.network, x.bfloat16() / ab**0.5, (1 - ab) / ab, periodic)
