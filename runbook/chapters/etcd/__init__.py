"""Etcd: a cluster of three with mutual TLS, formed, tried, disturbed, saved and restored."""
