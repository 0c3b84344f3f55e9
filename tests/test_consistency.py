"""The check of a solution against its equations, where runs explode."""

import numpy as np

from lib.consistency import _inverse


def test_a_singular_matrix_does_not_spoil_a_sweep():
    """Rows of an exploding run can be so large that rounding leaves no inverse."""
    regular = np.array([[1.0, 0.0], [3.0, 1.0]])
    inverses = _inverse(np.array([regular, np.ones((2, 2)), 2 * regular]))
    assert np.allclose(inverses[0] @ regular, np.eye(2))
    assert np.allclose(inverses[2] @ regular, np.eye(2) / 2)
    assert np.isnan(inverses[1]).all()
