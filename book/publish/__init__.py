"""What is published beside the book: a branch of notebooks, and the student edition."""
