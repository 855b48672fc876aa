#!/usr/bin/env python3
"""What a gateway tells: figures for Prometheus, and a log that gives nothing away."""
import base64
import hashlib
import hmac
import json
import os
import re
import signal
import time
import unittest
import urllib.error
import urllib.request

from gateway import Browser, Gateway, code, old_database, settings, sql, until
from lab import KEY, PASSWORD, Sandbox, folder

SECRET = "0123456789abcdef0123456789abcdef"
WHSEC = "whsec_" + base64.b64encode(b"k" * 24).decode()
TICKETS = "usher-key-" + "x" * 32


def parse_metrics(text):
    """Prometheus' text format, version 0.0.4, strictly. Returns {(name, labels as a frozenset): value}."""
    name, label = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
    found, types, helped, last = {}, {}, set(), None
    if not text.endswith("\n"):
        raise AssertionError("the last line does not end")
    for line in text.splitlines():
        if match := re.fullmatch(rf"# HELP ({name}) (.*)", line):
            assert match[1] not in helped and match[1] not in types, line
            helped.add(match[1])
        elif match := re.fullmatch(rf"# TYPE ({name}) (counter|gauge|histogram|summary|untyped)", line):
            assert match[1] not in types, line
            types[match[1]] = match[2]
            last = match[1]
        else:
            match = re.fullmatch(rf"({name})(?:\{{({label}(?:,{label})*)\}})? (-?[0-9.e+-]+|NaN|[+-]Inf)", line)
            assert match, line
            assert match[1] == last, f"{line}: not with its kind"
            assert types[last] != "counter" or last.endswith("_total"), line
            key = match[1], frozenset((n, v) for n, v in re.findall(label, match[2] or ""))
            assert key not in found, line
            found[key] = float(match[match.lastindex])
    assert set(types) == helped, "some are not explained"
    return found


class Told(unittest.TestCase):
    """Everything that a gateway does, with passwords, tokens, keys and sessions in all of it; then what it said of it."""

    def setUp(self):
        self.folder = self.enterContext(folder())
        self.box = self.enterContext(Sandbox("--production", "--limits", "off"))
        old = old_database(os.path.join(self.folder, "old.db"))
        bridge = {"session": "jwt", "algorithms": "HS256", "secret": "${env:OLD_SECRET}", "cookie": "old_session",
                  "origins": "https://app.example.test"}
        self.gateway = self.enterContext(Gateway(self.folder, settings(
            self.box, admin="127.0.0.1:0", users=200, ledger=os.path.join(self.folder, "moved.ledger"), legacy=sql(old),
            bridge=bridge, webhook={"secret": "${env:WHSEC}"}, sign_in_key="${env:TICKET_KEY}",
            throttle={"identifier": 4, "address": 1000, "seconds": 60}), OLD_SECRET=SECRET, WHSEC=WHSEC, TICKET_KEY=TICKETS))
        self.secrets = {KEY, SECRET, WHSEC, TICKETS, PASSWORD}

    def call(self, path, body, **headers):
        request = urllib.request.Request(f"http://{self.gateway.listen}{path}", body, {
            name.replace("_", "-"): value for name, value in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def admin(self, path):
        with urllib.request.urlopen(f"http://{self.gateway.ready['admin']}{path}", timeout=30) as answer:
            return answer.headers, answer.read().decode()

    def session(self, number):
        now = int(time.time())
        claims = {"sub": f"old|{number}", "email": f"member{number}@example.com", "iat": now - 60, "exp": now + 3600}
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256"}, claims)]
        parts.append(base64.urlsafe_b64encode(hmac.new(SECRET.encode(), b".".join(parts), "sha256").digest()).rstrip(b"="))
        return b".".join(parts).decode()

    @staticmethod
    def tokens(browser):
        return {value for value in browser.cookies.values() if len(value) > 20}  # others are times

    def sign_ins(self):
        for n, password in ((0, PASSWORD), (0, PASSWORD), (1, "Guess-One-1"), (1, PASSWORD), (99, "Guess-Two-2")):
            browser = Browser(self.gateway)
            browser.sign_in(f"member{n}@example.com", password)
            self.secrets |= {password, *self.tokens(browser)}
        for n in range(5):
            self.secrets.add(f"Guess-Again-{n}")
            Browser(self.gateway).sign_in("member2@example.com", f"Guess-Again-{n}")
        self.assertEqual(code(Browser(self.gateway).sign_in("member2@example.com")[1]), "too_many_requests")
        browser = Browser(self.gateway)
        asked = browser.form("/v1/client/sign_ins", identifier="member3@example.com")[1]["response"]
        browser.form(f"/v1/client/sign_ins/{asked['id']}/attempt_first_factor", strategy="password", password=PASSWORD)
        self.secrets |= {asked["id"][-40:], *self.tokens(browser)}
        browser.form("/v1/client/sign_ups", email_address="member4@example.com", password="New-Secret-77")
        browser.call("GET", "/v1/client?__clerk_db_jwt=dvb_Query-Secret-1&rotating_token_nonce=Query-Secret-2")
        self.secrets |= {"New-Secret-77", "Query-Secret-1", "Query-Secret-2"}

    def others(self):
        who = {"identifier": "member5@example.com", "password": PASSWORD}
        for key, body in ((TICKETS, who), (TICKETS, {**who, "password": "Guess-Three-3"}), ("Wrong-Key-4", who)):
            _, data = self.call("/usher/v1/sign_in", json.dumps(body).encode(), Authorization="Bearer " + key)
            self.secrets |= {key, body["password"], json.loads(data).get("ticket") or key}
        for token in (self.session(6), self.session(6), self.session(77), "Not-A-Session-5"):
            _, data = self.call("/usher/v1/bridge", b"", Origin="https://app.example.test", Authorization="Bearer " + token)
            self.secrets |= {token, token[-43:], json.loads(data).get("ticket") or token}
        body = json.dumps({"type": "user.created", "data": {"id": "user_x", "email_addresses": [], "secret": "Body-Secret-6"}}).encode()
        for key in (b"k" * 24, b"x" * 24):
            at = str(int(time.time()))
            mac = base64.b64encode(hmac.new(key, f"msg_1.{at}.".encode() + body, hashlib.sha256).digest()).decode()
            self.call("/usher/v1/webhook", body, svix_id="msg_1", svix_timestamp=at, svix_signature="v1," + mac)
            self.secrets |= {mac, "Body-Secret-6"}

    def test_nothing_secret(self):
        self.sign_ins()
        self.others()
        self.gateway.write({"listen": "127.0.0.1:0", "clerk": {"secret_key": "sk_live_Written-Secret-7"}})
        self.gateway.process.send_signal(signal.SIGHUP)
        until(lambda: self.gateway.events("not_reloaded"))
        self.secrets.add("Written-Secret-7")
        log = self.gateway.log()
        events = [json.loads(line) for line in log.splitlines()]
        self.assertLessEqual({"sign_in", "moved", "bridge", "not_reloaded"}, {event["event"] for event in events})
        for event in events:
            self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        told = log + self.admin("/state.json")[1] + self.admin("/metrics")[1] + json.dumps(self.gateway.ready)
        self.assertGreater(len(self.secrets), 25)
        for secret in self.secrets:
            self.assertTrue(len(secret) > 2)
            self.assertNotIn(secret, told)
        self.assertNotRegex(told, r"member\d+@|member_\d", "people are told by their ids alone")

    def test_metrics(self):
        self.sign_ins()
        headers, text = self.admin("/metrics")
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4")
        found = parse_metrics(text)

        def value(name, **labels):
            return found["usher_" + name, frozenset(labels.items())]

        self.assertEqual((value("moved_total"), value("throttled_total"), value("later_total")), (3, 2, 0))
        self.assertEqual(value("legacy_answers_total", connector="sql", says="unknown"), 1)
        self.assertEqual(value("legacy_answers_total", connector="sql", says="no"), 5)
        self.assertEqual((value("legacy_up"), value("legacy_waiting")), (1, 0))
        self.assertEqual(value("wrong_password_total"), 5)


if __name__ == "__main__":
    unittest.main()
