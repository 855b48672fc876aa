#!/usr/bin/env python3
"""The gateway with a real PostgreSQL and a real OpenLDAP as old systems, and PostgreSQL as the shared ledger."""
import http.client
import json
import signal
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from gateway import Browser, Gateway, code, settings
from lab import BCRYPT, Sandbox, export, folder, usher, user
from old_systems import people

TICKETS = "usher-key-" + "x" * 32


class Real(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.systems = cls.enterClassContext(people())

    def setUp(self):
        self.folder = self.enterContext(folder())
        self.box = self.enterContext(Sandbox("--production", "--limits", "off"))

    def tearDown(self):
        reset = "drop schema public cascade; create schema public"
        subprocess.run(["psql", "-q", self.systems["ledger"], "-c", reset], check=True, timeout=60,
                       stderr=subprocess.DEVNULL)

    def config(self, legacy, **sections):
        return settings(self.box, ledger=self.systems["ledger"], legacy=legacy, **sections)

    def sql(self):
        return {"connector": "sql", "url": self.systems["postgres"], "query": self.systems["query"]}

    def start(self, config, name="usher"):
        return self.enterContext(Gateway(self.folder, config, name, TICKET_KEY=TICKETS))

    def test_directory(self):
        gateway = self.start(self.config({"connector": "ldap", "url": self.systems["ldap"],
                                          "base": self.systems["base"], "starttls": "no"}))
        browser, person = Browser(gateway), self.systems["person"]
        status, body = browser.form("/v1/client/sign_ins", identifier=person)
        self.assertEqual((status, body["response"]["status"]), (200, "needs_first_factor"), body)
        attempt = f"/v1/client/sign_ins/{body['response']['id']}/attempt_first_factor"
        status, body = browser.form(attempt, strategy="password", password="wrong")
        self.assertEqual((status, code(body)), (422, "form_password_incorrect"))
        status, body = browser.form(attempt, strategy="password",
                                    password=self.systems["person_password"])
        self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)
        (moved,) = self.box.users().values()
        self.assertTrue(moved["password_enabled"])

    def test_two_gateways_one_killed_and_an_import(self):
        """Any gateway may die at any moment; who was moved is moved once."""
        count = 12
        first, second = self.start(self.config(self.sql())), self.start(self.config(self.sql()), "two")
        rows = [user(n, external_id=f"pg|{n}", email_address=[f"member{n}@example.com"],
                     password_digest=BCRYPT) for n in range(count)]
        path = export(self.folder + "/export.jsonl", rows)

        def sign_in(i):
            try:
                return Browser(first if i % 2 else second).sign_in(f"member{i // 3}@example.com")[0]
            except OSError:
                return 0  # the one that was killed

        with ThreadPoolExecutor(10) as pool:
            tabs = [pool.submit(sign_in, i) for i in range(3 * count)]
            bulk = pool.submit(usher, "import", path, "--from", "usher", "--ledger",
                               self.systems["ledger"], "--yes", "--json", box=self.box)
            tabs[count // 2].result()
            first.stop(signal.SIGKILL)
            statuses = [tab.result() for tab in tabs]
            bulk.result()
        # Nobody was told that a right password is wrong, however slow the machine.
        self.assertTrue(set(statuses) <= {0, 200, 502, 503}, statuses)
        for n in range(count):
            until = time.monotonic() + 120
            while Browser(second).sign_in(f"member{n}@example.com")[0] != 200:
                self.assertLess(time.monotonic(), until)
        self.assertEqual(set(self.box.users()), {f"pg|{n}" for n in range(count)})

    def test_ticket_for_an_application(self):
        gateway = self.start(self.config(self.sql(), sign_in_key="${env:TICKET_KEY}"))

        def ask(body, key=TICKETS):
            connection = http.client.HTTPConnection(gateway.listen, timeout=30)
            connection.request("POST", "/usher/v1/sign_in", json.dumps(body),
                               {"Authorization": "Bearer " + key, "Content-Type": "application/json"})
            answer = connection.getresponse()
            status, data = answer.status, json.loads(answer.read())
            connection.close()
            return status, data

        who = {"identifier": "member1@example.com", "password": self.systems["password"]}
        self.assertEqual(ask(who, "wrong")[0], 401)
        self.assertEqual(ask({"identifier": "member1@example.com"})[0], 400)
        self.assertEqual(ask({**who, "password": "wrong"})[0], 422)
        self.assertEqual(ask({**who, "identifier": "nobody@example.com"})[0], 422)
        self.assertEqual(self.box.count(), 0)
        for moved in (True, False):  # the second time Clerk itself knows the password
            status, body = ask(who)
            self.assertEqual((status, body.get("moved")), (200, moved), body)
        self.assertEqual(ask({**who, "password": "wrong"})[0], 422)
        status, body = Browser(gateway).form("/v1/client/sign_ins", strategy="ticket",
                                             ticket=body["ticket"])
        self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)


if __name__ == "__main__":
    unittest.main()
