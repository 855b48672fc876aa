"""Everybody signs in at once while a bulk import moves the same users, at two gateways, on one ledger; one gateway and
the import are killed at the same moment, and the import is begun again. Each becomes one user, and the ledger holds what
the sandbox holds. Run by postgres.py, for a second ledger.

The import goes through the file from the front, people come from its back. So that both move a real share however
fast the machine is: the last quarter comes before the import begins; of the first half, every second person comes
only once the import has passed, and the others when it is about to send them. Those, and the third quarter, are raced for.

USHER_PEOPLE: how many people; a thousand if it is not set.
"""
import csv
import http.client
import io
import json
import os
import signal
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import lab
import postgres
from faults import import_command
from gateway import Browser, Gateway, old_database, settings, sql
from lab import Sandbox, export, folder, user, usher

PEOPLE = int(os.environ.get("USHER_PEOPLE", "1000"))
RATE = "60"  # of the import, users a second
NEAR = PEOPLE // 10  # so many rows before the import's turn somebody comes
WORKERS = 8


class Front:
    """How far the import has come, as the sandbox shows it: past every second row up to `at`."""

    def __init__(self, box):
        self.box, self.at, self.over = box, 0, False
        self.moved = threading.Condition()
        self.thread = threading.Thread(target=self.follow)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()

    def follow(self):
        while not self.over and self.at < PEOPLE // 2:
            status, found = self.box.call("GET", f"/v1/users?external_id=old%7C{self.at}")
            if status != 200 or not found:
                time.sleep(0.05)
                continue
            with self.moved:
                self.at += 2
                self.moved.notify_all()

    def wait(self, n):
        with self.moved:
            if not self.moved.wait_for(lambda: self.at > n, 400):
                raise AssertionError(f"the import does not come to {n}, only to {self.at}")


class Together(unittest.TestCase):
    def on(self, ledger, at):
        old = old_database(os.path.join(at, "old.db"), PEOPLE)
        self.file = export(os.path.join(at, "users"), [
            user(n, external_id=f"old|{n}", email_address=[f"member{n}@example.com"]) for n in range(PEOPLE)])
        self.ledger, self.tries, self.lock = ledger, 0, threading.Lock()
        with Sandbox("--production", "--limits", "off", data=":memory:") as self.box:
            config = settings(self.box, ledger=ledger, legacy=sql(old), throttle={"address": 1_000_000}, workers=WORKERS)
            with Gateway(at, config, "one") as one, Gateway(at, config, "two") as two:
                self.gateways = [one, two]
                with Front(self.box) as self.front:
                    self.everybody()
                events = [event for gateway in self.gateways for event in gateway.events("sign_in")]
                moved = sum(len(gateway.events("moved")) for gateway in self.gateways)
            self.assert_one_each(self.box, ledger)
            again = usher("import", self.file, "--from", "usher", "--ledger", ledger, "--yes", "--json", box=self.box)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assert_one_each(self.box, ledger)
            self.assert_little_was_sent(events)
        print(f"{'PostgreSQL' if '://' in ledger else 'SQLite'}: {PEOPLE} people, {moved} of them moved at their sign-in")
        self.assertGreaterEqual(moved, PEOPLE // 4)
        self.assertGreaterEqual(PEOPLE - moved, PEOPLE // 4)

    def everybody(self):
        """Until all have signed in and the import, begun twice, has ended."""
        self.sign_in(PEOPLE - 1)  # the sandbox makes its signing key
        with ThreadPoolExecutor(PEOPLE) as pool:
            early = [pool.submit(self.sign_in, n) for n in range(PEOPLE - 2, PEOPLE * 3 // 4 - 1, -1)]
            for person in early:
                person.result()
            killed = self.begin_import()
            people = [pool.submit(self.come, n) for n in range(PEOPLE * 3 // 4 - 1, -1, -1)]
            self.front.wait(PEOPLE // 8)
            killed.kill()
            self.gateways[0].process.kill()
            killed.communicate()
            bulk = self.begin_import()
            for person in people:
                person.result()
        _, said = bulk.communicate(timeout=400)
        self.assertIn(bulk.returncode, (0, 1), said)

    def begin_import(self):
        return subprocess.Popen(import_command(self.file, self.ledger, "--rate", RATE), env=lab.environment(self.box),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def come(self, n):
        if n < PEOPLE // 2:
            self.front.wait(n if n % 2 == 0 else max(0, n - NEAR))
        self.sign_in(n)

    def sign_in(self, n):
        """As a browser behind a balancer: the other gateway if one is gone, later if it is told so."""
        for turn in range(200):
            gateway = self.gateways[(n + turn) % 2]
            with self.lock:
                self.tries += 1
            try:
                status, headers, data = Browser(gateway).post(
                    "/v1/client/sign_ins", identifier=f"member{n}@example.com", password=lab.PASSWORD,
                    strategy="password")
            except (OSError, http.client.HTTPException):
                continue
            body = json.loads(data)
            if status == 200:
                self.assertEqual(body["response"]["status"], "complete", body)
                return
            self.assertIn(status, (429, 503), body)
            time.sleep(min(int(headers["Retry-After"]), 2))
        self.fail(f"member {n} does not get in")

    def assert_little_was_sent(self, events):
        """A try is at most one question to the old system and one replay; a user one create, but for the two that died."""
        calls = self.box.call("GET", "/v1/sandbox/routes")[1]
        self.assertLessEqual(sum(event["legacy"] != "not_asked" for event in events), self.tries)
        self.assertLessEqual(calls["POST /v1/client/sign_ins"], 2 * self.tries)
        self.assertLessEqual(calls["POST /v1/users"], PEOPLE + WORKERS + int(RATE))

    def assert_one_each(self, box, ledger):
        there = {external_id: one["id"] for external_id, one in box.users().items()}
        self.assertEqual(set(there), {f"old|{n}" for n in range(PEOPLE)})
        self.assertEqual(box.count(), PEOPLE)
        rows = csv.reader(io.StringIO(usher("map", "--ledger", ledger).stdout))
        next(rows)
        self.assertEqual({external_id: clerk_id for external_id, clerk_id, *_ in rows}, there)
        status = json.loads(usher("status", "--json", "--ledger", ledger).stdout.split("\n")[0])
        self.assertEqual((status["done"], status["sending"]), (PEOPLE, 0), status)

    def test_on_sqlite(self):
        with folder() as at:
            self.on(os.path.join(at, "moved.ledger"), at)

    def test_on_postgresql(self):
        with folder() as at:
            self.on(postgres.fresh_database(), at)


if __name__ == "__main__":
    unittest.main()
