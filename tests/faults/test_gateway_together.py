"""Everybody signs in at once while a bulk import moves the same users, at two gateways of which one is killed, on one
ledger: each becomes one user, and the ledger holds what the sandbox holds. Run by postgres.py, for a second ledger.

Small by default; a thousand people with USHER_LONG=1.
"""
import csv
import http.client
import io
import json
import os
import signal
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import lab
import postgres
from faults import LONG, import_command
from gateway import Browser, Gateway, old_database, settings, sql
from lab import Sandbox, export, folder, user, usher

PEOPLE = 1000 if LONG else 100
AT_ONCE = PEOPLE if LONG else 25
RATE = "10" if LONG else "50"  # of the import: no faster than people sign in, or nobody is left for them


class Together(unittest.TestCase):
    def on(self, ledger, at):
        old = old_database(os.path.join(at, "old.db"), PEOPLE)
        file = export(os.path.join(at, "users"), [
            user(n, external_id=f"old|{n}", email_address=[f"member{n}@example.com"]) for n in range(PEOPLE)])
        with Sandbox("--production", "--limits", "off", data=":memory:") as box:
            config = settings(box, ledger=ledger, legacy=sql(old), throttle={"address": 1_000_000}, workers=8)
            with Gateway(at, config, "one") as one, Gateway(at, config, "two") as two:
                self.gateways = [one, two]
                self.sign_in(0)  # the sandbox makes its signing key
                bulk = subprocess.Popen(import_command(file, ledger, "--rate", RATE), env=lab.environment(box),
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                with ThreadPoolExecutor(AT_ONCE) as pool:
                    # From both ends, so that import and people meet.
                    people = [pool.submit(self.sign_in, n) for n in range(PEOPLE - 1, 0, -1)]
                    while sum(person.done() for person in people) < PEOPLE // 4:
                        time.sleep(0.01)
                    one.stop(signal.SIGKILL)
                    for person in people:
                        person.result()
                self.assertIn(bulk.wait(200), (0, 1), bulk.stderr.read())
                bulk.stderr.close()
                moved = len(one.events("moved")) + len(two.events("moved"))
            self.assert_one_each(box, ledger)
            again = usher("import", file, "--from", "usher", "--ledger", ledger, "--yes", "--json", box=box)
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assert_one_each(box, ledger)
        print(f"{'PostgreSQL' if '://' in ledger else 'SQLite'}: {PEOPLE} people, {moved} of them moved at their sign-in")

    def sign_in(self, n):
        """As a browser behind a balancer: the other gateway if one is gone, later if it is told so."""
        for turn in range(200):
            gateway = self.gateways[(n + turn) % 2]
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
