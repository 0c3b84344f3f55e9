"""Schematics of the book, drawn by code: `DRAWINGS` has each by name."""

from drawings import networks, time

DRAWINGS = {
    draw.__name__.replace("_", "-"): draw for module in (networks, time) for draw in module.DRAWN
}
