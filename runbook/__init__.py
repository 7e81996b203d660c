"""An interactive runbook: from bare servers of an unusual architecture to load-tested Go microservices."""
