"""Checks SBRT plans against protocols, with numerical error bounds on every number."""
