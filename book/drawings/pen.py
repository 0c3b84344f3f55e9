"""A pen that writes SVG in the colors of the page: classes in place of colors, see schematics.css."""

import html
import re

SCRIPT = re.compile(r"([_^])(\{[^}]*\}|.)")


def rich(text):
    """Text with x_1 and x^{l+1} as lowered and raised parts."""
    out, end, shift = [], 0, 0.0
    for match in SCRIPT.finditer(text):
        out.append(html.escape(text[end : match.start()]))
        move = 4 if match[1] == "_" else -6
        out.append(
            f'<tspan dy="{move}" font-size="75%">{html.escape(match[2].strip("{}"))}</tspan>'
        )
        end = match.end()
        follows = text[end : end + 1]
        if follows and follows not in "_^":
            out.append(f'<tspan dy="{-move - shift}">\u200b</tspan>')
            shift = 0.0
        else:
            shift += move
    return "".join([*out, html.escape(text[end:])])


class Pen:
    """Collects shapes; `svg` is the picture. `kind` is "ink", "faint", "a" (claim) or "b" (meaning)."""

    def __init__(self, width, height, title):
        self.size, self.title, self.parts = (width, height), title, []

    def line(self, x1, y1, x2, y2, kind="ink", *, arrow=False, dashed=False):
        self.path(f"M{x1} {y1}L{x2} {y2}", kind, arrow=arrow, dashed=dashed)

    def path(self, d, kind="ink", *, arrow=False, dashed=False, filled=False):
        look = (
            f"s-line s-{kind}" + (" s-dashed" if dashed else "") + (" s-filled" if filled else "")
        )
        end = f' marker-end="url(#s-arrow-{kind})"' if arrow else ""
        self.parts.append(f'<path d="{d}" class="{look}"{end}/>')

    def box(self, x, y, width, height, kind="ink", *, filled=True, round_=4):
        look = f"s-box s-{kind}" + (" s-filled" if filled else "")
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{round_}" class="{look}"/>'
        )

    def dot(self, x, y, radius=4, kind="ink"):
        self.parts.append(f'<circle cx="{x}" cy="{y}" r="{radius}" class="s-dot s-{kind}"/>')

    def text(self, x, y, text, kind="ink", *, at="middle", words=False, small=False):
        look = f"s-text s-{kind}" + (" s-words" if words else "") + (" s-small" if small else "")
        self.parts.append(
            f'<text x="{x}" y="{y}" text-anchor="{at}" class="{look}">{rich(text)}</text>'
        )

    def words(self, x, y, text, kind="ink", *, at="middle"):
        self.text(x, y, text, kind, at=at, words=True)

    @property
    def svg(self):
        width, height = self.size
        heads = "".join(
            f'<marker id="s-arrow-{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            f'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" class="s-head s-{kind}"/></marker>'
            for kind in ("ink", "faint", "a", "b")
        )
        return (
            f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(self.title)}" '
            f'xmlns="http://www.w3.org/2000/svg"><defs>{heads}</defs>{"".join(self.parts)}</svg>'
        )
