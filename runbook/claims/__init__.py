"""What the article says, and what is so on the hosts in front of us."""
