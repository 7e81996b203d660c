"""One job, done by each contender as a program of its own: ten times `true` on every host of a site."""

ROUNDS = 10
