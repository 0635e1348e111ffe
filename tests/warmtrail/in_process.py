"""The client asking an application in this process."""

from __future__ import annotations

from flask.testing import FlaskClient

from warmtrail.transport import Answer, Request, Send

URL = "https://leads.example.com"


def through(app: FlaskClient) -> Send:
    """What sends requests to an application in this process."""

    def send(request: Request) -> Answer:
        path = request.url.removeprefix(URL)
        assert path != request.url
        answer = app.open(path, method=request.method, headers=request.headers, data=request.body)
        return Answer(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.data)

    return send
