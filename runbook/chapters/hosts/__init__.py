"""The hosts as they are, before anything is changed, and whether they can be worked on."""
