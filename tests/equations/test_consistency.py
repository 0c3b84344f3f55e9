"""The residual sees one wrong entry of any matrix that it is about."""

import numpy as np
import pytest

import lib
from lib.equations.consistency import PROBES, residual
from lib.theory import every_step

STEPS = 3 * PROBES
PROBLEMS = {
    "plain": (lib.Network(2, 0.7), lib.Data(samples=2.0, noise=0.3)),
    "stream": (lib.Network(2, 0.7, branch_scale=0.9), lib.Data(batch=2.0, noise=0.3)),
}


@pytest.fixture(params=PROBLEMS)
def solved(request, monkeypatch):
    found = []

    def march(*problem):
        found.extend(problem[:2])
        return original(*problem)

    original = every_step.march
    monkeypatch.setattr(every_step, "march", march)
    training = lib.GradientDescent(STEPS, 0.05)
    lib.solve(*PROBLEMS[request.param], training, grid=lib.EveryStep())
    return found


def test_one_wrong_entry_is_seen(solved):
    stack, inputs = solved
    rows = STEPS + 1
    assert residual(stack, inputs, rows)[0] < 1e-13
    layer = stack.layers[0]
    for matrix in (layer.C_h, layer.R_h, layer.C_g, layer.R_g, inputs.C_v, inputs.R_vu):
        scale = np.abs(matrix).max()
        for row, column in ((STEPS, 1), (STEPS // 2, 3)):
            right = matrix[0, row, column]
            matrix[0, row, column] += 1e-6 * scale
            assert residual(stack, inputs, rows)[0] > 1e-9
            matrix[0, row, column] = right
    assert residual(stack, inputs, rows)[0] < 1e-13
