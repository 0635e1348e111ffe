"""The peer of the ingest benchmark: a Flask application whose one route reads the body and does nothing with it."""

from __future__ import annotations

from flask import Flask, request

app = Flask("peer")


@app.post("/v1/batch")
def empty() -> tuple[str, int]:
    """Answer 204."""
    request.get_data(cache=False)
    return "", 204
