"""The network: depth, widths, richness, and how its output is scaled."""

import math
from dataclasses import dataclass
from numbers import Real

from lib import checks
from lib.problem import layerwise


@dataclass(frozen=True)
class Network:
    r"""A deep linear network with i.i.d. normal initial weights.

    $$ h^1 = \frac{W^0 x}{\sqrt D}, \qquad h^{l+1} = \frac{W^l h^l}{\sqrt{N_l}}, \qquad
       f(x) = \frac{\sqrt D}{\gamma_0 N_L}\, w \cdot h^L . $$

    With a branch scale the layers 2..L become branches on a residual stream,
    $h^{l+1} = h^l + \beta\, W^l h^l / \sqrt N$ with $\beta = \beta_0 / \sqrt L$.

    Parameters
    ----------
    depth : int or math.inf
        L, the number of hidden layers; `math.inf` needs a branch scale.
    width : float or sequence of L floats
        $\nu_l = N_l/D$, hidden widths in units of the input dimension (the counts $N_l$ themselves
        with trace-class data). `math.inf` is allowed for any hidden layer, for the last one only if
        all are infinite: the limit of the other cases does not exist.
    richness : float
        $\gamma_0 > 0$, the strength of feature learning. Fixed while the width changes: mean-field (muP).
    branch_scale : float or None
        $\beta_0 \ge 0$ of a residual network; None for a plain one.
    outputs : int
        C, the number of output channels.
    centered : bool
        Subtract the function at initialization from the output.
    init_scale : float or sequence of L + 1 floats
        $\sigma_l > 0$, standard deviation of the initial entries of $W^l$ (1: standard normal). One
        number for all matrices, or one for each of $W^0, \dots, W^L$, the readout $w = W^L$ last. At
        infinite depth three: $W^0$, the branches (a number, or a function of layer time
        $0 \le \tau \le 1$), the readout.

    Raises
    ------
    ValueError
        If a field is out of range; the message says which one and what to do.
    """

    depth: int | float
    width: float | tuple[float, ...]
    richness: float = 1.0
    branch_scale: float | None = None
    outputs: int = 1
    centered: bool = False
    init_scale: float | tuple = 1.0

    def __post_init__(self):
        def store(name, value):
            object.__setattr__(self, name, value)

        residual = self.branch_scale is not None
        if residual:
            store("branch_scale", checks.number("branch_scale", self.branch_scale))
        store("depth", checks.plain(self.depth))
        infinitely_deep = isinstance(self.depth, Real) and self.depth == math.inf
        if infinitely_deep and not residual:
            raise ValueError(
                "depth is inf without residual branches, where no limit exists: "
                "give an integer depth, or a branch_scale."
            )
        store("depth", math.inf if infinitely_deep else checks.integer("depth", self.depth))
        store("richness", checks.number("richness", self.richness, positive=True))
        store("outputs", checks.integer("outputs", self.outputs))
        store("centered", checks.flag("centered", self.centered))
        init_scale = layerwise.checked("init_scale", self.init_scale, positive=True)
        layerwise.by_matrix("init_scale", init_scale, self.depth)
        store("init_scale", init_scale)

        if isinstance(checks.plain(self.width), Real):
            store("width", checks.number("width", self.width, positive=True, infinite=True))
            return
        widths = checks.sequence("width", self.width, positive=True, infinite=True)
        if len(widths) != self.depth:
            raise ValueError(
                f"width lists {len(widths)} layers but depth is {self.depth}: "
                "give one number, or one per hidden layer."
            )
        if residual and len(set(widths)) > 1:
            raise ValueError(
                "width differs between layers of a residual network, whose stream has one width: "
                "give one number, or leave branch_scale out."
            )
        if math.isinf(widths[-1]) and not all(map(math.isinf, widths)):
            raise ValueError(
                "the last hidden width is inf while another is finite, where no limit exists: "
                "make all widths inf, or the last one finite."
            )
        store("width", widths)

    @classmethod
    def ntk(cls, depth, width, **fields):
        r"""The NTK parameterization, $\gamma_0 = 1/\sqrt{\nu_L}$, that is $f = w \cdot h^L / \sqrt{N_L}$.

        Takes the fields of `Network` except `richness`, which the width fixes.
        """
        if "richness" in fields:
            raise ValueError(
                "richness is fixed by the width in the NTK parameterization: "
                "leave it out, or use Network(...)."
            )
        network = cls(depth, width, **fields)
        if math.isinf(network.widths[-1]):
            raise ValueError(
                "the NTK parameterization has richness 0 at infinite width: give a finite width, "
                "or Network(..., width=math.inf) with a small richness."
            )
        richness = 1 / math.sqrt(network.widths[-1])
        return cls(depth, width, richness=richness, **fields)

    @classmethod
    def fixed_branch(cls, depth, width, branch, **fields):
        r"""Residual branches of a fixed factor $\beta$ = `branch`: $\beta_0 = \beta \sqrt L$ grows with depth.

        No limit of infinite depth exists then. Takes the fields of `Network` except `branch_scale`.
        """
        if "branch_scale" in fields:
            raise ValueError(
                "branch_scale is branch * sqrt(depth) here: leave it out, or use Network(...)."
            )
        depth = checks.integer("depth", depth)
        branch_scale = checks.number("branch", branch) * math.sqrt(depth)
        return cls(depth, width, branch_scale=branch_scale, **fields)

    @property
    def widths(self):
        """nu_1 .. nu_L as a tuple (a single entry for a residual network of infinite depth)."""
        if isinstance(self.width, tuple):
            return self.width
        return (self.width,) * (1 if self.depth == math.inf else self.depth)

    @property
    def init_scales(self):
        """sigma_0 .. sigma_L as a tuple (W^0, branches, readout at infinite depth)."""
        return layerwise.by_matrix("init_scale", self.init_scale, self.depth)

    @property
    def shape(self):
        """What networks of one sweep share: depth, widths, branches, outputs."""
        return self.depth, self.widths, self.branch_scale, self.outputs
