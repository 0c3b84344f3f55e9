"""Live figures: theory that follows sliders, in the built book and in a running notebook.

The built book has no kernel, so there the theory is solved in the page by the scripts in live/; a
notebook has one, so there ipywidgets call `lib.solve`. Which of the two is wanted says the environment
variable LIVE_FIGURES: "page", set by the book's extension ext/live_figures.py for the kernels it starts,
or "notebook", which is also meant where the variable is missing. Whoever executes notebooks that nobody
will run again sets it to "page" too: sliders of ipywidgets are dead without their kernel.
"""

import html
import json
import os

from IPython.display import HTML, display

from lib.pictures.live_figure import BOWL, describe
from lib.pictures.live_picture import Picture


def figure(
    network,
    data,
    training,
    sliders,
    *,
    name,
    alt,
    losses=("test_loss", "train_loss"),
    bowl=False,
    spikes=False,
    dim=100,
    seeds=0,
    bowl_steps=20,
    share=False,
):
    r"""Show the theory of a problem with sliders for some of its fields.

    Parameters
    ----------
    network : Network
        A plain network with one output.
    data : Data
        With isotropic inputs.
    training : GradientDescent
        With a constant learning rate, without momentum and weight decay.
    sliders : sequence or dict
        Which fields the reader may change: "depth", "width", "richness", "parameterization", "data",
        "samples", "batch", "noise", "learning_rate", "steps", "bowl_steps", "dim", "seeds". A dict
        gives each its (low, high), or a menu its values; a sequence takes them from `RANGES` and
        `CHOICES`: depth 1 to 8, width and richness 0.1 to 10, samples 0.2 to 10, batch 0.02 to 5, noise
        0 to 2, learning rate 0.001 to 0.5, steps 5 to 200, steps of a bowl 5 to 60; both
        parameterizations, all three kinds of data, dim 25 to 400, up to 512 seeds. With the NTK
        parameterization the network's richness is divided by $\sqrt\nu$.
    name : str
        Name of the file with the figure's data.
    alt : str
        What there is to be seen, in words.
    losses : sequence of str
        Learning curves to show: "test_loss", "train_loss", "excess_loss"; none for a bowl alone.
    bowl : bool
        Show the test loss after `bowl_steps` steps against the learning rate, at several widths.
    bowl_steps : int
        Steps after which the bowl shows the loss.
    spikes : bool
        Show the singular values of every trained matrix after the last step: bulk, outliers, networks.
    dim : int
        Input dimension D of the networks that are trained beside the theory.
    seeds : int
        How many of them; 0 for none.
    share : bool
        Keep the state in the page's address: for one figure of a page.

    Raises
    ------
    ValueError
        If the problem is beyond what the page solves, or a slider does not fit the problem.
    """
    live = describe(
        network,
        data,
        training,
        sliders,
        name=name,
        alt=alt,
        losses=losses,
        bowl=bowl,
        spikes=spikes,
        dim=dim,
        seeds=seeds,
        bowl_steps=bowl_steps,
        share=share,
    )
    if _place() == "page":
        display(HTML(page(live)))
    else:
        # Only now: ipywidgets are for notebooks.
        from lib.pictures.live_widget import LiveWidget

        display(LiveWidget(live).view)


def page(live):
    """HTML for a page that has the scripts of live/; where they do not run, a picture."""
    settings = {
        "name": live.name,
        "alt": live.alt,
        "state": live.state,
        "sliders": live.sliders,
        "losses": live.losses,
        "grid": BOWL if live.bowl else None,
        "spikes": live.spikes,
        "share": live.share,
    }
    return (
        f'<div class="live-figure" data-live="{html.escape(json.dumps(settings))}">'
        f"{Picture(live, BOWL).element(live.state)}"
        "<p>The figure at its first setting. It has sliders in the pages of the book, with "
        "JavaScript, and in a notebook as soon as this cell has been run there.</p></div>"
    )


def _place():
    place = os.environ.get("LIVE_FIGURES", "notebook")
    if place not in ("page", "notebook"):
        raise ValueError(
            f"LIVE_FIGURES is {place!r}: set it to 'page' or 'notebook', or not at all."
        )
    return place
