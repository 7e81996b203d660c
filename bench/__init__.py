"""Side-by-side measurements against peers, each interleaved with ours in one run."""
