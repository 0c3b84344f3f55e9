"""The data: how many samples, fresh or repeated, how noisy, how they are spread."""

from dataclasses import dataclass, field

from lib import checks
from lib.equations.data_regimes import OnePass, Population, Repeated
from lib.problem.spectrum import Spectrum


@dataclass(frozen=True)
class Data:
    r"""Gaussian inputs and labels $y = x \cdot \beta^* / \sqrt D + \sigma \epsilon$.

    Parameters
    ----------
    samples : float or None
        $\alpha = P/D$: a fixed set of P samples, all used at every step.
    batch : float or None
        $\alpha_B = B/D$: one-pass SGD, B fresh samples at every step.
        With neither, gradients are those of the population loss.
    noise : float
        $\sigma \ge 0$, standard deviation of the label noise.
    spectrum : Spectrum
        Covariance and target, isotropic by default. With a dimension-free spectrum `samples` and
        `batch` are the counts P and B.

    Raises
    ------
    ValueError
        If a number is out of range or both `samples` and `batch` are given.
    """

    samples: float | None = None
    batch: float | None = None
    noise: float = 0.0
    spectrum: Spectrum = field(default_factory=Spectrum.isotropic)

    def __post_init__(self):
        if self.samples is not None and self.batch is not None:
            raise ValueError(
                "both samples and batch are given: samples means one fixed training set, "
                "batch means fresh data at every step; keep one."
            )
        for name in ("samples", "batch"):
            if getattr(self, name) is not None:
                value = checks.number(name, getattr(self, name), positive=True)
                object.__setattr__(self, name, value)
        object.__setattr__(self, "noise", checks.number("noise", self.noise))
        if not isinstance(self.spectrum, Spectrum):
            raise ValueError(f"spectrum is {self.spectrum!r}: give a lib.Spectrum.")

    def regime(self, axis, batch):
        """The rule for u given v, for `batch` problems over `axis` (see `lib.equations.data_regimes`)."""
        if self.samples is not None:
            return Repeated(self.samples, self.noise, axis, batch)
        if self.batch is not None:
            return OnePass(self.batch, self.noise, axis, batch)
        return Population(self.noise, axis, batch)
