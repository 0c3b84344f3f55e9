"""The closed equations, and the march that fills them.

May import the ground alone: `lib.status` and `lib.checks`.
"""
