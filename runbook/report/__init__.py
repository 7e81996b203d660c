"""The chain of notebooks, and what is told of a run: its summary and its report."""
