"""What is asked: frozen descriptions of networks, data and training, which name the equations that hold for them.

May import `horizons`, `equations` and the ground.
"""
