#!/usr/bin/env python3
"""Several processes on one PostgreSQL: sandboxes that share their data. Run by postgres.py."""
import collections
import os
import signal
import unittest
from concurrent.futures import ThreadPoolExecutor

import postgres
from lab import Sandbox, folder, usher


def body(n, **more):
    return {"email_address": [f"user{n}@example.com"], "external_id": f"x{n}",
            "skip_password_requirement": True, **more}


class Sandboxes(unittest.TestCase):
    def two(self, **more):
        data = postgres.fresh_database()
        one, two = (Sandbox("--limits", "off", data=data, **more).__enter__() for _ in range(2))
        self.addCleanup(one.__exit__)
        self.addCleanup(two.__exit__)
        return one, two

    def test_parallel_creates_of_one_email_make_one_user(self):
        boxes = self.two()

        def create(n):
            status, answer = boxes[n % 2].call("POST", "/v1/users", body(n // 4))
            return status, answer.get("id") or answer["errors"][0]["code"]

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(create, range(240)))
        made = [id for status, id in answers if status == 200]
        self.assertEqual(collections.Counter(status for status, _ in answers), {200: 60, 422: 180})
        self.assertEqual({code for status, code in answers if status == 422},
                         {"form_identifier_exists"})
        for box in boxes:
            self.assertEqual({u["id"] for u in box.users().values()}, set(made))

    def test_what_one_changes_the_other_knows(self):
        one, two = self.two()
        self.assertEqual(one.call("PATCH", "/v1/instance/restrictions", {"allowlist": True})[0], 200)
        self.assertEqual(two.call("PATCH", "/v1/instance/restrictions", {})[1]["allowlist"], True)
        user = one.call("POST", "/v1/users", body(1))[1]
        path = "/v1/users/" + user["id"]
        with ThreadPoolExecutor(8) as pool: # each reads, changes and writes; none may be lost
            list(pool.map(lambda n: (one, two)[n % 2].call(
                "PATCH", path + "/metadata", {"public_metadata": {f"k{n}": n}}), range(40)))
        self.assertEqual(len(two.call("GET", path)[1]["public_metadata"]), 40)
        key = two.call("GET", "/v1/jwks")[1]
        self.assertEqual(one.call("GET", "/v1/jwks")[1], key)

    def test_a_killed_one_loses_nothing_that_it_acknowledged(self):
        one, two = self.two()
        acknowledged = []

        def create(n):
            try:
                if one.call("POST", "/v1/users", body(n))[0] == 200:
                    acknowledged.append(f"x{n}")
            except OSError:
                pass
            if len(acknowledged) == 100:
                one.process.send_signal(signal.SIGKILL)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(create, range(400)))
        one.process.wait(20)
        self.assertGreaterEqual(len(acknowledged), 100)
        self.assertLess(len(acknowledged), 400)
        self.assertLessEqual(set(acknowledged), set(two.users()))
        self.assertEqual(two.call("POST", "/v1/users", body(1000))[0], 200)

    def test_the_server_restarts(self):
        with postgres.Postgres() as server, Sandbox("--limits", "off", data=server.url) as box:
            self.assertEqual(box.call("POST", "/v1/users", body(1))[0], 200)
            server.stop()
            self.assertEqual(box.call("POST", "/v1/users", body(2))[0], 500)
            server.start()
            box.call("GET", "/v1/users/count") # notices
            self.assertEqual(box.call("POST", "/v1/users", body(3))[0], 200)
            self.assertEqual(set(box.users()), {"x1", "x3"})

    def test_a_database_of_something_else_is_refused(self):
        url = postgres.fresh_database()
        with folder() as cwd:
            ledger = os.path.join(cwd, "ledger.db")
            with Sandbox() as box:
                with open(cwd + "/users", "w", encoding="utf-8") as file:
                    file.write('{"external_id": "1", "email_address": ["a@example.com"]}\n')
                for where in (ledger, url):
                    done = usher("import", cwd + "/users", "--from", "usher", "--ledger", where,
                                 "--yes", box=box)
                    self.assertEqual(done.returncode, 0, done.stderr)
            for where in (ledger, url):
                done = usher("sandbox", "--data", where)
                self.assertEqual(done.returncode, 2)
                self.assertIn("not of a sandbox", done.stderr)
                self.assertNotIn(postgres.IN_URL, done.stderr)


if __name__ == "__main__":
    unittest.main()
