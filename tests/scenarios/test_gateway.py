#!/usr/bin/env python3
"""The gateway as a browser meets it, against the sandbox and old systems of several kinds."""
import json
import os
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from gateway import Browser, Gateway, code, old_database, settings, sql
from lab import PASSWORD, Sandbox, event, events, export, folder, usher, user
from web import Web


class Moving(unittest.TestCase):
    """A legacy user signs in for the first time."""

    def setUp(self):
        self.folder = self.enterContext(folder())
        self.box = self.enterContext(Sandbox("--production", "--limits", "off"))
        self.old = old_database(os.path.join(self.folder, "old.db"))
        self.ledger = os.path.join(self.folder, "moved.ledger")

    def config(self, **sections):
        return settings(self.box, ledger=self.ledger, legacy=sql(self.old), **sections)

    def start(self, config=None, name="usher"):
        return self.enterContext(Gateway(self.folder, config or self.config(), name))

    def test_combined(self):
        gateway = self.start()
        status, body = Browser(gateway).sign_in("member1@example.com")
        self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)
        moved = self.box.users()["old|1"]
        self.assertTrue(moved["password_enabled"])
        self.assertEqual(moved["external_id"], "old|1")
        # The second time the old system has no part in it.
        os.rename(self.old, self.old + ".gone")
        status, body = Browser(gateway).sign_in("member1@example.com")
        self.assertEqual((status, body["response"]["status"]), (200, "complete"))
        self.assertEqual(len(gateway.events("moved")), 1)
        self.assertNotIn(PASSWORD, gateway.log())
        self.assertNotIn("member1@", gateway.log())

    def test_identifier_first(self):
        gateway = self.start()
        browser = Browser(gateway)
        status, body = browser.form("/v1/client/sign_ins", identifier="member2@example.com")
        self.assertEqual(status, 200, body)
        sign_in = body["response"]
        self.assertEqual(sign_in["status"], "needs_first_factor")
        self.assertIn({"strategy": "password"}, sign_in["supported_first_factors"])
        self.assertEqual(self.box.count(), 0, "nobody is made before the password is proven")
        attempt = f"/v1/client/sign_ins/{sign_in['id']}/attempt_first_factor"
        status, body = browser.form(attempt, strategy="password", password="wrong")
        self.assertEqual((status, code(body)), (422, "form_password_incorrect"))
        self.assertEqual(body["errors"][0]["meta"]["param_name"], "password")
        status, _ = Browser(gateway).form(attempt, strategy="password", password=PASSWORD)
        self.assertEqual(status, 404, "another browser's sign-in")
        self.assertEqual(self.box.count(), 0)
        status, body = browser.form(attempt, strategy="password", password=PASSWORD)
        self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)
        self.assertEqual(list(self.box.users()), ["old|2"])

    def test_wrong_and_unknown_are_alike(self):
        browser = Browser(self.start())
        wrong = browser.sign_in("member1@example.com", "wrong")
        unknown = browser.sign_in("nobody@example.com", "wrong")
        for status, body in (wrong, unknown):
            self.assertEqual((status, code(body)), (422, "form_identifier_not_found"))
            body.pop("clerk_trace_id")
        self.assertEqual(wrong[1]["errors"][0].keys(), unknown[1]["errors"][0].keys())
        self.assertEqual(self.box.count(), 0)

    def test_a_code_instead_of_the_password(self):
        gateway = self.start()
        browser = Browser(gateway)
        _, body = browser.form("/v1/client/sign_ins", identifier="member3@example.com")
        status, body = browser.form(
            f"/v1/client/sign_ins/{body['response']['id']}/prepare_first_factor",
            strategy="reset_password_email_code", email_address_id="idn_gw")
        self.assertEqual(status, 200, body)
        verification = body["response"]["first_factor_verification"]
        self.assertEqual(verification["strategy"], "reset_password_email_code")
        self.assertFalse(body["response"]["id"].startswith("sia_gw"))
        self.assertEqual(list(self.box.users()), ["old|3"])

    def test_signing_up_twice(self):
        browser = Browser(self.start())
        status, body = browser.form("/v1/client/sign_ups", email_address="Member4@example.com",
                                    password="Another-Horse-7")
        self.assertEqual((status, code(body)), (422, "form_identifier_exists"))
        self.assertEqual(body["errors"][0]["meta"]["param_name"], "email_address")
        # Whoever is new is Clerk's business.
        status, body = browser.form("/v1/client/sign_ups", email_address="new@example.com",
                                    password="Another-Horse-7")
        self.assertFalse("errors" in body and code(body) == "form_identifier_exists", body)

    def test_what_changed_at_clerk_stays(self):
        """Who was moved and then took another address is not let in by the old one."""
        gateway = self.start()
        self.assertEqual(Browser(gateway).sign_in("member5@example.com")[0], 200)
        moved = self.box.users()["old|5"]
        status, body = self.box.call("POST", "/v1/email_addresses", {
            "user_id": moved["id"], "email_address": "new5@example.com", "verified": True,
            "primary": True})
        self.assertEqual(status, 200, body)
        old = moved["email_addresses"][0]["id"]
        self.assertEqual(self.box.call("DELETE", f"/v1/email_addresses/{old}")[0], 200)
        status, body = Browser(gateway).sign_in("member5@example.com")
        self.assertEqual((status, code(body)), (422, "form_identifier_not_found"))
        self.assertEqual(self.box.count(), 1)

    def test_a_user_without_a_password(self):
        """Imported without a digest: the password is proven once, and is Clerk's from then on."""
        rows = [user(1, external_id="old|6", email_address=["member6@example.com"])]
        del rows[0]["password_digest"], rows[0]["password_hasher"]
        path = export(os.path.join(self.folder, "export.jsonl"), rows)
        usher("import", path, "--from", "usher", "--ledger", self.ledger, "--yes", "--json",
              box=self.box)
        self.assertFalse(self.box.users()["old|6"]["password_enabled"])
        gateway = self.start()
        status, body = Browser(gateway).sign_in("member6@example.com", "wrong")
        self.assertNotEqual(status, 200, body)
        status, body = Browser(gateway).sign_in("member6@example.com")
        self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)
        self.assertTrue(self.box.users()["old|6"]["password_enabled"])

    def test_guesses_are_throttled(self):
        config = self.config(throttle={"identifier": 3, "address": 1000, "seconds": 60})
        first, second = self.start(config), self.start(config, "second")
        for gateway in (first, second, first):
            self.assertEqual(Browser(gateway).sign_in("member7@example.com", "guess")[0], 422)
        status, headers, body = Browser(second).call(
            "POST", "/v1/client/sign_ins", {"Content-Type": "application/x-www-form-urlencoded"},
            f"identifier=member7%40example.com&password={PASSWORD}")
        self.assertEqual((status, code(json.loads(body))), (429, "too_many_requests"))
        self.assertGreater(int(headers["Retry-After"]), 0)
        self.assertEqual(Browser(first).sign_in("member8@example.com")[0], 200)

    def test_many_at_once_and_an_import(self):
        """One user each, whoever comes first: two gateways, several tabs, a bulk import."""
        count = 20
        gateways = [self.start(), self.start(None, "second")]
        rows = [user(n, external_id=f"old|{n}", email_address=[f"member{n}@example.com"])
                for n in range(count)]
        path = export(os.path.join(self.folder, "export.jsonl"), rows)
        with ThreadPoolExecutor(12) as pool:
            bulk = pool.submit(usher, "import", path, "--from", "usher", "--ledger", self.ledger,
                               "--yes", "--json", box=self.box)
            tabs = [pool.submit(Browser(gateways[i % 2]).sign_in, f"member{i // 3}@example.com")
                    for i in range(3 * count)]
            for i, tab in enumerate(tabs):
                status, body = tab.result()
                self.assertEqual((i // 3, status), (i // 3, 200), body)
            self.assertIn(bulk.result().returncode, (0, 1), bulk.result().stderr)
        self.assertEqual(set(self.box.users()), {f"old|{n}" for n in range(count)})

    def bulk(self, rows, code=0):
        path = export(os.path.join(self.folder, "export.jsonl"), rows)
        done = usher("import", path, "--from", "usher", "--ledger", self.ledger, "--yes", "--json",
                     box=self.box)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def test_a_later_import_merges(self):
        """A moved user is merged as one whom an import moved; the password that was typed stays."""
        gateway = self.start()
        for n in range(1, 5):
            self.assertEqual(Browser(gateway).sign_in(f"member{n}@example.com")[0], 200)
        ids = {n: self.box.users()[f"old|{n}"]["id"] for n in range(1, 5)}
        self.box.call("PATCH", f"/v1/users/{ids[2]}", {"first_name": "Own"})
        self.box.call("PATCH", f"/v1/users/{ids[3]}", {"password": "Chosen-in-Clerk-9"})
        rows = [user(n, external_id=f"old|{n}", email_address=[f"member{n}@example.com"],
                     first_name="Ada" if n == 3 else "Augusta", public_metadata={"plan": n})
                for n in range(1, 5)]
        for row in rows[2:]:  # exported before the password was changed at the source
            row.update(password_hasher="md5", password_digest="7c6a180b36896a0a8c02787eeafb0e4c")
        done = self.bulk(rows)
        end = event(done.stdout, "end")
        self.assertEqual((end["updated"], end["failed"], end["conflicts"]), (4, 0, 0))
        self.assertLessEqual(end["requests"], 4 + 3 + 3)  # metadata, names, and who they are
        self.assertEqual({(e["id"], e["field"]) for e in events(done.stdout)
                          if e["event"] == "both_changed"},
                         {("old|2", "first_name"), ("old|3", "password_digest"),
                          ("old|4", "password_digest")})
        shown = self.box.users()
        self.assertEqual([shown[f"old|{n}"]["first_name"] for n in range(1, 5)],
                         ["Augusta", "Own", "Ada", "Augusta"])
        for n in range(1, 5):
            self.assertEqual(shown[f"old|{n}"]["public_metadata"], {"plan": n})
            self.assertEqual(shown[f"old|{n}"]["username"], f"member_{n}", "the export has none")
            status, _ = self.box.call("POST", f"/v1/users/{ids[n]}/verify_password", {
                "password": "Chosen-in-Clerk-9" if n == 3 else PASSWORD})
            self.assertEqual(status, 200)
        again = event(self.bulk(rows).stdout, "end")
        self.assertEqual((again["unchanged"], again["requests"]), (4, 0))
        rows[3]["password_digest"] = "6cb75f652a9b52798eb6cf2201057c73"  # and never later
        del rows[0]["public_metadata"]                                   # now it is a removal
        self.bulk(rows)
        self.assertEqual(self.box.users()["old|1"]["public_metadata"], {})
        self.assertEqual(self.box.call("POST", f"/v1/users/{ids[4]}/verify_password",
                                       {"password": PASSWORD})[0], 200)
        done = usher("verify", os.path.join(self.folder, "export.jsonl"), "--from", "usher",
                     "--ledger", self.ledger, "--json", box=self.box)
        self.assertFalse([e for e in events(done.stdout) if e.get("code") == "lost"], done.stdout)

    def test_digests_that_the_gateway_did_not_know(self):
        """A system that checks passwords itself: nobody is told of digests that differ from nothing."""
        hook = self.enterContext(Web(lambda _: (200, {"result": "yes", "user": {
            "external_id": "old|1", "email_address": ["member1@example.com"]}})))
        config = settings(self.box, ledger=self.ledger,
                          legacy={"connector": "http", "url": hook.url})
        gateway = self.start(config)
        self.assertEqual(Browser(gateway).sign_in("member1@example.com", "Typed-Horse-3")[0], 200)
        row = user(1, external_id="old|1", email_address=["member1@example.com"])
        done = self.bulk([row])
        self.assertNotIn("both_changed", done.stdout)
        self.assertEqual(event(done.stdout, "end")["updated"], 1)
        moved = self.box.users()["old|1"]
        self.assertEqual(moved["first_name"], "First1")
        self.assertEqual(self.box.call("POST", f"/v1/users/{moved['id']}/verify_password",
                                       {"password": "Typed-Horse-3"})[0], 200)


class Outages(unittest.TestCase):
    """An old system that is down, slow or lies: never a wrong password."""

    def setUp(self):
        self.folder = self.enterContext(folder())
        self.box = self.enterContext(Sandbox("--production", "--limits", "off"))

    def gateway(self, url):
        legacy = {"connector": "http", "url": url, "budget_ms": 500}
        ledger = os.path.join(self.folder, "moved.ledger")
        return self.enterContext(Gateway(self.folder, settings(self.box, ledger=ledger, legacy=legacy)))

    def refuses(self, answer):
        with Web(answer) as hook:
            browser = Browser(self.gateway(hook.url))
            status, body = browser.sign_in("member1@example.com")
            self.assertEqual((status, code(body)), (503, "service_unavailable"))
            status, body = browser.form("/v1/client/sign_ups", email_address="member1@example.com")
            self.assertEqual((status, code(body)), (503, "service_unavailable"))
            # Whether there is such a user cannot be told: the password is asked for, and checked then.
            status, body = browser.form("/v1/client/sign_ins", identifier="member1@example.com")
            self.assertEqual((status, body["response"]["status"]), (200, "needs_first_factor"))
        self.assertEqual(self.box.count(), 0)

    def test_an_error(self):
        self.refuses(lambda _: (500, "oops"))

    def test_a_page(self):
        self.refuses(lambda _: (200, "<html>Maintenance</html>", {"Content-Type": "text/html"}))

    def test_wrong_json(self):
        self.refuses(lambda _: (200, {"result": "perhaps"}))

    def test_somebody_else(self):
        """A yes for another user than was asked for would give them this password."""
        other = {"result": "yes", "user": {"external_id": "1", "email_address": ["other@example.com"]}}
        self.refuses(lambda _: (200, other))

    def test_slow(self):
        self.refuses(lambda _: (time.sleep(2), (200, {"result": "yes"}))[1])

    def test_down(self):
        browser = Browser(self.gateway("http://127.0.0.1:9"))
        status, body = browser.sign_in("member1@example.com")
        self.assertEqual((status, code(body)), (503, "service_unavailable"))

    def test_told_of_a_move(self):
        told = []

        def answer(request):
            if request.path == "/moved":
                told.append(request.json)
                return 200, {}
            who = request.json["identifier"]
            return 200, {"result": "yes", "user": {"external_id": "77", "email_address": [{"value": who, "verified": True}]}}

        with Web(answer) as hook:
            legacy = {"connector": "http", "url": hook.url, "moved_url": hook.url + "/moved"}
            config = settings(self.box, ledger=os.path.join(self.folder, "l"), legacy=legacy)
            with Gateway(self.folder, config) as gateway:
                # No digest is known, and the password breaks the rules for new ones.
                status, body = Browser(gateway).sign_in("short@example.com", "abc")
                self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)
        self.assertEqual([t["external_id"] for t in told], ["77"])


if __name__ == "__main__":
    unittest.main()
