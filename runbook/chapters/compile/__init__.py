"""The services compiled for the site's target, twice, and read as what they are."""
