"""The sample company site, served beside the service so that there is something to be a visitor of."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from flask import Blueprint, Response, redirect
from werkzeug.security import safe_join

FOLDER = Path(__file__).parent / "site"
_KEY_MARK = b"{{write_key}}"


def make_demo_blueprint(write_key: str) -> Blueprint:
    """Return the routes of the sample site below ``/nordwind/``; its pages carry *write_key*."""
    routes = Blueprint("demo", __name__)

    @routes.get("/nordwind")
    def without_slash() -> Response:
        return redirect("/nordwind/")  # type: ignore[return-value]  # werkzeug's response, which Flask's is one of

    @routes.get("/nordwind/")
    @routes.get("/nordwind/<path:name>")
    def page(name: str = "index.html") -> Response:
        joined = safe_join(str(FOLDER), name)
        path = Path(joined) if joined else FOLDER / "missing"
        if not path.is_file():
            return Response("There is no such page on the sample site.\n", status=404, mimetype="text/plain")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        content = path.read_bytes()
        if kind == "text/html":
            content = content.replace(_KEY_MARK, write_key.encode())
        return Response(content, mimetype=kind, headers={"Cache-Control": "no-cache"})

    return routes
