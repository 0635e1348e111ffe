"""Somebody who follows the feed of changes over the API all the while, as a CRM would."""

from __future__ import annotations

import http.client
import json
import threading
from urllib.parse import urlencode


class Follower:
    """Asks the API at *port* again and again for what is new, and notes the numbers of the changes it was told."""

    def __init__(self, port: int, api_key: str) -> None:
        self.port = port
        self.headers = {"Authorization": f"Bearer {api_key}"}
        self.sequences: list[int] = []
        self._cursor = ""
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._end.set()
        self._thread.join(5)

    def catch_up(self) -> None:
        """Read until there is nothing new."""
        while self._read():
            pass

    def _follow(self) -> None:
        while not self._end.wait(0.5):
            try:
                self._read()
            except (OSError, http.client.HTTPException, ValueError):
                continue  # Broken, like so much here: it asks again from where it was.

    def _read(self) -> bool:
        with self._lock:
            query = {"limit": "200"} | ({"cursor": self._cursor} if self._cursor else {})
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
            try:
                connection.request("GET", f"/api/v1/changes?{urlencode(query)}", headers=self.headers)
                answer = connection.getresponse()
                content = answer.read()
            finally:
                connection.close()
            if answer.status >= 500:
                raise ValueError(answer.status)
            assert answer.status == 200, content
            page = json.loads(content)
            self.sequences += [one["sequence"] for one in page["data"]]
            self._cursor = page["next_cursor"]
            return bool(page["data"])
