"""What the network is trained to say, and the clean estimate that follows from it.

x0 is the encoded slice, eps the noise, ab = alpha_bar: x = sqrt(ab) x0 + sqrt(1 - ab) eps (Eq. 4).
"""

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor


class Prediction(ABC):
    """A meaning of the network's output. Shapes (n, C, a, b); ab is (n, 1, 1, 1)."""

    @abstractmethod
    def loss(self, output: Tensor, x0: Tensor, eps: Tensor, ab: Tensor) -> Tensor:
        """Loss of every pixel (n, a, b)."""

    @abstractmethod
    def clean(self, output: Tensor, x: Tensor, ab: Tensor) -> Tensor:
        """Estimate of x0 given x; not clamped."""


class Noise(Prediction):
    """The noise, squared error: the paper's (Eq. 6)."""

    def loss(self, output: Tensor, x0: Tensor, eps: Tensor, ab: Tensor) -> Tensor:
        return (output - eps).square().mean(1)

    def clean(self, output: Tensor, x: Tensor, ab: Tensor) -> Tensor:
        return (x - (1 - ab).sqrt() * output) / ab.sqrt()


class Velocity(Prediction):
    """sqrt(ab) eps - sqrt(1 - ab) x0, squared error (Salimans & Ho, ICLR 2022, Appendix D)."""

    def loss(self, output: Tensor, x0: Tensor, eps: Tensor, ab: Tensor) -> Tensor:
        return (output - (ab.sqrt() * eps - (1 - ab).sqrt() * x0)).square().mean(1)

    def clean(self, output: Tensor, x: Tensor, ab: Tensor) -> Tensor:
        return ab.sqrt() * x - (1 - ab).sqrt() * output


class Phases(Prediction):
    """The probability of each phase, cross-entropy; one logit for two phases.

    The mean of one-hot data given a noisy slice is made of these probabilities, so this is the
    likelihood of the labels and at the same time the clean estimate that diffusion needs.
    """

    def loss(self, output: Tensor, x0: Tensor, eps: Tensor, ab: Tensor) -> Tensor:
        if output.shape[1] == 1:
            target = (x0 + 1) / 2
            return F.binary_cross_entropy_with_logits(output, target, reduction="none")[:, 0]
        return F.cross_entropy(output, x0.argmax(1), reduction="none")

    def clean(self, output: Tensor, x: Tensor, ab: Tensor) -> Tensor:
        return (output / 2).tanh() if output.shape[1] == 1 else 2 * output.softmax(1) - 1


class Prior(Phases):
    """The log-odds of each phase from the rest of the slice, cross-entropy.

    Noise is independent from pixel to pixel, so that the posterior of a pixel's phase is what its
    own value says, 2 sqrt(ab) x / (1 - ab) by Bayes' rule, plus what the other pixels say. The
    first is known, and the larger the less the noise: a network that has to say it too is short
    of it at low noise.
    """

    def loss(self, output: Tensor, x0: Tensor, eps: Tensor, ab: Tensor) -> Tensor:
        x = ab.sqrt() * x0 + (1 - ab).sqrt() * eps
        return super().loss(output + evidence(x, ab), x0, eps, ab)

    def clean(self, output: Tensor, x: Tensor, ab: Tensor) -> Tensor:
        return super().clean(output + evidence(x, ab), x, ab)


def evidence(x: Tensor, ab: Tensor) -> Tensor:
    """What the value of a pixel says of its phase: logits of the likelihood, C as of x."""
    return 2 * ab.sqrt() / (1 - ab) * x


PREDICTIONS: dict[str, Prediction] = {
    "noise": Noise(),
    "velocity": Velocity(),
    "phases": Phases(),
    "prior": Prior(),
}
