# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for Grafana's HTTP API, which cannot be had where the tests run. It answers as documented.

It keeps data sources, folders and dashboards, shows no secret again, and refuses a wrong token.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "only-for-the-stand-in"
VERSION = "12.2.0"


# A data source, a folder or a dashboard.
Entry = dict[str, Any]


class Grafana:
    """What was made, by uid, and which calls changed something."""

    def __init__(self) -> None:
        self.datasources: dict[str, Entry] = {}
        self.secrets: dict[str, Entry] = {}
        self.folders: dict[str, Entry] = {}
        self.dashboards: dict[str, Entry] = {}
        self.changes: list[str] = []

    def get(self, path: str) -> Any:
        """The answer to a question, or None where Grafana has nothing of that name."""
        kind, _slash, name = path.removeprefix("/api/").partition("/")
        if kind == "health":
            return {"database": "ok", "version": VERSION}
        if kind == "frontend":
            return {"buildInfo": {"version": VERSION}}
        if kind == "folders":
            return self.folders.get(name) if name else list(self.folders.values())
        if kind == "dashboards":
            return self.dashboards.get(name.removeprefix("uid/"))
        by, _slash, value = name.partition("/")
        return next((found for found in self.datasources.values() if found[by] == value.replace("%20", " ")), None)

    def put(self, path: str, body: Entry) -> Entry:
        """Make or change one thing."""
        self.changes.append(path)
        if path == "/api/folders":
            self.folders[body["uid"]] = {"id": 7, "uid": body["uid"], "title": body["title"]}
        elif path == "/api/dashboards/db":
            uid = body["dashboard"]["uid"]
            dashboard = {**body["dashboard"], "id": 3, "version": 1}
            self.dashboards[uid] = {"dashboard": dashboard, "meta": {"slug": uid, "folderId": body["folderId"]}}
            return {"uid": uid, "status": "success"}
        else:
            uid = body["uid"]
            self.secrets[uid] = body.pop("secureJsonData")
            fields = dict.fromkeys(self.secrets[uid], True)
            self.datasources[uid] = {**body, "id": 5, "version": 1, "readOnly": False, "typeLogoUrl": "",
                                     "basicAuthUser": "", "secureJsonFields": fields}  # fmt: skip
        return {"message": "done"}


class _Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.grafana = Grafana()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        found = self.server.grafana.get(self.path.partition("?")[0])
        self._answer(404 if found is None else 200, {"message": "Not found"} if found is None else found)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(200, self.server.grafana.put(self.path, body) if self._known() else {})

    do_PUT = do_POST

    def _known(self) -> bool:
        return self.headers["Authorization"] == f"Bearer {TOKEN}"

    def _answer(self, status: int, content: Any) -> None:
        if not self._known():
            status, content = 401, {"message": "Invalid API key"}
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args: object) -> None:
        """Say nothing: the tests look at what was kept."""


@contextmanager
def serve() -> Iterator[tuple[str, Grafana]]:
    """Listen on loopback; yields the address and what Grafana keeps."""
    server = _Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.grafana
    finally:
        server.shutdown()
        server.server_close()
