"""One answer to a problem: the closed equations solved, at every step, with a compressed past, or on nodes.

May import `problem`, `horizons`, `equations`; never `networks`.
"""
