#!/usr/bin/env python3
"""Users of the old system who do not come by their password: a code, a forgotten password, a second sign-up. Clerk sends
the codes; the gateway only sees to it that there is somebody to send them to."""
import hashlib
import os
import sqlite3
import unittest

from gateway import Browser, Gateway, code, old_database, settings, sql
from lab import PASSWORD, Sandbox, folder
from web import Web

NEW = "Remembered-Horse-2"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(folder())
        self.box = self.enterContext(Sandbox("--production", "--limits", "off"))
        self.old = old_database(os.path.join(self.folder, "old.db"))

    def start(self, legacy=None, **sections):
        config = settings(self.box, ledger=os.path.join(self.folder, "moved.ledger"), legacy=legacy or sql(self.old), **sections)
        return self.enterContext(Gateway(self.folder, config))

    def sent_to(self, address):
        status, messages = self.box.call("GET", f"/v1/sandbox/outbox?to={address}")
        self.assertEqual(status, 200)
        return [message["code"] for message in messages]

    def begin(self, browser, identifier):
        status, body = browser.form("/v1/client/sign_ins", identifier=identifier)
        self.assertEqual((status, body["response"]["status"]), (200, "needs_first_factor"), body)
        return body["response"]

    def step(self, browser, sign_in, step, **fields):
        status, body = browser.form(f"/v1/client/sign_ins/{sign_in['id']}/{step}", **fields)
        self.assertEqual(status, 200, body)
        return body["response"]

    def factor(self, sign_in, strategy):
        (found,) = [f for f in sign_in["supported_first_factors"] if f["strategy"] == strategy]
        return {"strategy": strategy, "email_address_id": found["email_address_id"]}


class Codes(Case):
    def test_a_forgotten_password(self):
        gateway, who = self.start(), "member1@example.com"
        browser = Browser(gateway)
        asked = self.begin(browser, who)
        self.assertEqual(self.sent_to(who), [])
        sent = self.step(browser, asked, "prepare_first_factor", **self.factor(asked, "reset_password_email_code"))
        self.assertEqual(sent["identifier"], who)
        (number,) = self.sent_to(who)
        wrong = "000000" if number != "000000" else "111111"
        path = f"/v1/client/sign_ins/{sent['id']}/attempt_first_factor"
        status, body = browser.form(path, strategy="reset_password_email_code", code=wrong)
        self.assertEqual((status, code(body)), (422, "form_code_incorrect"))
        proven = self.step(browser, sent, "attempt_first_factor", strategy="reset_password_email_code", code=number)
        self.assertEqual(proven["status"], "needs_new_password")
        self.assertEqual(self.step(browser, proven, "reset_password", password=NEW)["status"], "complete")
        # From now on it is Clerk's: the old password is wrong, though the old system would take it.
        self.assertEqual(code(Browser(gateway).sign_in(who)[1]), "form_password_incorrect")
        self.assertEqual(Browser(gateway).sign_in(who, NEW)[0], 200)
        self.assertEqual(set(self.box.users()), {"old|1"})

    def test_a_code_by_email(self):
        gateway, who = self.start(), "member2@example.com"
        browser = Browser(gateway)
        asked = self.begin(browser, who)
        sent = self.step(browser, asked, "prepare_first_factor", **self.factor(asked, "email_code"))
        done = self.step(browser, sent, "attempt_first_factor", strategy="email_code", code=self.sent_to(who)[0])
        self.assertEqual(done["status"], "complete")
        # The password was not proven, but came along as its digest.
        self.assertEqual(Browser(gateway).sign_in(who)[0], 200)

    def test_a_code_asked_for_with_the_identifier(self):
        gateway, who = self.start(), "member3@example.com"
        status, body = Browser(gateway).form("/v1/client/sign_ins", identifier=who, strategy="email_code")
        self.assertEqual((status, body["response"]["status"]), (200, "needs_first_factor"), body)
        self.assertEqual(len(self.sent_to(who)), 1)
        self.assertEqual(set(self.box.users()), {"old|3"})

    def test_nobody_gets_a_code(self):
        gateway, who = self.start(), "nobody@example.com"
        status, body = Browser(gateway).form("/v1/client/sign_ins", identifier=who, strategy="email_code")
        self.assertEqual((status, code(body)), (422, "form_identifier_not_found"))
        self.assertEqual((self.sent_to(who), self.box.count()), ([], 0))

    def test_a_hook_that_shows_no_digest(self):
        """Who came by a code has no password at Clerk, and an address that only the code proved; the old password comes
        along when it is next used."""
        who = "ada@example.com"
        found = {"external_id": "1", "email_address": [{"value": who, "verified": False}]}

        def answer(request):
            right = request.json.get("password") in (None, PASSWORD)
            return 200, {"result": "yes", "user": found} if right else {"result": "no"}

        with Web(answer) as hook:
            gateway = self.start({"connector": "http", "url": hook.url})
            browser = Browser(gateway)
            asked = self.begin(browser, who)
            sent = self.step(browser, asked, "prepare_first_factor", **self.factor(asked, "email_code"))
            (user,) = self.box.users().values()
            self.assertEqual((user["password_enabled"], user["email_addresses"][0]["reserved"]), (False, True))
            done = self.step(browser, sent, "attempt_first_factor", strategy="email_code", code=self.sent_to(who)[0])
            self.assertEqual(done["status"], "complete")
            self.assertNotEqual(Browser(gateway).sign_in(who, "not it")[0], 200)
            self.assertEqual(Browser(gateway).sign_in(who)[0], 200)
        (user,) = self.box.users().values()
        self.assertEqual((user["password_enabled"], user["email_addresses"][0]["reserved"]), (True, False))

    def test_codes_left_to_clerk(self):
        gateway, who = self.start(policy={"codes": "pass"}), "member4@example.com"
        browser = Browser(gateway)
        strategies = [f["strategy"] for f in self.begin(browser, who)["supported_first_factors"]]
        self.assertEqual(strategies, ["password"])
        status, body = browser.form("/v1/client/sign_ins", identifier=who, strategy="email_code")
        self.assertEqual((status, code(body)), (422, "form_identifier_not_found"))
        self.assertEqual(self.box.count(), 0)
        self.assertEqual(browser.sign_in(who)[0], 200, "the password moves as ever")


class SignUps(Case):
    def refused(self, gateway, field, value, browser=None, path="/v1/client/sign_ups", **more):
        status, body = (browser or Browser(gateway)).form(path, **{field: value}, **more)
        self.assertEqual((status, code(body)), (422, "form_identifier_exists"), (field, value))
        self.assertEqual(body["errors"][0]["meta"]["param_name"], field)

    def test_identifiers_that_are_taken(self):
        gateway = self.start()
        self.refused(gateway, "email_address", "member5@example.com", password=NEW)
        self.refused(gateway, "email_address", "MEMBER5@Example.com")
        self.refused(gateway, "username", "member_5", password=NEW)
        self.assertEqual(self.box.count(), 0)

    def test_one_that_comes_later(self):
        gateway = self.start()
        browser = Browser(gateway)
        status, body = browser.form("/v1/client/sign_ups", email_address="new@example.com", password=NEW)
        self.assertEqual(status, 200, body)
        path = f"/v1/client/sign_ups/{body['response']['id']}"
        self.refused(gateway, "username", "member_6", browser, path, method="PATCH")
        status, body = browser.form(path, method="PATCH", username="somebody_new")
        self.assertEqual(status, 200, body)

    def test_who_was_moved_is_clerks_own(self):
        gateway, who = self.start(), "member7@example.com"
        self.assertEqual(Browser(gateway).sign_in(who)[0], 200)
        self.refused(gateway, "email_address", who, password=NEW)  # in Clerk's own words

    def test_sign_ups_left_to_clerk(self):
        gateway = self.start(policy={"sign_up": "pass"})
        status, body = Browser(gateway).form("/v1/client/sign_ups", email_address="member8@example.com", password=NEW)
        self.assertEqual(status, 200, body)

    def test_an_old_system_that_is_down(self):
        os.rename(self.old, self.old + ".gone")
        for unsure, status in (("refuse", 503), ("pass", 200)):
            with self.subTest(unsure), Gateway(self.folder, settings(
                    self.box, ledger=os.path.join(self.folder, "moved.ledger"), legacy=sql(self.old),
                    policy={"sign_up_unsure": unsure})) as gateway:
                got, body = Browser(gateway).form("/v1/client/sign_ups", email_address="member9@example.com", password=NEW)
                self.assertEqual(got, status, body)


class Old(Case):
    """Passwords that Clerk would not take from anybody new."""

    def test_weak_ones_still_get_in(self):
        def answer(request):
            who = request.json["identifier"]
            return 200, {"result": "yes", "user": {"external_id": who, "email_address": [who]}}

        with Web(answer) as hook:
            gateway = self.start({"connector": "http", "url": hook.url})
            for n, password in enumerate(("a", "abc", "password", " ", "ü" * 30, "x" * 72)):
                who = f"weak{n}@example.com"
                for _ in range(2):  # moved, and then by Clerk itself
                    status, body = Browser(gateway).sign_in(who, password)
                    self.assertEqual((status, (body.get("response") or {}).get("status")), (200, "complete"), (password, body))
            self.assertEqual(len(hook.seen), 6, "the second time is Clerk's alone")
            status, body = Browser(gateway).form("/v1/client/sign_ups", email_address="x@other.example", password="abc")
            self.assertNotEqual(status, 200, "new ones keep to the rules")

    def test_digests_that_clerk_calls_insecure(self):
        with sqlite3.connect(self.old) as base:
            base.execute("update members set digest = ?", (hashlib.md5(PASSWORD.encode()).hexdigest(),))
        legacy = sql(self.old)
        legacy["query"] = legacy["query"].replace("'bcrypt'", "'md5'")
        gateway = self.start(legacy)
        for _ in range(2):
            self.assertEqual(Browser(gateway).sign_in("member1@example.com")[0], 200)
        self.assertEqual(code(Browser(gateway).sign_in("member1@example.com", "not it")[1]), "form_password_incorrect")


if __name__ == "__main__":
    unittest.main()
