"""The service on the hosts: placed, started, asked, and hashed while it runs."""
