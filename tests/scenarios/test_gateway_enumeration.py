#!/usr/bin/env python3
"""Enumeration protection, end to end: whoever does not know the password learns nothing about the identifier.

Three people: one whom Clerk knows, one whom only the old system knows, and one whom nobody knows. What the browser
sees must be the same byte for byte, but for ids, times and what was typed; and the gateway must have gone the same
road: as many requests to Clerk and questions to the old system. Times themselves are not measured, since a
machine that is busy would decide the test; refusals leave at ticks of a clock (src/trickle/step_answer.c), and the
digests that the old system works through are counted by the CPU time they take.
"""
import http.client
import json
import os
import re
import sqlite3
import unittest
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from gateway import Browser, Gateway, old_database, settings, sql
from lab import BCRYPT, PASSWORD, Sandbox, folder
from web import Web

KNOWN, OLD, NOBODY = "member0@example.com", "member1@example.com", "person9@example.com"
PEOPLE = (KNOWN, OLD, NOBODY)
PHONES = dict(zip(PEOPLE, ("+442079460000", "+442079460001", "+442079460009")))
TICKETS = "usher-key-" + "x" * 32
# What may differ: ids, times, cookies and tokens.
VARIABLE = re.compile(rb'"[a-z]+_[0-9A-Za-z]{20,}"|\b1[0-9]{12}\b|"[0-9a-f]{32}"')


def plain(data, identifier):
    return VARIABLE.sub(b"ID", data.replace(identifier.encode(), b"SOMEBODY"))


class Road:
    """Counts what goes to the old system: a hook with these people, KNOWN with a password that was changed since."""

    def __init__(self):
        self.asked = []
        self.verified = True  # OLD's telephone number

    def answer(self, request):
        body = request.json
        self.asked.append((body["event"], body["identifier"]))
        known = [email for email in (KNOWN, OLD) if body["identifier"] in (email, PHONES[email])]
        if not known:
            return 200, {"result": "unknown"}
        if body["event"] == "check" and body["password"] != PASSWORD:
            return 200, {"result": "no"}
        user = {"external_id": "old|" + known[0][6], "email_address": [{"value": known[0], "verified": True}],
                "phone_number": [{"value": PHONES[known[0]], "verified": self.verified}]}
        return 200, {"result": "yes", "user": user}


class Case(unittest.TestCase):
    """A sandbox with the protection on, which knows KNOWN, behind a gateway."""

    def setUp(self):
        self.folder = self.enterContext(folder())
        self.box = self.enterContext(Sandbox("--production", "--limits", "off"))
        self.protect(True)
        status, self.known = self.box.call("POST", "/v1/users", {
            "external_id": "old|0", "email_address": [KNOWN], "phone_number": [PHONES[KNOWN]], "password": "Now-At-Clerk-11"})
        self.assertEqual(status, 200, self.known)
        self.road = Road()
        self.hook = self.enterContext(Web(self.road.answer))

    def protect(self, on):
        status, answer = self.box.call("PATCH", "/v1/sandbox/settings", {"enumeration_protection": on})
        self.assertEqual(status, 200, answer)

    def codes_of(self, to):
        """The codes that were sent to an address, the newest first."""
        _, sent = self.box.call("GET", "/v1/sandbox/outbox?to=" + urllib.parse.quote(to))
        return [message["code"] for message in sent]

    def start(self, legacy=None, name="usher", **sections):
        legacy = legacy or {"connector": "http", "url": self.hook.url, "budget_ms": 30000}
        config = settings(self.box, ledger=os.path.join(self.folder, "moved.ledger"), legacy=legacy, **sections)
        return self.enterContext(Gateway(self.folder, config, name, TICKET_KEY=TICKETS))

    def requests(self):
        """How many requests Clerk has had, by route."""
        routes = self.box.call("GET", "/v1/sandbox/routes")[1]
        return {route: calls for route, calls in routes.items() if "/sandbox/" not in route}

    def watched(self, act):
        """What an act gives, and its road: requests by route, and the old system's questions by kind."""
        before, asked = self.requests(), len(self.road.asked)
        seen = act()
        road = {route: calls - before.get(route, 0) for route, calls in self.requests().items() if calls != before.get(route, 0)}
        return seen, road, [event for event, _ in self.road.asked[asked:]]

    def alike(self, act):
        """Each of the people does the same; everything must be alike. Returns what the first one saw."""
        first = self.watched(lambda: act(PEOPLE[0]))
        for person in PEOPLE[1:]:
            self.assertEqual(self.watched(lambda person=person: act(person)), first, person)
        return first


def look(browser, path, person, **fields):
    """A form as a browser sends it: status, names of headers, and the plain body."""
    status, headers, data = browser.post(path, **fields)
    names = sorted(name.lower() for name in headers.keys())
    cookies = sorted(line.split("=")[0] for line in headers.get_all("Set-Cookie") or ())
    return status, names, cookies, plain(data, person)


class Protected(Case):
    def test_combined(self):
        gateway = self.start()
        (status, _, _, body), _, asked = self.alike(lambda person: look(
            Browser(gateway), "/v1/client/sign_ins", person, identifier=person, password="not it", strategy="password"))
        self.assertEqual(status, 422)
        self.assertIn(b'"form_password_or_identifier_incorrect"', body)
        self.assertEqual(asked, ["check"])
        self.assertEqual(self.box.count(), 1, "nobody is made for a guess")

    def test_identifier_first(self):
        gateway = self.start()

        def act(person):
            browser = Browser(gateway)
            first = look(browser, "/v1/client/sign_ins", person, identifier=person)
            client = json.loads(browser.call("GET", "/v1/client?" + browser.query)[2])["response"]
            path = f"/v1/client/sign_ins/{client['sign_in']['id']}/attempt_first_factor"
            return first, look(browser, path, person, strategy="password", password="not it")

        (first, second), _, asked = self.alike(act)
        self.assertEqual((first[0], second[0]), (200, 422))
        self.assertIn(b"form_password_or_identifier_incorrect", second[3])
        self.assertEqual(asked, ["check"], "the identifier alone asks nobody")

    def test_the_old_password_of_one_who_changed_it(self):
        """What the old system thinks of Clerk's user opens nothing, and shows nothing."""
        gateway = self.start()
        wrong = self.watched(lambda: look(Browser(gateway), "/v1/client/sign_ins", KNOWN, identifier=KNOWN, password="not it"))
        old = self.watched(lambda: look(Browser(gateway), "/v1/client/sign_ins", KNOWN, identifier=KNOWN, password=PASSWORD))
        self.assertEqual(old, wrong)
        self.assertEqual(self.box.users()["old|0"]["password_last_updated_at"], self.known["password_last_updated_at"])

    def test_throttles_and_outages_are_alike(self):
        gateway = self.start(throttle={"identifier": 3, "address": 1000, "seconds": 3600})

        def guesses(person):
            return [look(Browser(gateway), "/v1/client/sign_ins", person, identifier=person, password="not it") for _ in range(5)]

        seen, _, _ = self.alike(lambda person: [guess[:1] + guess[2:] for guess in guesses(person)])
        self.assertEqual([guess[0] for guess in seen], [422, 422, 422, 429, 429])
        down = self.start({"connector": "http", "url": "http://127.0.0.1:9"}, "down")
        (status, *_), _, _ = self.alike(lambda person: look(
            Browser(down), "/v1/client/sign_ins", person, identifier=person, password="not it"))
        self.assertEqual(status, 503)

    def test_an_application_of_its_own(self):
        """POST /usher/v1/sign_in tells no more, protection or not."""
        gateway = self.start(sign_in_key="${env:TICKET_KEY}")

        def ask(person, password="not it"):
            connection = http.client.HTTPConnection(gateway.listen, timeout=30)
            connection.request("POST", "/usher/v1/sign_in", json.dumps({"identifier": person, "password": password}),
                               {"Authorization": "Bearer " + TICKETS, "Content-Type": "application/json"})
            answer = connection.getresponse()
            seen = answer.status, sorted(answer.headers.keys()), plain(answer.read(), person)
            connection.close()
            return seen

        for on in (True, False):
            self.protect(on)
            seen, asked = {}, {}
            for person in PEOPLE:
                seen[person], _, asked[person] = self.watched(lambda person=person: ask(person))
            self.assertEqual(seen[OLD], seen[KNOWN])
            self.assertEqual(seen[NOBODY], seen[KNOWN])
            self.assertEqual(list(asked.values()), [["check"]] * 3)
        # A right password is no guess: it is never throttled away.
        statuses = {ask(KNOWN, "Now-At-Clerk-11")[0] for _ in range(15)}
        self.assertLessEqual({200}, statuses)
        self.assertNotIn(429, statuses)

    def test_right_passwords_open(self):
        gateway = self.start()
        for person, password in ((KNOWN, "Now-At-Clerk-11"), (OLD, PASSWORD)):
            browser = Browser(gateway)
            status, body = browser.form("/v1/client/sign_ins", identifier=person)
            path = f"/v1/client/sign_ins/{body['response']['id']}/attempt_first_factor"
            status, body = browser.form(path, strategy="password", password=password)
            self.assertEqual((status, body.get("response", {}).get("status")), (200, "complete"), body)
        self.assertEqual(set(self.box.users()), {"old|0", "old|1"})
        self.assertEqual([identifier for _, identifier in self.road.asked], [OLD], "Clerk's own is Clerk's alone")


class Codes(Case):
    """A code instead of the password: sent to whoever is Clerk's or the old system's, and told to everybody."""

    FACTOR, BY = "email_code", "email_address_id"

    @staticmethod
    def typed(person):
        return person

    def codes(self, person):
        return self.codes_of(self.typed(person))

    def prepare(self, gateway, person, strategy=None):
        """What a browser sees up to a wrong code; the sign-in that the code is for; the browser."""
        strategy, person = strategy or self.FACTOR, self.typed(person)
        browser = Browser(gateway)
        seen = [look(browser, "/v1/client/sign_ins", person, identifier=person)]
        first = self.current(browser)
        address = self.address(first, strategy)
        seen.append(look(browser, f"/v1/client/sign_ins/{first['id']}/prepare_first_factor", person,
                         strategy=strategy, **address))
        seen.append(plain(browser.call("GET", "/v1/client?" + browser.query)[2], person))
        sign_in = self.current(browser)
        seen.append(look(browser, f"/v1/client/sign_ins/{sign_in['id']}/attempt_first_factor", person,
                         strategy=strategy, code="not it"))
        return seen, sign_in, browser

    def address(self, sign_in, strategy):
        """By what a code is sent, as "prepare" wants to hear it."""
        (found,) = {f[self.BY] for f in sign_in["supported_first_factors"] if f["strategy"] == strategy}
        return {self.BY: found}

    @staticmethod
    def current(browser):
        return json.loads(browser.call("GET", "/v1/client?" + browser.query)[2])["response"]["sign_in"]

    def everybody(self, act, made=()):
        """All do the same and see the same, on the same road; only for these somebody is created on it."""
        seen, results = None, {}
        for person in PEOPLE:
            (look, *results[person]), road, asked = self.watched(lambda person=person: act(person))
            self.assertEqual(road.pop("POST /v1/users", 0), person in made, person)
            road.pop("GET /v1/environment", 0)  # that of whoever comes first, and then for a while of nobody
            seen = seen or (look, road, asked)
            self.assertEqual((look, road, asked), seen, person)
        return seen, results

    def test_alike_and_really_sent(self):
        gateway = self.start()
        for strategy, made in ((self.FACTOR, (OLD,)), ("reset_password_" + self.FACTOR, ())):
            with self.subTest(strategy):
                before = {person: len(self.codes(person)) for person in PEOPLE}
                (seen, _, asked), results = self.everybody(
                    lambda person, strategy=strategy: self.prepare(gateway, person, strategy), made)
                self.assertEqual([seen[0][0], seen[1][0], seen[3][0]], [200, 200, 422])
                self.assertIn(b'"form_code_incorrect"', seen[3][3])
                self.assertEqual(asked, ["find"])
                self.assertEqual([len(self.codes(person)) - before[person] for person in PEOPLE], [1, 1, 0])
                for person in (KNOWN, OLD):
                    self.finish(*results[person], person, strategy)
        self.assertEqual(set(self.box.users()), {"old|0", "old|1"})
        self.assertEqual(Browser(gateway).sign_in(OLD, "Remembered-Horse-2")[0], 200)

    def finish(self, sign_in, browser, person, strategy):
        path = f"/v1/client/sign_ins/{sign_in['id']}"
        status, body = browser.form(path + "/attempt_first_factor", strategy=strategy, code=self.codes(person)[0])
        self.assertEqual(status, 200, body)
        if body["response"]["status"] == "needs_new_password":
            status, body = browser.form(path + "/reset_password", password="Remembered-Horse-2")
        self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)

    def test_with_the_identifier_in_one(self):
        gateway = self.start()

        def act(person):
            typed = self.typed(person)
            return look(Browser(gateway), "/v1/client/sign_ins", typed, identifier=typed, strategy=self.FACTOR),

        ((status, *_), _, asked), _ = self.everybody(act, made=(OLD,))
        self.assertEqual((status, asked), (200, ["find"]))
        self.assertEqual([len(self.codes(person)) for person in PEOPLE], [1, 1, 0])

    def test_a_code_that_is_sent_again(self):
        gateway = self.start()

        def act(person):
            seen, sign_in, browser = self.prepare(gateway, person)
            return seen, look(browser, f"/v1/client/sign_ins/{sign_in['id']}/prepare_first_factor", self.typed(person),
                              strategy=self.FACTOR, **self.address(sign_in, self.FACTOR))

        self.everybody(lambda person: (act(person),), made=(OLD,))
        self.assertEqual([len(self.codes(person)) for person in PEOPLE], [2, 2, 0])

    def test_two_tabs_make_one_user(self):
        gateway = self.start()
        with ThreadPoolExecutor(4) as pool:
            for tab in [pool.submit(self.prepare, gateway, OLD) for _ in range(4)]:
                self.assertEqual(tab.result()[0][1][0], 200)
        self.assertEqual((set(self.box.users()), len(self.codes(OLD))), ({"old|0", "old|1"}, 4))

    def test_outages_and_throttles_are_nobodys(self):
        """Who is Clerk's needs neither the old system nor its limits to be sent a code."""
        gateway = self.start({"connector": "http", "url": "http://127.0.0.1:9"}, throttle={"address": 2})
        for _ in range(2):
            (seen, _, _), _ = self.everybody(lambda person: self.prepare(gateway, person))
            self.assertEqual(seen[1][0], 200)
        self.assertEqual([len(self.codes(person)) for person in PEOPLE], [2, 0, 0])
        self.assertEqual({event["end"] for event in gateway.events("sign_in")}, {"decided", "throttled"})

    def test_codes_left_to_clerk(self):
        gateway = self.start(policy={"codes": "pass"})
        (_, road, asked), _ = self.everybody(lambda person: self.prepare(gateway, person))
        self.assertEqual((asked, road["POST /v1/client/sign_ins"]), ([], 1))
        self.assertEqual([len(self.codes(person)) for person in PEOPLE], [1, 0, 0])

    def test_without_the_protection_clerks_own_is_clerks_alone(self):
        self.protect(False)
        gateway = self.start()
        _, road, asked = self.watched(lambda: self.prepare(gateway, KNOWN))
        self.assertEqual((asked, road["POST /v1/client/sign_ins"], road["GET /v1/environment"]), ([], 1, 1))
        self.assertEqual(len(self.codes(KNOWN)), 1)
        self.assertEqual(set(self.box.users()), {"old|0"})


class PhoneCodes(Codes):
    """The same by telephone."""

    FACTOR, BY = "phone_code", "phone_number_id"

    @staticmethod
    def typed(person):
        return PHONES[person]


class Unprotected(Case):
    """Without the protection Clerk tells whom it knows; of the others nothing is told."""

    def setUp(self):
        super().setUp()
        self.protect(False)

    def offered(self, browser, identifier):
        """A sign-in, and the strategies that it offers beside the id of each one's address."""
        status, body = browser.form("/v1/client/sign_ins", identifier=identifier)
        self.assertEqual(status, 200, body)
        return body["response"]["id"], {factor["strategy"]: factor.get("phone_number_id") or factor.get("email_address_id")
                                        for factor in body["response"]["supported_first_factors"]}

    def test_a_verified_telephone_is_offered_a_code(self):
        browser = Browser(self.start())
        known = set(self.offered(Browser(self.start(name="other")), PHONES[KNOWN])[1])
        made, factors = self.offered(browser, PHONES[OLD])
        self.assertTrue(made.startswith("sia_gw"))
        self.assertLess(set(factors), known, "what Clerk offers its own, who have an email address as well")
        self.assertEqual(set(factors), {"password", "phone_code", "reset_password_phone_code"})
        read = json.loads(browser.call("GET", f"/v1/client/sign_ins/{made}")[2])
        self.assertEqual({f["strategy"] for f in read["response"]["supported_first_factors"]}, set(factors))
        status, body = browser.form(f"/v1/client/sign_ins/{made}/prepare_first_factor", strategy="phone_code",
                                    phone_number_id=factors["phone_code"])
        self.assertEqual((status, body["response"]["first_factor_verification"]["strategy"]), (200, "phone_code"), body)
        code = self.codes_of(PHONES[OLD])[0]
        status, body = browser.form(f"/v1/client/sign_ins/{body['response']['id']}/attempt_first_factor",
                                    strategy="phone_code", code=code)
        self.assertEqual((status, body["response"]["status"]), (200, "complete"), body)
        self.assertEqual(set(self.box.users()), {"old|0", "old|1"})

    def test_one_that_is_not_verified_is_not(self):
        self.road.verified = False
        self.assertEqual(set(self.offered(Browser(self.start()), PHONES[OLD])[1]), {"password"})
        self.assertEqual(set(self.offered(Browser(self.start(name="other", policy={"codes": "pass"})), OLD)[1]), {"password"})

    def test_old_and_unknown(self):
        gateway = self.start()
        seen = [self.watched(lambda person=person: look(
            Browser(gateway), "/v1/client/sign_ins", person, identifier=person, password="not it")) for person in (OLD, NOBODY)]
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(seen[0][0][0], 422)
        self.assertIn(b"form_identifier_not_found", seen[0][0][3])


class Work(unittest.TestCase):
    """A wrong password and an unknown user cost the same work: at a cost of 2^11 a digest is what takes the time."""

    ROUNDS = 4

    def test_digests(self):
        with folder() as at, Sandbox("--production", "--limits", "off") as box:
            path = old_database(os.path.join(at, "old.db"))
            with sqlite3.connect(path) as base:  # as hard as real ones; nobody will match it
                base.execute("update members set digest = ?", (BCRYPT.replace("$2b$04$", "$2b$11$"),))
            legacy = sql(path, budget_ms=60000)
            config = settings(box, ledger=os.path.join(at, "ledger"), legacy=legacy, throttle={
                "identifier": 1000, "address": 1000, "seconds": 60})
            with Gateway(at, config) as gateway:
                def cpu(person):
                    before = self.used(gateway)
                    for _ in range(self.ROUNDS):
                        self.assertEqual(Browser(gateway).form("/v1/client/sign_ins", identifier=person, password="no")[0], 422)
                    return self.used(gateway) - before

                cpu(OLD)
                wrong, unknown = cpu(OLD), cpu(NOBODY)
                self.assertGreater(wrong, 0.1, "no digest was worked through")
                self.assertLess(max(wrong, unknown) / min(wrong, unknown), 1.5, (wrong, unknown))

    @staticmethod
    def used(gateway):
        """CPU seconds of the gateway so far."""
        with open(f"/proc/{gateway.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    unittest.main()
