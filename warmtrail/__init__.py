"""Warmtrail for programs that use it: ``warmtrail.client`` asks the sales API."""
