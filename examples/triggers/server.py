"""A service with triggers for trying the client out: the endpoints of :class:`Triggers` on this machine, in memory."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from triggers import CreateTrigger, Triggers

_PAGE = 2


class TriggerService:
    """What the service knows. Each file that :meth:`put` brings starts a run of the triggers that watch its channel."""

    def __init__(self) -> None:
        self.triggers: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, list[dict[str, Any]]] = {}
        self._numbers = itertools.count(3333333333333333)

    def put(self, channel_id: str, file_id: str) -> None:
        """A file comes into a channel."""
        for trigger in self.triggers.values():
            if trigger["input_service_id"] == channel_id:
                run = {
                    "run_id": f"run-{next(self._numbers)}",
                    "deployment_id": trigger["deployment_id"],
                    "trigger_id": trigger["trigger_id"],
                    "status": "SUBMITTED",
                    "input_data": {"$datalake:1": f"{channel_id}/{file_id}"},
                }
                self.runs[trigger["trigger_id"]].insert(0, run)

    def answer(
        self, name: str, path: dict[str, str], query: dict[str, list[str]], body: dict[str, Any]
    ) -> tuple[int, Any]:
        """The status and the JSON that an endpoint answers with."""
        trigger_id = path.get("trigger_id", "")
        if trigger_id and trigger_id not in self.triggers:
            return 404, {"error": "not_found", "error_description": f"there is no trigger {trigger_id}"}
        if name == "create_trigger":
            if errors := CreateTrigger().validate(body):
                return 400, {"error": "bad_request", "error_description": "see the detail", "error_detail": errors}
            trigger = {**path, **body, "trigger_id": f"tri-{next(self._numbers)}"}
            self.triggers[trigger["trigger_id"]], self.runs[trigger["trigger_id"]] = trigger, []
            return 201, trigger
        if name == "get_trigger":
            return 200, self.triggers[trigger_id]
        if name == "get_triggers":
            return 200, {"entries": list(self.triggers.values())}
        if name == "delete_trigger":
            del self.triggers[trigger_id]
            return 200, {"message": f"{trigger_id} deleted"}
        start = int(query.get("next_page_token", ["0"])[0])
        page: dict[str, Any] = {"entries": self.runs[trigger_id][start : start + _PAGE]}
        if start + _PAGE < len(self.runs[trigger_id]):
            page["next_page_token"] = str(start + _PAGE)
        return 200, page


@contextlib.contextmanager
def serving(service: TriggerService, token: str) -> Generator[str, None, None]:
    """Serve on this machine: the address."""
    routes = [
        (endpoint.method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", endpoint.template)), name)
        for name, endpoint in Triggers.endpoints.items()
    ]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
            status, told = 404, {"error": "not_found", "error_description": f"there is nothing at {parts.path}"}
            if self.headers.get("authorization") != f"Bearer {token}":
                status, told = 401, {"error": "unauthorized", "error_description": "who are you?"}
            else:
                for method, pattern, name in routes:
                    if method == self.command and (found := pattern.fullmatch(parts.path)):
                        status, told = service.answer(name, found.groupdict(), parse_qs(parts.query), body)
            data = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
