#!/usr/bin/env python3
"""The gateway under many people at once: what a first sign-in costs, a full queue, reloads and stops beneath it."""
import http.client
import json
import os
import signal
import sqlite3
import struct
import threading
import time
import unittest
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from gateway import Browser, Gateway, code, old_database, settings, sql
from lab import BCRYPT, PASSWORD, Sandbox, folder
from web import Web


def relay(box):
    """A server that hands everything on to a sandbox, and so knows what came."""
    def answer(request):
        connection = http.client.HTTPConnection(box.ready["listen"], timeout=30)
        sent = {name: value for name, value in request.headers.items()
                if name not in ("Host", "Content-Length")}
        connection.request(request.method, request.path, request.body or None, sent)
        got = connection.getresponse()
        data = got.read()
        kept = [(name, value) for name, value in got.getheaders()
                if name not in ("Content-Length", "Connection", "Date")]
        connection.close()
        return got.status, data, kept
    return Web(answer)


def asked(server):
    """What came, without queries; the list is emptied."""
    seen = [f"{one.method} {one.path.split('?')[0]}" for one in server.seen]
    server.seen.clear()
    return seen


def yes(request):
    """A hook's answer: the user that it is asked for, with an old digest of PASSWORD."""
    address = request.json["identifier"]
    user = {"external_id": "old|" + address, "email_address": [{"value": address, "verified": True}],
            "password_hasher": "bcrypt", "password_digest": BCRYPT}
    return 200, {"result": "yes", "user": user}


def commits(ledger):
    """How many transactions stand in the write-ahead log of an SQLite ledger that is in use."""
    with open(ledger + "-wal", "rb") as file:
        log = file.read()
    size, frames = struct.unpack(">I", log[8:12])[0] + 24, range(32, len(log), 1)
    return sum(1 for at in frames[::size] if len(log) >= at + 8 and log[16:24] == log[at + 8:at + 16]
               and struct.unpack(">I", log[at + 4:at + 8])[0] > 0)


class FirstSignIn(unittest.TestCase):
    """Nothing beyond one check, one create and one replay."""

    def setUp(self):
        self.folder = self.enterContext(folder())
        self.box = self.enterContext(Sandbox("--production", "--limits", "off", data=":memory:"))
        self.clerk = self.enterContext(relay(self.box))
        self.hook = self.enterContext(Web(yes))
        self.ledger = os.path.join(self.folder, "moved.ledger")
        config = settings(self.clerk, ledger=self.ledger,
                          legacy={"connector": "http", "url": self.hook.url, "budget_ms": 20000})
        self.gateway = self.enterContext(Gateway(self.folder, config))
        self.assertEqual(asked(self.clerk), ["GET /v1/instance"])

    def test_with_both_at_once(self):
        before = commits(self.ledger)
        status, body = Browser(self.gateway).sign_in("one@example.com")
        self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)
        self.assertEqual(len(asked(self.hook)), 1)
        self.assertEqual(asked(self.clerk), ["POST /v1/client/sign_ins", "POST /v1/users",
                                             "POST /v1/client/sign_ins"])
        # The guess, the claim, the outcome.
        self.assertEqual(commits(self.ledger) - before, 3)
        status, body = Browser(self.gateway).sign_in("one@example.com")
        self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)
        self.assertEqual((asked(self.hook), asked(self.clerk)), ([], ["POST /v1/client/sign_ins"]))
        self.assertEqual(commits(self.ledger) - before, 3)

    def test_with_the_identifier_first(self):
        browser = Browser(self.gateway)
        _, body = browser.form("/v1/client/sign_ins", identifier="two@example.com")
        self.assertEqual((len(asked(self.hook)), asked(self.clerk)), (1, ["POST /v1/client/sign_ins"]))
        before = commits(self.ledger)
        status, body = browser.form(f"/v1/client/sign_ins/{body['response']['id']}/attempt_first_factor",
                                    strategy="password", password=PASSWORD)
        self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)
        self.assertEqual(len(asked(self.hook)), 1)
        self.assertEqual(asked(self.clerk), ["POST /v1/users", "POST /v1/client/sign_ins"])
        self.assertEqual(commits(self.ledger) - before, 3)

    def test_many_tabs(self):
        """Whoever comes while the user is being moved waits for that, and creates nobody."""
        with ThreadPoolExecutor(8) as pool:
            tabs = [pool.submit(Browser(self.gateway).sign_in, "three@example.com") for _ in range(8)]
            for tab in tabs:
                status, body = tab.result()
                self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)
        self.assertEqual(asked(self.clerk).count("POST /v1/users"), 1)


class FullQueue(unittest.TestCase):
    """More people than the old system can check: the first ones in their order, the rest are told when."""

    WORKERS, ROOM = 1, 8

    def test_it(self):
        at, go = self.enterContext(folder()), threading.Event()

        def answer(request):
            go.wait(60)
            return yes(request)

        hook = self.enterContext(Web(answer))
        box = self.enterContext(Sandbox("--production", "--limits", "off", data=":memory:"))
        self.gateway = self.enterContext(Gateway(at, settings(
            box, ledger=os.path.join(at, "moved.ledger"), admin="127.0.0.1:0", workers=self.WORKERS,
            legacy={"connector": "http", "url": hook.url, "budget_ms": 60000},
            throttle={"address": 1000})))
        self.addCleanup(go.set)
        with ThreadPoolExecutor(self.WORKERS + self.ROOM) as pool:
            served = []
            for n in range(self.WORKERS + self.ROOM):
                served.append(pool.submit(Browser(self.gateway).sign_in, f"p{n}@example.com"))
                while len(hook.seen) < 1 or self.metric("usher_queue_waiting") < n:
                    time.sleep(0.01)
            for n in range(5):
                self.is_refused(f"late{n}@example.com")
            go.set()
            for one in served:
                self.assertEqual(one.result()[0], 200)
        order = [one.json["identifier"] for one in hook.seen]
        self.assertEqual(order, [f"p{n}@example.com" for n in range(self.WORKERS + self.ROOM)])
        self.assertEqual((self.metric("usher_queue_peak"), self.metric("usher_queue_waiting"),
                          self.metric("usher_busy_total")), (self.ROOM, 0, 5))
        self.assertEqual(Browser(self.gateway).sign_in("late0@example.com")[0], 200)

    def is_refused(self, identifier):
        status, headers, body = Browser(self.gateway).post(
            "/v1/client/sign_ins", identifier=identifier, password=PASSWORD, strategy="password")
        self.assertEqual((status, code(json.loads(body))), (429, "too_many_requests"), body)
        self.assertIn(int(headers["Retry-After"]), range(1, 61))

    def metric(self, name):
        with urllib.request.urlopen(f"http://{self.gateway.ready['admin']}/metrics", timeout=20) as page:
            for line in page.read().decode().splitlines():
                if line.startswith(name + " "):
                    return int(line.split()[1])
        self.fail("no metric " + name)
        return None


class UnderLoad(unittest.TestCase):
    """Reloads and a stop while people sign in."""

    PEOPLE = 120

    def setUp(self):
        self.folder = self.enterContext(folder())
        self.box = self.enterContext(Sandbox("--production", "--limits", "off", data=":memory:"))
        self.ledger = os.path.join(self.folder, "moved.ledger")
        old = old_database(os.path.join(self.folder, "old.db"), self.PEOPLE)
        self.config = settings(self.box, ledger=self.ledger, legacy=sql(old), workers=4, drain_seconds=1,
                               throttle={"address": 100000})
        self.gateway = self.enterContext(Gateway(self.folder, self.config))
        self.moved = set()
        # The sandbox makes its signing key at the first sign-in, on threads of the lowest priority.
        while Browser(self.gateway).sign_in("member0@example.com")[0] != 200:
            continue

    def sign_in(self, n):
        """Until it works; False once the gateway is gone."""
        while True:
            try:
                status, body = Browser(self.gateway).sign_in(f"member{n}@example.com")
            except (OSError, http.client.HTTPException):
                if self.gateway.process.poll() is None and not self.stopping:
                    raise
                return False
            if status == 200:
                self.moved.add(f"old|{n}")
                return True
            # Whom the stop overtook is told so, and nobody is told anything else.
            self.assertIn(status, (429, 502, 503) if self.stopping else (429,), body)

    def ledger_agrees(self):
        with sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True) as base:
            rows = dict(base.execute("SELECT external_id, clerk_id FROM users WHERE state = 2"))
            others = base.execute("SELECT count(*) FROM users WHERE state = 1").fetchone()[0]
        base.close()
        there = {external_id: user["id"] for external_id, user in self.box.users().items()}
        self.assertEqual((rows, others), (there, 0))
        self.assertLessEqual(self.moved, set(there))

    def test_reloads(self):
        self.stopping = False
        with ThreadPoolExecutor(12) as pool:
            people = [pool.submit(self.sign_in, n) for n in range(self.PEOPLE)]
            while not all(one.done() for one in people):
                self.gateway.process.send_signal(signal.SIGHUP)
                time.sleep(0.1)
            self.assertTrue(all(one.result() for one in people))
        self.assertGreater(len(self.gateway.events("reloaded")), 1)
        self.assertEqual(self.gateway.stop(signal.SIGTERM), 0)
        self.assertEqual(len(self.moved), self.PEOPLE)
        self.ledger_agrees()

    def test_stop(self):
        for _ in range(3):
            self.stopping = False
            with ThreadPoolExecutor(12) as pool:
                people = [pool.submit(self.sign_in, n) for n in range(self.PEOPLE)]
                while sum(one.done() for one in people) < 20:
                    time.sleep(0.01)
                self.gateway.process.send_signal(signal.SIGHUP)
                self.stopping = True
                self.assertEqual(self.gateway.stop(signal.SIGTERM), 0)
                for one in people:
                    one.result()
            self.ledger_agrees()
            self.gateway.__enter__()


if __name__ == "__main__":
    unittest.main()
