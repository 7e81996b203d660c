"""The site's Go: where it is, what it is, for what it builds."""
