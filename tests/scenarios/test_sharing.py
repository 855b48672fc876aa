#!/usr/bin/env python3
"""Several processes on one database: sandboxes that share data, imports that share a ledger. Run by postgres.py."""
import collections
import json
import os
import random
import signal
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import lab
import postgres
from lab import Sandbox, event, export, folder, usher


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
        self.assertEqual(one.call("PATCH", "/v1/sandbox/settings", {"password_min_length": 12})[0], 200)
        self.assertEqual(two.call("GET", "/v1/sandbox/settings")[1]["password_min_length"], 12)
        short = two.call("POST", "/v1/users", body(0, password="eleven-char"))
        self.assertEqual((short[0], short[1]["errors"][0]["code"]), (422, "form_password_length_too_short"))
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
                                 "--existing", "adopt", "--yes", box=box)
                    self.assertEqual(done.returncode, 0, done.stderr)
            for where in (ledger, url):
                done = usher("sandbox", "--data", where)
                self.assertEqual(done.returncode, 2)
                self.assertIn("not of a sandbox", done.stderr)
                self.assertNotIn(postgres.IN_URL, done.stderr)


class Imports(unittest.TestCase):
    """Two imports of one export on one ledger, in SQLite and in PostgreSQL."""

    USERS = 500
    FAULTS = ("--limits", "off", "--latency", "30", "--fault", "drop-after=0.03")

    def start(self, box, cwd, ledger):
        command = [lab.USHER, "import", cwd + "/users", "--from", "usher", "--ledger", ledger,
                   "--yes", "--json"]
        return subprocess.Popen(command, env=lab.environment(box), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def on_each_ledger(self, check):
        with folder() as cwd:
            export(cwd + "/users", [lab.user(n) for n in range(self.USERS)])
            for ledger in (cwd + "/ledger", postgres.fresh_database()):
                with self.subTest(ledger=ledger.split(":")[0]), \
                        Sandbox(*self.FAULTS, data=":memory:") as box:
                    plan = usher("plan", cwd + "/users", "--from", "usher", "--ledger", ledger,
                                 "--json", box=box)
                    self.assertEqual(event(plan.stdout, "end")["create"], self.USERS, plan.stderr)
                    check(box, cwd, ledger)
                    self.check_all_there(box, cwd, ledger)

    def check_all_there(self, box, cwd, ledger):
        self.assertEqual(len(box.users()), self.USERS) # users() finds doubles
        self.assertEqual(box.count(), self.USERS)
        status = json.loads(usher("status", "--json", "--ledger", ledger).stdout.split("\n")[0])
        self.assertEqual((status["done"], status["sending"]), (self.USERS, 0), status)
        plan = usher("plan", cwd + "/users", "--from", "usher", "--ledger", ledger, "--json", box=box)
        self.assertEqual(event(plan.stdout, "end")["unchanged"], self.USERS, plan.stderr)
        again = usher("import", cwd + "/users", "--from", "usher", "--ledger", ledger, "--yes",
                      "--json", box=box)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(event(again.stdout, "end")["unchanged"], self.USERS)
        verify = usher("verify", cwd + "/users", "--from", "usher", "--ledger", ledger, "--json",
                       box=box)
        self.assertEqual(verify.returncode, 0, verify.stderr)
        end = event(verify.stdout, "end")
        self.assertEqual((end["unchanged"], end["same"]), (self.USERS, self.USERS), end)
        for command in (("status",), ("runs",), ("undo", "999")):
            told = usher(*command, "--ledger", ledger, box=box)
            self.assertNotIn(postgres.IN_URL, told.stdout + told.stderr)

    def test_they_help_each_other(self):
        def check(box, cwd, ledger):
            both = [self.start(box, cwd, ledger) for _ in range(2)]
            ends = []
            for one in both:
                out, err = one.communicate(timeout=120)
                self.assertEqual(one.returncode, 0, err)
                ends.append(event(out, "end"))
            self.assertEqual(sum(e["created"] + e["adopted"] for e in ends), self.USERS)
            self.assertEqual([e["pending"] for e in ends], [0, 0])

        self.on_each_ledger(check)

    def test_one_is_killed_and_the_other_takes_over(self):
        def check(box, cwd, ledger):
            one = self.start(box, cwd, ledger)
            while box.count() < 20:
                time.sleep(0.02)
            two = self.start(box, cwd, ledger)
            time.sleep(random.uniform(0, 1))
            one.kill()
            one.communicate()
            out, err = two.communicate(timeout=120)
            self.assertEqual(two.returncode, 0, err)
            self.assertEqual(event(out, "end")["pending"], 0)

        self.on_each_ledger(check)

    def test_they_are_killed_again_and_again(self):
        def check(box, cwd, ledger):
            running = []
            for _ in range(6):
                running = [one for one in running if one.poll() is None]
                while len(running) < 2:
                    running.append(self.start(box, cwd, ledger))
                time.sleep(random.uniform(0.1, 0.6))
                victim = running.pop(random.randrange(2))
                victim.kill()
                victim.communicate()
            for one in [*running, self.start(box, cwd, ledger)]:
                _, err = one.communicate(timeout=120)
                self.assertEqual(one.returncode, 0, err)

        self.on_each_ledger(check)


if __name__ == "__main__":
    unittest.main()
