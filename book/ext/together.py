"""Mathematics stays in one line with the comma behind it and the bracket before it."""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

BEFORE = re.compile(r"[(\[“]+$")
AFTER = re.compile(r"[,.;:!?)\]”’]+")


class KeepTogether(SphinxPostTransform):
    default_priority = 300
    formats = ("html",)

    def run(self, **_):
        for math in list(self.document.findall(nodes.math)):
            keep(math)


def keep(math):
    """Put the signs beside `math` and itself into one element that does not break."""
    parent = math.parent
    place = parent.index(math)
    around = [
        parent[k] if 0 <= k < len(parent) and isinstance(parent[k], nodes.Text) else nodes.Text("")
        for k in (place - 1, place + 1)
    ]
    before, after = (text.astext() for text in around)
    opening, closing = BEFORE.search(before), AFTER.match(after)
    if not (opening or closing):
        return
    lead, trail = opening[0] if opening else "", closing[0] if closing else ""
    held = nodes.inline("", classes=["together"])
    parent[place] = held
    held += [nodes.Text(lead), math, nodes.Text(trail)]
    # By place: a text equals any other of the same letters, such as another full stop.
    if opening:
        parent[place - 1] = nodes.Text(before.removesuffix(lead))
    if closing:
        parent[place + 1] = nodes.Text(after.removeprefix(trail))


def setup(app):
    app.add_post_transform(KeepTogether)
    return {"parallel_read_safe": True}
