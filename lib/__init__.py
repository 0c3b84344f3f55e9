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
    "Outcome": "status",
    "Rate": "questions.rates",
    "RateCurves": "questions.rate_curves",
    "Runs": "networks.simulate",
    "Search": "questions.rates",
    "Solution": "theory.solution",
    "Spectrum": "problem.spectrum",
    "Status": "status",
    "WeightOutliers": "questions.weight_outliers",
    "agree": "questions.agreement",
    "kernel_outlier": "questions.kernel_outlier",
    "max_stable_learning_rate": "questions.rates",
    "measured_max_stable_learning_rate": "questions.measured_rates",
    "measured_optimal_learning_rate": "questions.measured_rates",
    "measured_outliers": "questions.measured_outliers",
    "measured_rate_curves": "questions.rate_curves",
    "optimal_learning_rate": "questions.rates",
    "rate_curves": "questions.rate_curves",
    "seeds": "seeding",
    "simulate": "networks.simulate",
    "solve": "theory.solve",
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

__all__ = sorted(PUBLIC)


def __getattr__(name):
    place = PUBLIC.get(name) or MODULES.get(name)
    if place is None:
        raise AttributeError(f"module 'lib' has no attribute {name!r}")
    try:
        module = import_module(f"lib.{place}")
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        extra = EXTRAS[error.name]
        raise ModuleNotFoundError(
            f"lib.{name} needs {error.name}: pip install 'deep-linear-dynamics[{extra}]'",
            name=error.name,
        ) from error
    value = module if name in MODULES else getattr(module, name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *PUBLIC, *MODULES})
