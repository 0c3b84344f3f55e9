r"""What a change of the residuals' response makes of itself: the slow part of sweeps near interpolation.

Inside a block a sweep makes new rows of $R_\Delta$ and Q from those of the last sweep. With A = $R_\Delta R_{vu}$
and masses that sum to M, a change $\delta$ of the old rows changes the new ones by
$A \delta A/(\alpha M)$ and $A \delta A^\top/(\alpha M)$ where one mode is like the other, by a factor
min(alpha, 1/alpha) at long times: at alpha = 1 repeated sweeps hardly converge. The geometric
series of these changes is summed at once, by doubling its terms.
"""

import numpy as np

from lib.equations.data_regimes import Repeated
from lib.equations.linear_gaussian import transpose, write_symmetric

DOUBLINGS = 40

REST = 1e-8
"""The series ends with a term that is smaller, relatively."""

VANISHED = 1e-30
"""Smaller numbers are zero: products of such ones are slow."""


class Feedback:
    """What is carried into a sweep over the rows `now`, to compare with what comes out of it."""

    def __init__(self, inputs, now):
        self.inputs, self.now, self.upto = inputs, now, slice(0, now.stop)
        self.follows = isinstance(inputs.regime, Repeated)

    def keep(self):
        """Before a sweep."""
        if self.follows:
            regime = self.inputs.regime
            self.R, self.Q = (x[:, self.now, self.upto].copy() for x in (regime.R_Delta, regime.Q))

    def sum_up(self):
        """After a sweep: replace the new rows by those that all further sweeps would lead to."""
        if not self.follows:
            return
        now, upto, past = self.now, self.upto, slice(0, self.now.start)
        regime = self.inputs.regime
        share = 1 / (regime.size * self.inputs.mass.sum())
        A = regime.R_Delta[:, upto, upto] @ self.inputs.R_vu[:, upto, upto]
        own = share * A[:, now, now]
        R = _summed(own, A, regime.R_Delta[:, now, upto] - self.R)
        change = regime.Q[:, now, upto] - self.Q
        Q = np.empty_like(change)
        Q[..., past] = _summed(own, transpose(A[:, past, past]), change[..., past])
        crossed = own @ Q[..., past] @ transpose(A[:, now, past])
        rest = change[..., now] + crossed + transpose(crossed)
        Q[..., now] = _summed(own, transpose(A[:, now, now]), rest)
        if np.isfinite(R).all() and np.isfinite(Q).all():
            regime.R_Delta[:, now, upto] = self.R + R
            write_symmetric(regime.Q, now, self.Q + Q)


def _summed(left, right, change):
    """sum_j left^j change right^j, [.., m, n]; not finite where it does not converge."""
    total = change
    for _ in range(DOUBLINGS):
        term = left @ total @ right
        total = total + term
        if not np.isfinite(term).all() or np.abs(term).max() <= REST * np.abs(total).max():
            break
        left, right = (np.where(np.abs(x) < VANISHED, 0, x) for x in (left @ left, right @ right))
    else:
        return np.full_like(change, np.inf)
    return total
