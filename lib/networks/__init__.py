"""One answer to a problem: networks of finite size, trained.

May import `problem` and the ground; never `theory`.
"""
