"""What a reader looks at: plots in the style of the book, and live figures.

May import anything below.
"""
