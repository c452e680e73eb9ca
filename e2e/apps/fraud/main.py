"""Fraud check of the demo shop: POST /check {order, amount}. Standard library only, plain HTTP, nothing else."""

import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 10_000
checked = {"count": 0, "traced": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200, {"ok": True})
        elif self.path == "/stats":
            self.answer(200, checked)
        else:
            self.answer(404, {"error": "POST /check"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path != "/check":
            self.answer(404, {"error": "POST /check"})
            return
        checked["count"] += 1
        checked["traced"] += 1 if self.headers.get("traceparent") else 0
        self.answer(200, {"suspicious": json.loads(body).get("amount", 0) > LIMIT})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", 3000), Handler).serve_forever()
