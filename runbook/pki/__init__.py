"""Authorities, requests and certificates; hosts make their private keys, which are never seen here."""
