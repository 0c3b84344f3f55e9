"""Outliers of a trained matrix by a second derivation: its random part conditioned on what it was asked."""

import math

import numpy as np

from lib.questions.spikes import green


def root_of(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values)) @ vectors.T, (vectors / np.sqrt(values)) @ vectors.T


def conditioned(matrix, outputs, t):
    """The condition for an outlier of one matrix after step t, as a function of w: the sign of its determinant.

    From the initial matrix conditioned on all it has been asked (Bolthausen), not from the cavity.
    """
    past, rho = slice(0, t * outputs), matrix.rho
    k = np.diag(matrix.k[t, past])
    C_h, R_h, C_g, R_g = (m[past, past] for m in (matrix.C_h, matrix.R_h, matrix.C_g, matrix.R_g))
    (h, inverse_h), (g, inverse_g) = root_of(C_h), root_of(C_g)
    E, D = inverse_g @ R_g @ h, g @ R_h.T @ inverse_h
    one = np.eye(len(k))
    coupling = math.sqrt(rho) * (E + D + g @ k @ h)
    above, below = rho * (one - E.T @ E), one - rho * D @ D.T

    def sign(w):
        z, G_x, G_y = green(w, rho)
        rows = [[z * one - G_x * below, -coupling], [-coupling.T, z * one - G_y * above]]
        return np.linalg.slogdet(np.block(rows)).sign

    return sign
