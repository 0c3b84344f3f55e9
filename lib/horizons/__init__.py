"""Time on fewer rows: nodes, and a compressed past.

May import `equations` and the ground.
"""
