"""Exact learning curves of wide, deep linear networks, and the networks themselves.

`solve` gives the theory (numpy and scipy alone), `simulate` trains real networks (torch, imported on
first use). Both take the same problem: a `Network`, a `Data` and a `GradientDescent`.
"""

from importlib import import_module

PUBLIC = {
    "Agreement": "questions.agreement",
    "CompressedPast": "theory.grid",
    "Data": "problem.data",
    "Dataset": "problem.dataset",
    "EveryStep": "theory.grid",
    "GradientDescent": "problem.training",
    "GradientFlow": "problem.training",
    "KernelOutlier": "questions.kernel_outlier",
    "MeasuredOutliers": "questions.measured_outliers",
    "MeasuredRate": "questions.measured_rates",
    "Network": "problem.network",
    "Nodes": "theory.grid",
    "NoiseScale": "questions.noise_scale",
    "Outcome": "status",
    "Rate": "questions.learning_rates",
    "RateCurves": "questions.rate_curves",
    "Runs": "networks.runs",
    "Search": "questions.learning_rates",
    "Solution": "theory.solution",
    "Spectrum": "problem.spectrum",
    "Status": "status",
    "Tuned": "questions.tune",
    "Tuning": "questions.tune",
    "WeightOutliers": "questions.weight_outliers",
    "agree": "questions.agreement",
    "kernel_outlier": "questions.kernel_outlier",
    "max_stable_learning_rate": "questions.learning_rates",
    "measured_max_stable_learning_rate": "questions.measured_rates",
    "measured_optimal_learning_rate": "questions.measured_rates",
    "measured_outliers": "questions.measured_outliers",
    "measured_rate_curves": "questions.rate_curves",
    "measured_tune": "questions.tune",
    "noise_scale": "questions.noise_scale",
    "optimal_learning_rate": "questions.learning_rates",
    "rate_curves": "questions.rate_curves",
    "says": "questions.sentences",
    "seeds": "seeding",
    "simulate": "networks.simulate",
    "solve": "theory.solve",
    "tune": "questions.tune",
    "weight_outliers": "questions.weight_outliers",
}
"""Where each public name stands. It is imported when it is first used: torch takes seconds."""

MODULES = {
    "agreement": "questions.agreement",
    "ensembles": "questions.ensembles",
    "hessian": "questions.hessian",
    "live": "pictures.live",
    "plots": "pictures.plots",
    "sharpness": "questions.sharpness",
}
"""Modules that readers use by a short name, `lib.plots` for one."""

EXTRAS = {
    "torch": "simulator",
    "tqdm": "simulator",
    "joblib": "sweeps",
    "distributed": "cluster",
    "mlxtend": "images",
    "sklearn": "images",
    "matplotlib": "figures",
    "IPython": "figures",
    "ipywidgets": "figures",
}
"""Which extra installs what the package itself does not need."""

NEEDED_LATER = {"measured_rate_curves": "torch"}
"""What a function imports only when it works: it is missed when the function is looked up."""

__all__ = sorted(PUBLIC)


def _without(name, missing):
    """What stands for `name` where the package `missing` is not installed: it fails when it is used.

    Looking up the name works, so that `hasattr`, `from lib import *` and completion know it.
    """
    sentence = f'lib.{name} needs {missing}: pip install "deep-linear-dynamics[{EXTRAS[missing]}]"'

    def fail(*_, **__):
        raise ModuleNotFoundError(sentence, name=missing)

    def look_up(self, attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        fail()

    stand_in = type(name, (), {"__doc__": sentence, "__module__": "lib"})
    if name in MODULES:
        stand_in.__getattr__ = look_up
        return stand_in()
    stand_in.__new__ = fail
    return stand_in


def __getattr__(name):
    place = PUBLIC.get(name) or MODULES.get(name)
    if place is None:
        raise AttributeError(f"module 'lib' has no attribute {name!r}")
    try:
        module = import_module(f"lib.{place}")
        if name in NEEDED_LATER:
            import_module(NEEDED_LATER[name])
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        return _without(name, error.name)
    value = module if name in MODULES else getattr(module, name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *PUBLIC, *MODULES})
