"""Hosts that visitors come from: search engines, networks, assistants and mail services. Where from: ``ORIGIN.md``."""
