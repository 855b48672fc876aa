#!/usr/bin/env python3
"""The gateway before an upstream that speaks TLS: whom it trusts, and connections that the upstream closes unasked."""
import os
import subprocess
import unittest

from gateway import Browser, Gateway, until
from lab import folder
from web import Web

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    """A certificate authority made for one test."""

    def __init__(self, at, name="authority"):
        self.at, self.file, self.key = at, os.path.join(at, name + ".pem"), os.path.join(at, name + ".key")
        openssl("req", "-x509", *EC, "-days", "2", "-subj", "/CN=" + name, "-out", self.file, "-keyout", self.key)

    def sign(self, name, host="IP:127.0.0.1", days=2):
        """The files of a certificate for a host and of its key."""
        request, key, cert, extension = (os.path.join(self.at, name + end) for end in (".csr", ".key", ".pem", ".ext"))
        with open(extension, "w", encoding="utf-8") as file:
            file.write("subjectAltName=" + host)
        openssl("req", "-new", *EC, "-subj", "/CN=" + name, "-out", request, "-keyout", key)
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial", "-days", str(days),
                "-extfile", extension, "-out", cert)
        return cert, key


class Upstream(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(folder())
        self.authority = Authority(self.folder)

    def start(self, tls, hangs_up=False, ca_file=None):
        self.web = self.enterContext(Web(lambda request: (200, {"got": request.body.decode()}), tls, hangs_up))
        proxy = {"url": "https://app.example.test/__clerk", "upstream": self.web.url}
        if ca_file:
            proxy["ca_file"] = ca_file
        return self.enterContext(Gateway(self.folder, {
            "listen": "127.0.0.1:0", "clerk": {"secret_key": "${env:CLERK_SECRET_KEY}"}, "proxy": proxy}))

    def test_one_that_is_trusted(self):
        browser = Browser(self.start(self.authority.sign("good"), ca_file=self.authority.file))
        for n in range(3):
            self.assertEqual(browser.form("/v1/client/x", n=n), (200, {"got": f"n={n}"}))

    def refused(self, tls, ca_file, why):
        gateway = self.start(tls, ca_file=ca_file)
        status, _, _ = Browser(gateway).post("/v1/client/x", n=1)
        self.assertGreaterEqual(status, 500)
        (told,) = until(lambda: gateway.events("upstream_failed"))
        self.assertRegex(told["reason"], why)
        self.assertEqual(self.web.seen, [], "something was sent to a stranger")

    def test_one_for_another_host(self):
        self.refused(self.authority.sign("other", "DNS:other.example"), self.authority.file, "(?i)host|address|name|mismatch")

    def test_one_that_has_expired(self):
        self.refused(self.authority.sign("old", days=-1), self.authority.file, "expired")

    def test_one_of_an_authority_that_nobody_knows(self):
        stranger = Authority(self.folder, "stranger")
        self.refused(stranger.sign("strange"), self.authority.file, "(?i)certificate")

    def test_one_that_signed_itself_and_no_file_of_ours(self):
        self.refused((self.authority.file, self.authority.key), None, "(?i)certificate")

    def both(self):
        """A gateway before an upstream that hangs up behind each answer, with TLS and without."""
        for tls in (self.authority.sign("good"), None):
            with self.subTest(tls=tls is not None):
                yield Browser(self.start(tls, hangs_up=True, ca_file=self.authority.file))

    def held(self):
        """How many connections to the upstream the gateway has not let go of, though it may be closed at the other end."""
        port = f"{int(self.web.url.rsplit(':', 1)[1]):04X}"
        with open("/proc/net/tcp", encoding="utf-8") as file:
            rows = [line.split()[2:4] for line in file][1:]
        return sum(remote.endswith(":" + port) and state in ("01", "08") for remote, state in rows)

    def test_connections_at_rest_that_the_upstream_closes(self):
        for browser in self.both():
            for n in range(20):
                self.assertEqual(browser.form("/v1/client/x", n=n), (200, {"got": f"n={n}"}))
                until(lambda: self.held() == 0)
            self.assertEqual([request.body for request in self.web.seen], [b"n=%d" % n for n in range(20)])

    def test_connections_that_close_while_a_form_is_on_its_way(self):
        """Nobody can tell then whether it was read: it is not sent twice, and the browser is told."""
        for browser in self.both():
            told = [browser.form("/v1/client/x", n=n)[0] for n in range(40)]
            arrived = [request.body for request in self.web.seen]
            self.assertEqual(arrived, [b"n=%d" % n for n, status in enumerate(told) if status == 200])
            self.assertLessEqual(set(told), {200, 502})


if __name__ == "__main__":
    unittest.main()
