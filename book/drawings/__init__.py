"""Schematics of the book, drawn by code: `DRAWINGS` has each by name."""

from drawings import networks, time, training

DRAWINGS = {
    draw.__name__.replace("_", "-"): draw
    for module in (networks, time, training)
    for draw in module.DRAWN
}
