"""What scenarios of legacy systems share: a probe that asks them, and HTTP servers made of functions.

    with Web(answer) as web:              # answer(request) → (status, body[, headers])
        with Probe(connector="http", url=web.url) as probe:
            probe.ask("ada", "secret")["says"]
"""
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROBE = os.environ["USHER_LEGACY_PROBE"]


class Request:
    """What came: method, path with query, headers, body (and the same as JSON, if it is that)."""

    def __init__(self, handler, body):
        self.method, self.path, self.headers, self.body = handler.command, handler.path, handler.headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Web:
    """A server on a free port of this machine; `with Web(answer) as web`. Keeps what came in web.seen."""

    def __init__(self, answer):
        web = self
        self.seen = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(self, self.rfile.read(length))
                web.seen.append(request)
                status, body, *more = answer(request)
                data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) \
                    else json.dumps(body).encode()
                self.send_response(status)
                for name, value in (more[0] if more else {"Content-Type": "application/json"}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = handle_any  # noqa: N815

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that hangs up is what some tests want
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Probe:
    """A running legacy_probe.c (or another program of its kind); settings as keywords."""

    program = PROBE

    def __init__(self, env=None, **settings):
        self.process = subprocess.Popen([self.program, *(f"{name}={value}" for name, value in settings.items())],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, **(env or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.process.stderr.close()
        assert self.process.returncode == 0, self.process.returncode

    def send(self, *fields):
        line = "\t".join(fields).encode("utf-8", "surrogateescape")
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.process.stderr.read()
        return json.loads(answer)

    def ask(self, identifier, password=None):
        return self.send(identifier) if password is None else self.send(identifier, password)

    def says(self, identifier, password=None):
        return self.ask(identifier, password)["says"]

    def moved(self, identifier, external_id, clerk_id):
        return self.send("!moved", identifier, external_id, clerk_id)


def refusal(program=PROBE, **settings):
    """What a probe says of settings that are wrong."""
    done = subprocess.run([program, *(f"{name}={value}" for name, value in settings.items())], input=b"",
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 1, done
    return done.stderr.decode()
