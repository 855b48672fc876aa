"""What scenarios share: a sandbox of their own, the usher binary, Clerk requests, made-up exports.

Every scenario works in a temporary folder and talks to 127.0.0.1 only.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

import postgres

USHER = os.environ["USHER"]
KEY = "sk_live_" + "a1B2c3D4" * 5
# The password behind every digest here, and its bcrypt digest at cost 4.
PASSWORD = "Correct-Horse-9"
BCRYPT = "$2b$04$bOIePEjCCaIrIDmPRfNTCeH2i0mrZt5QTvzcd3/l2HRxQ3ZZnFMpO"


class Sandbox:
    """A running `usher sandbox`; `with Sandbox(...) as box`."""

    def __init__(self, *options, data=None, key=KEY, listen="127.0.0.1:0"):
        data = data or postgres.fresh_database() or ":memory:"
        self.command = [USHER, "sandbox", "--listen", listen, "--data", data, "--secret-key", key,
                        *options]
        self.key = key

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the sandbox did not start: " + " ".join(self.command))
        self.ready = json.loads(line)
        self.url = self.ready["backend_api"]
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGTERM)

    def stop(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(20)
        self.process.stdout.close()

    def call(self, method, path, body=None, key=None):
        """One request; returns (status, decoded body)."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers={
            "Authorization": "Bearer " + (key or self.key), "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def users(self):
        """All users, by external id."""
        found, after = {}, ""
        while True:
            status, page = self.call("GET", "/v1/users?limit=500&order_by=%2Bcreated_at" + after)
            assert status == 200, page
            for user in page:
                assert user["external_id"] not in found, "two users of one external id"
                found[user["external_id"]] = user
            if len(page) < 500:
                return found
            after = "&starting_after=" + page[-1]["id"]

    def count(self):
        return self.call("GET", "/v1/users/count")[1]["total_count"]


def environment(box=None, **more):
    """The environment of an usher command that talks to a sandbox."""
    target = {"CLERK_SECRET_KEY": box.key, "CLERK_API_URL": box.url} if box else {}
    return {**os.environ, **target, **more}


def usher(*arguments, box=None, cwd=None, stdin="", timeout=120, **env):
    """Runs a command to its end; returns the CompletedProcess (text)."""
    return subprocess.run([USHER, *map(str, arguments)], env=environment(box, **env), cwd=cwd,
                          input=stdin, capture_output=True, text=True, timeout=timeout)


def events(output):
    """The events of --json, as a list."""
    return [json.loads(line) for line in output.splitlines()]


def event(output, name):
    """The last event of that name."""
    return [e for e in events(output) if e["event"] == name][-1]


def user(n, **more):
    """User n in Usher's own JSON Lines."""
    return {"external_id": f"user|{n}", "email_address": [f"user{n}@example.com"],
            "first_name": f"First{n}", "password_hasher": "bcrypt", "password_digest": BCRYPT,
            **more}


def export(path, users):
    """Writes users as Usher's own JSON Lines; returns the path."""
    with open(path, "w", encoding="utf-8") as file:
        for one in users:
            file.write(json.dumps(one) + "\n")
    return path


@contextlib.contextmanager
def folder():
    """A temporary folder, gone afterwards."""
    path = tempfile.mkdtemp(prefix="usher-lab-")
    try:
        yield path
    finally:
        shutil.rmtree(path)
