r"""A plain march at every step, to be compared with: gradient descent on repeated white data.

One matrix for each correlation and each response, rows written in place, one product after another as the
equations of the book stand; hidden layers of width N_l = D, one output, one configuration, no weight decay.
Nothing here is shared with `lib`, and nothing is checked: neither divergence, nor rounding, nor the residual.

With $X = -B_0/\gamma$ the input layer is a pair like the others, $v = \beta^* + \zeta_0' + X u$ and
$u = \zeta_u + R_\Delta v$.
"""

import numpy as np


class Pair:
    """Two fields x = a + F y and y = b + B x: responses to the noises a, b and own correlations."""

    def __init__(self, n):
        self.x_a, self.x_b, self.y_a, self.y_b, self.C_x, self.C_y = np.zeros((6, n, n))

    def fill_y(self, t, B, a, b):
        """Row t of y, where B [t] acts on earlier x; `a` and `b` are the noises' correlations."""
        self.y_a[t, :t] = B @ self.x_a[:t, :t]
        self.y_b[t, :t] = B @ self.x_b[:t, :t]
        self.y_b[t, t] = 1
        correlate(self.C_y, t, self.y_a, a, self.y_b, b)

    def fill_x(self, t, F, a, b):
        """Row t of x, where F [t + 1] acts on y up to now."""
        n = t + 1
        self.x_a[t, :n] = F @ self.y_a[:n, :n]
        self.x_a[t, t] += 1
        self.x_b[t, :n] = F @ self.y_b[:n, :n]
        correlate(self.C_x, t, self.x_a, a, self.x_b, b)


def correlate(C, t, to_a, a, to_b, b):
    """Row t of the correlation C = to_a a to_a^T + to_b b to_b^T, and its column."""
    n = t + 1
    row = to_a[t, :n] @ a[:n, :n] @ to_a[:n, :n].T
    row += to_b[t, :n] @ b[:n, :n] @ to_b[:n, :n].T
    C[t, :n] = C[:n, t] = row


def plain_march(depth, samples, noise, steps, rate, richness=1.0):
    """Excess loss and training loss at the steps 0 .. `steps`."""
    n = steps + 1
    K = rate * np.tri(n, k=-1)
    layers = [Pair(n) for _ in range(depth)]  # x is h, y is g
    inputs = Pair(n)  # x is v, y is u
    ones, nothing = np.ones((n, n)), np.zeros((n, n))
    R_Delta, C_Delta, Q, S, R_h = np.zeros((5, n, n))
    for t in range(n):
        now = t + 1
        above_C, above_R = ones, nothing
        for l in range(depth - 1, -1, -1):
            layer = layers[l]
            below_C = layers[l - 1].C_x if l > 0 else inputs.C_y
            B = richness * K[t, :t] * above_C[t, :t] + above_R[t, :t]
            layer.fill_y(t, B, below_C, above_C)
            above_C, above_R = layer.C_y, layer.y_a

        X = -K[t, :t] * above_C[t, :t] - above_R[t, :t] / richness
        S[t, :now] = S[:now, t] = 1 + above_C[t, :now] / richness**2
        inputs.x_a[t, :t] = X @ inputs.y_a[:t, :t]
        inputs.x_a[t, t] = 1
        inputs.x_b[t, :t] = X @ inputs.y_b[:t, :t]
        correlate(inputs.C_x, t, inputs.x_a, S, inputs.x_b, Q)
        R_Delta[t, :t] = inputs.x_b[t, :t] / samples @ R_Delta[:t, :t]
        R_Delta[t, t] = 1
        Q[t, :now] = R_Delta[t, :now] @ (inputs.C_x[:now, :now]) @ R_Delta[:now, :now].T
        Q[t, :now] += noise**2 * (R_Delta[t, :now].sum() * R_Delta[:now, :now].sum(1))
        C_Delta[t, :now] = Q[t, :now]
        Q[t, :now] /= samples
        Q[:now, t] = Q[t, :now]
        inputs.y_a[t, :now] = R_Delta[t, :now] @ inputs.x_a[:now, :now]
        inputs.y_b[t, :now] = R_Delta[t, :now] @ inputs.x_b[:now, :now]
        inputs.y_b[t, t] += 1
        correlate(inputs.C_y, t, inputs.y_a, S, inputs.y_b, Q)

        R_h[t, :now] = -inputs.y_a[t, :now] / richness
        below_C, below_R = inputs.C_y, R_h
        for l, layer in enumerate(layers):
            F = richness * K[t, :now] * below_C[t, :now] + below_R[t, :now]
            above_C = layers[l + 1].C_y if l + 1 < depth else ones
            layer.fill_x(t, F, below_C, above_C)
            below_C, below_R = layer.C_x, layer.x_b
    return np.diag(inputs.C_x), np.diag(C_Delta)
