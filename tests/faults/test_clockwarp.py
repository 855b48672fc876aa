"""Time as an actor: throttles fall due, a breaker half opens, leases run out, what was sealed or signed expires. The clocks of
all processes are moved on together, by hours if need be, and nobody sleeps.

    test_clockwarp.py CLOCKWARP.so     (see preload/clockwarp.c)
"""
import base64
import hashlib
import hmac
import json
import os
import signal
import struct
import sys
import threading
import time
import unittest
import unittest.mock
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from gateway import Browser, Gateway, code, old_database, settings, sql
from lab import PASSWORD, Sandbox, folder
from web import Web

PRELOAD = sys.argv.pop()
SECRET = "0123456789abcdef0123456789abcdef"
WHSEC = "whsec_" + base64.b64encode(b"k" * 24).decode()
APP = "https://app.example.test"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(folder())
        self.ahead = 0
        self.clock = os.path.join(self.folder, "clock")
        with open(self.clock, "wb") as file:
            file.write(struct.pack("=q", 0))
        self.enterContext(unittest.mock.patch.dict(os.environ, {"LD_PRELOAD": PRELOAD, "CLOCKWARP": self.clock}))
        self.box = self.enterContext(Sandbox("--production", "--limits", "off"))
        self.ledger = os.path.join(self.folder, "moved.ledger")

    def pass_by(self, seconds):
        self.ahead += seconds
        with open(self.clock, "r+b") as file:
            file.write(struct.pack("=q", self.ahead))

    def now(self):
        return int(time.time()) + self.ahead

    def start(self, legacy, name="usher", box=None, **sections):
        config = settings(box or self.box, ledger=self.ledger, legacy=legacy, admin="127.0.0.1:0", **sections)
        return self.enterContext(Gateway(self.folder, config, name, OLD_SECRET=SECRET, WHSEC=WHSEC))

    def old(self):
        path = os.path.join(self.folder, "old.db")
        return sql(path if os.path.exists(path) else old_database(path))

    def state(self, gateway):
        with urllib.request.urlopen(f"http://{gateway.ready['admin']}/state.json", timeout=30) as answer:
            return json.loads(answer.read())


class Waiting(Case):
    def test_a_throttle_falls_due(self):
        gateway = self.start(self.old(), throttle={"identifier": 3, "address": 1000, "seconds": 3600})
        who = "member1@example.com"
        for _ in range(3):
            self.assertEqual(Browser(gateway).sign_in(who, "guess")[0], 422)
        status, headers, _ = Browser(gateway).post("/v1/client/sign_ins", identifier=who, password=PASSWORD)
        self.assertEqual(status, 429)
        wait = int(headers["Retry-After"])
        self.assertTrue(3000 < wait <= 3600, wait)
        self.pass_by(wait - 600)
        self.assertEqual(Browser(gateway).sign_in(who)[0], 429)
        self.pass_by(601)
        self.assertEqual(Browser(gateway).sign_in(who)[0], 200)

    def test_the_breaker_opens_and_half_opens(self):
        well = []

        def answer(request):
            if not well:
                return 500, "oops"
            who = request.json["identifier"]
            return 200, {"result": "yes", "user": {"external_id": who, "email_address": [who]}}

        with Web(answer) as hook:
            gateway = self.start({"connector": "http", "url": hook.url})

            def ask(n):
                status, body = Browser(gateway).sign_in(f"user{n}@example.com", "pw")
                return status if status == 200 else code(body)

            for n in range(5):
                self.assertEqual(ask(n), "service_unavailable")
            self.assertEqual((len(hook.seen), self.state(gateway)["legacy"]["health"]), (5, "down"))
            # Each rest ends with one question that tries, and fails; the rests grow to 30 seconds.
            for n in range(6):
                self.pass_by(31)
                self.assertEqual(ask(n), "service_unavailable")
                self.assertEqual(len(hook.seen), 6 + n)
            asked = len(hook.seen)
            for n in range(3):
                self.assertEqual(ask(n), "service_unavailable")
            self.assertEqual(len(hook.seen), asked, "it rests")
            well.append(True)
            self.pass_by(31)
            for n in range(3):
                self.assertEqual(ask(n), 200)
            self.assertEqual(self.state(gateway)["legacy"]["health"], "well")
        self.assertEqual(self.box.count(), 3)

    def held_by_the_first(self, number, check):
        """The first gateway has a user claimed, and its request to make that user is on its way; check(first, second)."""
        on_its_way, arrives = threading.Event(), threading.Event()

        def forward(request):
            if request.method == "POST":
                on_its_way.set()
                arrives.wait(120)
            return self.box.call(request.method, request.path, request.json if request.body else None)

        with Web(forward) as slow, ThreadPoolExecutor(1) as pool:
            first = self.start(self.old(), f"first{number}", clerk={"api_url": slow.url})
            second = self.start(self.old(), f"second{number}")
            tab = pool.submit(self.try_sign_in, first, number)
            self.assertTrue(on_its_way.wait(60))
            check(first, second)
            arrives.set()
            tab.result()
        self.assertEqual(Browser(second).sign_in(f"member{number}@example.com")[0], 200)
        self.assertEqual(set(self.box.users()), {f"old|{number}"}, "the request that came late made another")

    @staticmethod
    def try_sign_in(gateway, number):
        try:
            return Browser(gateway).sign_in(f"member{number}@example.com")
        except OSError:
            return None

    def test_a_lease_runs_out(self):
        """A gateway hangs with a user claimed: another keeps off until the lease is over, and then moves that user."""
        def check(first, second):
            first.process.send_signal(signal.SIGSTOP)
            self.assertEqual(code(Browser(second).sign_in("member1@example.com")[1]), "service_unavailable")
            self.assertEqual(self.box.count(), 0)
            self.pass_by(61)
            self.assertEqual(Browser(second).sign_in("member1@example.com")[0], 200)
            first.process.send_signal(signal.SIGCONT)

        self.held_by_the_first(1, check)

    def test_a_gateway_that_died(self):
        """Of this machine's processes it is known who is dead: nobody waits for their leases."""
        def check(first, second):
            first.stop(signal.SIGKILL)
            self.assertEqual(Browser(second).sign_in("member2@example.com")[0], 200)

        self.held_by_the_first(2, check)


class Expiring(Case):
    def test_a_sign_in_of_the_gateways_own(self):
        gateway = self.start(self.old())
        for after, status in ((14 * 60, 200), (16 * 60, 404)):
            browser = Browser(gateway)
            who = f"member{after // 60}@example.com"
            asked = browser.form("/v1/client/sign_ins", identifier=who)[1]["response"]
            self.pass_by(after)
            got, body = browser.form(f"/v1/client/sign_ins/{asked['id']}/attempt_first_factor", strategy="password",
                                     password=PASSWORD)
            self.assertEqual(got, status, body)
        self.assertEqual(set(self.box.users()), {"old|14"})

    def test_a_webhook(self):
        gateway = self.start(self.old(), webhook={"secret": "${env:WHSEC}"})
        body, at = b'{"type":"session.created","data":{"id":"sess_1"}}', str(self.now())
        mac = hmac.new(b"k" * 24, f"msg_1.{at}.".encode() + body, hashlib.sha256).digest()
        headers = {"svix-id": "msg_1", "svix-timestamp": at, "svix-signature": "v1," + base64.b64encode(mac).decode()}

        def post():
            request = urllib.request.Request(f"http://{gateway.listen}/usher/v1/webhook", body, headers)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code

        self.assertEqual([post(), post()], [200, 200])
        self.pass_by(240)
        self.assertEqual(post(), 200)
        self.pass_by(120)
        self.assertEqual(post(), 401, "a message that was overheard is of no use later")

    def test_the_hours_of_the_live_page(self):
        gateway = self.start(self.old())
        for n in range(3):
            self.assertEqual(Browser(gateway).sign_in(f"member{n}@example.com")[0], 200)
            if n != 1:
                self.pass_by(3600)
        self.assertEqual(self.state(gateway)["hours"][-4:], [0, 1, 2, 0])
        other = self.start(self.old(), "other")
        self.assertEqual(self.state(other)["hours"][-4:], [0, 1, 2, 0], "another gateway's page shows the same")
        self.pass_by(47 * 3600)
        self.assertEqual(sum(self.state(gateway)["hours"]), 0)


class Bridge(Case):
    def begin(self, **more):
        bridge = {"session": "jwt", "cookie": "old_session", "origins": APP,
                  **(more or {"algorithms": "HS256", "secret": "${env:OLD_SECRET}"})}
        return self.start(self.old(), bridge=bridge)

    def session(self, number, life=86400):
        claims = {"sub": f"old|{number}", "email": f"member{number}@example.com", "iat": self.now() - 1,
                  "exp": self.now() + life, "jti": os.urandom(8).hex()}
        text = encode(b'{"alg":"HS256"}') + "." + encode(json.dumps(claims).encode())
        return text + "." + encode(hmac.new(SECRET.encode(), text.encode(), "sha256").digest())

    def fetch(self, gateway, token):
        request = urllib.request.Request(f"http://{gateway.listen}/usher/v1/bridge", b"", {
            "Origin": APP, "Authorization": "Bearer " + token})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())["ticket"]
        except urllib.error.HTTPError as error:
            return json.loads(error.read())["error"]

    def test_a_session_and_its_ticket_expire(self):
        gateway = self.begin()
        old = self.session(1, life=600)
        ticket = self.fetch(gateway, self.session(1))
        self.pass_by(61)
        status, body = Browser(gateway).form("/v1/client/sign_ins", strategy="ticket", ticket=ticket)
        self.assertNotEqual(status, 200, body)
        self.pass_by(600)
        self.assertEqual(self.fetch(gateway, old), "refused")

    def test_older_than_the_password_at_clerk(self):
        gateway = self.begin()
        self.assertGreater(len(self.fetch(gateway, self.session(2))), 20)
        before = self.session(2)
        self.pass_by(120)
        (user,) = self.box.users().values()
        status, answer = self.box.call("PATCH", "/v1/users/" + user["id"], {"password": "Another-Horse-10"})
        self.assertEqual(status, 200, answer)
        self.pass_by(5)
        self.assertEqual(self.fetch(gateway, before), "refused")
        self.assertGreater(len(self.fetch(gateway, self.session(2))), 20, "one that began since is as good as ever")

    def test_used_is_used_for_as_long_as_it_lives(self):
        gateway = self.begin()
        token = self.session(3, life=30 * 86400)
        self.assertGreater(len(self.fetch(gateway, token)), 20)
        for _ in range(2):
            self.pass_by(14 * 86400)
            self.assertEqual(self.fetch(gateway, token), "used")
        self.pass_by(3 * 86400)
        self.assertEqual(self.fetch(gateway, token), "refused")


if __name__ == "__main__":
    unittest.main()
