"""A C cross toolchain: the distribution's or one built from source in stages, and what tells it from another."""
