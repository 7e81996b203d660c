"""Running commands on hosts: the only room that knows Fabric."""
