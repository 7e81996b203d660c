"""A host of the site that compiles: what it is, the folder it works in, what is brought there and what comes back."""
