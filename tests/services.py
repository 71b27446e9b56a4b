"""The Run API in memory, with faults as a test tells them: over a transport of no time, or served over HTTP."""

from __future__ import annotations

import contextlib
import json
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from servers import RUN

from abeja_run.exceptions import Error
from abeja_run.jobs.submission import SUBMISSION_VARIABLE
from abeja_run.messages import Request, Response
from abeja_run.transports import Transport


class Service(Transport):
    """A service in memory. ``faults`` says what becomes of each POST: None, or before, after and an answer.

    A run has ended when it has been asked for ``looks_until_end`` times; in failure where its input says so.
    """

    leaves_process = False

    def __init__(self, *faults, page_size=2, late=0, looks_until_end=0):
        self.faults = list(faults)
        self.runs = []
        self.posts = 0
        self.looks = 0
        self.waited = 0.0
        self.listing_fails = 0
        self.page_size = page_size
        self.late = late
        self.looks_until_end = looks_until_end
        self.arrivals = []
        self.lock = threading.RLock()
        self.connections = 0
        self.idle = threading.Condition()

    def send(self, request, timeout):
        with self.lock:
            answer = self._answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _answer(self, request):
        if request.method == "POST":
            return self._post(json.loads(request.body))
        path, _, query = request.url.partition("?")
        if "/runs/" in path:
            return self._one(path)
        self.looks += 1
        if self.listing_fails > 0:
            self.listing_fails -= 1
            return Response(404)
        start = int(query.partition("next_page_token=")[2] or 0)
        newest_first = [run for run in self.runs[::-1] if run["visible"] <= self.waited]
        page = {"entries": newest_first[start : start + self.page_size]}
        if start + self.page_size < len(newest_first):
            page["next_page_token"] = str(start + self.page_size)
        return Response(200, body=json.dumps(page).encode())

    def _post(self, body):
        self.posts += 1
        self.arrivals.append((self.waited, body["environment"].get(SUBMISSION_VARIABLE)))
        when, answer = (self.faults.pop(0) if self.faults else None) or (None, None)
        if callable(answer):
            answer = answer(body)
        if when != "before":
            self._add(body)
        if answer is None:
            return Response(200, body=json.dumps(self.runs[-1]).encode())
        return answer

    def _one(self, path):
        run_id, _, logs = path.partition("/runs/")[2].partition("/")
        run = next(run for run in self.runs if run["run_id"] == run_id)
        if logs:
            events = [{"message": f"line {n}", "timestamp": run["created_at"]} for n in (2, 1)]
            page = {"events": events, "next_backward_token": "b", "next_forward_token": "f"}
            return Response(200, body=json.dumps(page).encode())
        run["asked"] = run.get("asked", 0) + 1
        if run["asked"] >= self.looks_until_end:
            run["status"] = "FAILED" if run["input_data"].get("fail") else "SUCCEEDED"
        return Response(200, body=json.dumps(run).encode())

    def _add(self, body):
        now = datetime.now(timezone.utc).isoformat()
        number = f"run-{len(self.runs):016d}"
        visible = self.waited + self.late
        self.runs.append(
            {
                **RUN,
                "run_id": number,
                "input_data": body.get("input_data") or {},
                "user_env_vars": body["environment"],
                "created_at": now,
                "visible": visible,
            }
        )

    def sleep(self, seconds):
        self.waited += seconds

    def settled(self):
        """Wait until whatever has been sent to it over HTTP has been carried out, and every client has gone."""
        with self.idle:
            assert self.idle.wait_for(lambda: self.connections == 0, 20)

    @property
    def submission_ids(self):
        """Those of all runs, in their order."""
        return [run["user_env_vars"].get(SUBMISSION_VARIABLE) for run in self.runs]


@contextlib.contextmanager
def served(service):
    """The URL of a service that is served over HTTP; an answer that is an exception closes the connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one piece: in two, the second waits for the client to confirm the first.
        wbufsize = -1

        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            try:
                answer = service.send(Request(self.command, self.path, body=body), 30)
            except Error:
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = answer  # noqa: N815 - the library's names

        def log_message(self, *arguments):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def process_request(self, request, client_address):
            with service.idle:
                service.connections += 1
            super().process_request(request, client_address)

        def process_request_thread(self, request, client_address):
            super().process_request_thread(request, client_address)
            with service.idle:
                service.connections -= 1
                service.idle.notify_all()

        def handle_error(self, request, client_address):
            pass  # a killed client is nothing to be told

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
