"""What one asks of theory and networks: best and largest rates, ensembles, sharpness, agreement.

May import `theory`, `networks` and the rooms below them.
"""
