"""What a run changed on its hosts, taken back, and the proof that nothing of it is left."""
