#!/usr/bin/env python3
"""The gateway as a proxy: what passes through, against an upstream that tells what it saw; and its configuration."""
import http.client
import json
import os
import signal
import ssl
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from gateway import Browser, Gateway, code
from lab import KEY, folder, usher
from web import Web


class Proxy(unittest.TestCase):
    """What passes through, against an upstream that tells what it saw."""

    def setUp(self):
        self.folder = self.enterContext(folder())

    def start(self, upstream, **sections):
        config = {"listen": "127.0.0.1:0", "clerk": {"secret_key": "${env:CLERK_SECRET_KEY}"},
                  "proxy": {"url": "https://app.example.test/__clerk", "upstream": upstream.url},
                  **sections}
        return self.enterContext(Gateway(self.folder, config))

    def echo(self, headers=(), body=b"{}", status=200):
        return self.enterContext(Web(lambda _: (status, body, headers)))

    def test_headers(self):
        upstream = self.echo((("Set-Cookie", "__client=1; Path=/; HttpOnly"), ("Set-Cookie", "b=2"),
                              ("X-Kept", "yes"), ("X-Hop", "no"), ("Connection", "X-Hop")))
        browser = Browser(self.start(upstream))
        status, headers, _ = browser.call("GET", "/v1/client?a=%2F", {
            "Clerk-Secret-Key": "forged", "Clerk-Proxy-Url": "https://evil.test",
            "X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "CF-Connecting-IP": "6.6.6.6",
            "Connection": "X-Private", "X-Private": "no", "Accept-Encoding": "gzip"})
        self.assertEqual(status, 200)
        self.assertEqual(headers.get_all("Set-Cookie"), ["__client=1; Path=/; HttpOnly", "b=2"])
        self.assertEqual((headers["X-Kept"], headers["X-Hop"]), ("yes", None))
        asked = upstream.seen[0]
        seen = asked.headers
        self.assertEqual((asked.method, asked.path), ("GET", "/v1/client?a=%2F"))
        expected = {"Clerk-Secret-Key": KEY, "Clerk-Proxy-Url": "https://app.example.test/__clerk",
                    "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "app.example.test",
                    "X-Forwarded-Proto": "https", "Accept-Encoding": "identity", "X-Real-IP": None,
                    "CF-Connecting-IP": None, "X-Private": None, "Host": upstream.url[7:]}
        self.assertEqual({name: seen[name] for name in expected}, expected)
        self.assertEqual(len(seen.get_all("Clerk-Secret-Key")), 1)

    def test_trusted_address(self):
        upstream = self.echo()
        browser = Browser(self.start(upstream, proxy={
            "url": "https://app.example.test/__clerk", "upstream": upstream.url,
            "client_address": "X-Forwarded-For"}))
        browser.call("GET", "/v1/client", {"X-Forwarded-For": "6.6.6.6, 203.0.113.7"})
        self.assertEqual(upstream.seen[0].headers["X-Forwarded-For"], "203.0.113.7")

    def test_redirects(self):
        upstream = self.enterContext(Web(lambda asked: (307, "", {
            "Location": upstream.url + asked.path[3:] if asked.path[2] == "u" else asked.path[3:]})))
        gateway = self.start(upstream)
        for path, turned in (("/-u/v1/x?y", "https://app.example.test/__clerk/v1/x?y"),
                             ("/-uu", upstream.url + "u"), ("/-u.evil.test/", upstream.url + ".evil.test/"),
                             ("/--https://app.example.test/page", "https://app.example.test/page")):
            self.assertEqual(Browser(gateway).call("GET", path)[1]["Location"], turned)

    def test_paths_stay_at_the_upstream(self):
        upstream = self.echo()
        browser = Browser(self.start(upstream))
        for path in ("//evil.test/v1", "/@evil.test/v1", "/v1/..%2f..%2fx"):
            self.assertEqual(browser.call("GET", path)[0], 200)
            self.assertEqual(upstream.seen[-1].headers["Host"], upstream.url[7:])

    def test_not_the_proxys(self):
        gateway = self.start(self.echo())
        for path in ("/v1/client", "/__clerkx/v1", "/"):
            connection = http.client.HTTPConnection(gateway.listen, timeout=20)
            connection.request("GET", path)
            answer = connection.getresponse()
            self.assertEqual((answer.status, code(json.loads(answer.read()))),
                             (400, "proxy_path_mismatch"))
            connection.close()

    def test_health(self):
        """The gateway's own, and the path by which Clerk looks whether a proxy is one: that is Clerk's to answer."""
        upstream = self.echo(body=b'{"status":"proxied"}')
        gateway = self.start(upstream, admin="127.0.0.1:0")
        for address, path in ((gateway.listen, "/usher/health"), (gateway.ready["admin"], "/health")):
            connection = http.client.HTTPConnection(address, timeout=20)
            connection.request("GET", path)
            answer = connection.getresponse()
            self.assertEqual((answer.status, json.loads(answer.read())), (200, {"status": "healthy"}))
            connection.close()
        self.assertEqual(upstream.seen, [])
        self.assertEqual(Browser(gateway).call("GET", "/v1/proxy-health")[2], b'{"status":"proxied"}')
        self.assertEqual(upstream.seen[0].path, "/v1/proxy-health")

    def test_upstream_down(self):
        gone = self.echo()
        gateway = self.start(gone)
        browser = Browser(gateway)
        gone.server.server_close()
        status, _, body = browser.call("GET", "/v1/client")
        self.assertEqual((status, code(json.loads(body))), (502, "proxy_request_failed"))
        [failed] = gateway.events("upstream_failed")
        self.assertRegex(failed["reason"], "Connection (refused|reset)")

    def test_large_bodies(self):
        data = os.urandom(3_000_000)
        upstream = self.echo(body=data)
        status, _, body = Browser(self.start(upstream)).call(
            "POST", "/v1/me/profile_image", {"Content-Type": "image/png"}, data, 60)
        self.assertEqual((status, body == data, upstream.seen[0].body == data), (200, True, True))

    def test_large_bodies_over_tls(self):
        """More than all buffers hold, to a server that reads slowly: also what waits for room goes on."""
        files = [os.path.join(self.folder, name) for name in ("cert.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "2", "-subj", "/CN=upstream", "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0],
                        "-keyout", files[1]], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        data = os.urandom(40_000_000)
        upstream = self.echo(body=data)
        upstream.server.socket = context.wrap_socket(upstream.server.socket, server_side=True)
        upstream.url = upstream.url.replace("http:", "https:")
        gateway = self.start(upstream, proxy={
            "url": "https://app.example.test/__clerk", "upstream": upstream.url, "ca_file": files[0]})
        status, _, body = Browser(gateway).call("POST", "/v1/me/profile_image", {"Content-Type": "image/png"}, data, 90)
        self.assertEqual((status, body == data, upstream.seen[0].body == data), (200, True, True))

    def test_reload(self):
        first, second = self.echo(body=b'"first"'), self.echo(body=b'"second"')
        gateway = self.start(first)
        self.assertEqual(Browser(gateway).call("GET", "/v1/x")[2], b'"first"')
        config = {"listen": "127.0.0.1:0", "clerk": {"secret_key": "${env:CLERK_SECRET_KEY}"},
                  "proxy": {"url": "https://app.example.test/__clerk", "upstream": second.url}}
        gateway.write({**config, "nonsense": 1})
        gateway.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        self.assertEqual(Browser(gateway).call("GET", "/v1/x")[2], b'"first"')
        gateway.write(config)
        gateway.process.send_signal(signal.SIGHUP)
        for _ in range(100):
            if Browser(gateway).call("GET", "/v1/x")[2] == b'"second"':
                break
            time.sleep(0.1)
        self.assertEqual(Browser(gateway).call("GET", "/v1/x")[2], b'"second"')

    def test_stops_after_what_is_open(self):
        upstream = self.enterContext(Web(lambda _: (time.sleep(1), (200, '"late"'))[1]))
        gateway = self.start(upstream)
        with ThreadPoolExecutor(1) as pool:
            late = pool.submit(Browser(gateway).call, "GET", "/v1/x")
            while not upstream.seen:
                time.sleep(0.01)
            self.assertEqual(gateway.stop(signal.SIGTERM), 0)
            self.assertEqual(late.result()[2], b'"late"')


class Settings(unittest.TestCase):
    """usher gateway --check says what is wrong, and on which line."""

    def check(self, text, **environment):
        with folder() as at:
            path = os.path.join(at, "usher.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return usher("gateway", "--check", "--config", path, cwd=at, **environment)

    def test_complaints(self):
        proxy = "listen: 127.0.0.1:0\nproxy:\n  url: https://a.test/__clerk\n"
        clerk = "clerk:\n  secret_key: ${env:THE_KEY}\n"
        for text, words in (
                ("", ":1: "), ("listen: x\n", "Missing required mapping field: proxy"),
                (proxy + clerk + "nonsense: 1\n", ":6: Unexpected key: nonsense"),
                (proxy + "clerk:\n  secret_key: sk_live_x\n", ":5: secret_key: a secret stands in"),
                (proxy + clerk.replace("THE_KEY", "NOT_SET"), ":5: secret_key: the environment has no"),
                (proxy.replace("https://a.test/__clerk", "a.test") + clerk, ":3: url: it begins with https"),
                (proxy + "  upstream: https://a.test/v1\n" + clerk, ":4: upstream: it has no path"),
                (proxy + "  ca_file: nosuch.pem\n" + clerk, ":4: ca_file: nosuch.pem"),
                (proxy + "  client_address: X Real IP\n" + clerk, ":4: client_address: it is the name of a header"),
                (proxy.replace("127.0.0.1:0", "127.0.0.1") + clerk, ":1: listen: '127.0.0.1' is no address"),
                (proxy.replace("127.0.0.1:0", "'unix:'") + clerk, ":1: listen: the path of a socket"),
                (proxy + clerk + "admin: 127.0.0.1:65536\n", ":6: admin: '127.0.0.1:65536' is no address"),
                (proxy + clerk + "threads: many\n", ":6: threads: it is a whole number from 1 to 256"),
                (proxy + clerk + "legacy:\n  connector: sql\n", ":6: a legacy system needs a ledger"),
                (proxy + clerk + "policy:\n  codes: perhaps\n", ":7: "),
                (proxy + clerk + "tls: [\n", ":")):
            done = self.check(text, THE_KEY="sk_live_x")
            self.assertEqual(done.returncode, 2, text)
            self.assertIn(words, done.stderr, text)
        self.assertEqual(self.check(proxy + clerk, THE_KEY="sk_live_x").returncode, 0)


if __name__ == "__main__":
    unittest.main()
