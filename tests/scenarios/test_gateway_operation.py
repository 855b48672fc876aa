#!/usr/bin/env python3
"""The gateway as an operator meets it: certificates that change, sockets, stopping, complaints with lines, what is installed."""
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from gateway import Browser, Gateway, settings, until
from lab import KEY, USHER, Sandbox, folder, usher
from web import Web


class Certificate:
    """A certificate and its key in two files, made anew at each turn."""

    def __init__(self, at):
        self.files = {"cert": os.path.join(at, "cert.pem"), "key": os.path.join(at, "key.pem")}
        self.at = at

    def turn(self, name):
        made = [os.path.join(self.at, name + kind) for kind in (".crt", ".pk")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "2", "-subj", f"/CN={name}", "-out", made[0], "-keyout", made[1]], check=True, capture_output=True)
        os.replace(made[0], self.files["cert"])
        os.replace(made[1], self.files["key"])
        return self


class Tls(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(folder())
        self.certificate = Certificate(self.folder).turn("first")
        self.slow = False
        self.upstream = self.enterContext(Web(self.answer))
        self.gateway = self.enterContext(Gateway(self.folder, {
            "listen": "127.0.0.1:0", "clerk": {"secret_key": "${env:CLERK_SECRET_KEY}"}, "tls": self.certificate.files,
            "proxy": {"url": "https://app.example.test/__clerk", "upstream": self.upstream.url}}))

    def answer(self, _):
        if self.slow:
            time.sleep(1)
        return 200, {"here": True}

    def connect(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(self.gateway.listen, timeout=30, context=context)

    def name(self, connection):
        """Whose certificate it was."""
        if not connection.sock:
            connection.connect()
        der = connection.sock.getpeercert(True)
        text = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-subject"], input=der, capture_output=True,
                              check=True).stdout.decode()
        return text.split("=")[-1].strip()

    def ask(self, connection):
        connection.request("GET", "/__clerk/v1/x")
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def new_name(self):
        connection = self.connect()
        try:
            return self.name(connection)
        finally:
            connection.close()

    def test_certificates_change_and_connections_stay(self):
        first = self.connect()
        self.assertEqual((self.ask(first), self.name(first)), (200, "first"))
        socket_before = first.sock
        for turn in ("second", "third", "fourth"):
            self.certificate.turn(turn)
            self.slow = True
            with ThreadPoolExecutor(1) as pool:  # one request is under way meanwhile
                under_way = pool.submit(self.ask, first)
                self.gateway.process.send_signal(signal.SIGHUP)
                until(lambda turn=turn: self.new_name() == turn)
                self.assertEqual(under_way.result(), 200)
            self.slow = False
            self.assertEqual(self.ask(first), 200)
            self.assertIs(first.sock, socket_before, "the connection was cut off")
        self.assertEqual(self.name(first), "first")
        self.assertEqual(len(self.gateway.events("reloaded")), 3)
        first.close()

    def test_what_will_not_do_changes_nothing(self):
        key = self.certificate.files["key"]
        with open(key, encoding="utf-8") as file:
            good = file.read()
        for bad, why in (("nonsense", "no private key"), ("", "no private key"), (None, "cannot be opened")):
            os.unlink(key)
            if bad is not None:
                with open(key, "w", encoding="utf-8") as file:
                    file.write(bad)
            before = len(self.gateway.events("not_reloaded"))
            self.gateway.process.send_signal(signal.SIGHUP)
            told = until(lambda before=before: self.gateway.events("not_reloaded")[before:])
            self.assertRegex(told[0]["why"], r"usher\.yaml:1: .*" + why)
            self.assertEqual(self.new_name(), "first")
            with open(key, "w", encoding="utf-8") as file:
                file.write(good)
        other = Certificate(self.enterContext(folder())).turn("other")
        shutil.copy(other.files["key"], key)
        done = usher("gateway", "--check", "--config", self.gateway.config, CLERK_SECRET_KEY=KEY)
        self.assertEqual(done.returncode, 2)
        self.assertIn("the key is not that of the certificate", done.stderr)


class Sockets(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(folder())
        self.upstream = self.enterContext(Web(lambda _: (200, {})))
        self.path = os.path.join(self.folder, "gateway.sock")
        self.config = {"listen": "unix:" + self.path, "clerk": {"secret_key": "${env:CLERK_SECRET_KEY}"}, "proxy": {
            "url": "https://app.example.test/__clerk", "upstream": self.upstream.url, "client_address": "X-Real-IP"}}

    def ask(self, **headers):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(self.path)
            lines = ["GET /__clerk/v1/client HTTP/1.1", "Host: x", "Connection: close",
                     *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()), "", ""]
            connection.sendall("\r\n".join(lines).encode())
            return int(connection.makefile("rb").readline().split()[1])

    def test_a_unix_socket(self):
        with Gateway(self.folder, self.config) as gateway:
            self.assertEqual(gateway.listen, "unix:" + self.path)
            self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o660)
            self.assertEqual(self.ask(X_Real_IP="203.0.113.9"), 200)
            self.assertEqual(self.upstream.seen[-1].headers["X-Forwarded-For"], "203.0.113.9")
            gateway.stop(signal.SIGKILL)
        self.assertTrue(os.path.exists(self.path), "nobody could clear it away")
        with Gateway(self.folder, self.config) as gateway:  # which the next one does
            self.assertEqual(self.ask(), 200)
            self.assertEqual(gateway.stop(signal.SIGTERM), 0)
        self.assertFalse(os.path.exists(self.path))

    def test_a_service_manager_is_told(self):
        """As sd_notify(3) does it: ready once connections are taken, and reloading, and stopping."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(os.path.join(self.folder, "notify"))
            manager.settimeout(60)
            with Gateway(self.folder, self.config, NOTIFY_SOCKET=manager.getsockname()) as gateway:
                self.assertEqual(manager.recv(4096), b"READY=1")
                self.assertEqual(self.ask(), 200)
                gateway.process.send_signal(signal.SIGHUP)
                self.assertRegex(manager.recv(4096), rb"^RELOADING=1\nMONOTONIC_USEC=\d+$")
                self.assertEqual(manager.recv(4096), b"READY=1")
                gateway.stop(signal.SIGTERM)
                self.assertEqual(manager.recv(4096), b"STOPPING=1")


class Stopping(unittest.TestCase):
    def test_what_is_under_way_ends(self):
        """A sign-in that waits for the old system, a body that is being sent, an idle connection."""
        asked, stopping = [], threading.Event()

        def old(request):
            asked.append(request)
            stopping.wait(120)
            who = request.json["identifier"]
            return 200, {"result": "yes", "user": {"external_id": who, "email_address": [who]}}

        with folder() as at, Sandbox("--production", "--limits", "off") as box, Web(old) as hook:
            config = settings(box, ledger=os.path.join(at, "ledger"), legacy={
                "connector": "http", "url": hook.url, "budget_ms": 120000}, drain_seconds=600)
            with Gateway(at, config) as gateway, ThreadPoolExecutor(4) as pool:
                idle = http.client.HTTPConnection(gateway.listen, timeout=30)
                idle.connect()
                tabs = [pool.submit(Browser(gateway).sign_in, f"user{n}@example.com") for n in range(3)]
                until(lambda: len(asked) == 3)
                gateway.process.send_signal(signal.SIGTERM)
                until(lambda: self.refuses(gateway))
                stopping.set()
                # Were it to wait for the idle connection, too, that would take ten minutes.
                self.assertEqual(gateway.stop(signal.SIGTERM), 0)
                for tab in tabs:
                    status, body = tab.result()
                    self.assertEqual((status, body["response"]["status"]), (200, "complete"))
                idle.close()
            self.assertEqual(box.count(), 3)

    @staticmethod
    def refuses(gateway):
        """Whether it takes no more connections."""
        connection = http.client.HTTPConnection(gateway.listen, timeout=10)
        try:
            connection.connect()
        except OSError:
            return True
        finally:
            connection.close()
        return False


class Complaints(unittest.TestCase):
    """usher gateway --check opens all that it can without asking anybody, and names the line."""

    BASE = """listen: 127.0.0.1:0
proxy:
  url: https://a.test/__clerk
clerk:
  secret_key: ${env:THE_KEY}
ledger: users.ledger
"""
    LEGACY = """legacy:
  connector: http
  url: https://old.example/hook
"""

    def check(self, text):
        with folder() as at:
            path = os.path.join(at, "usher.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = usher("gateway", "--check", "--config", "usher.yaml", cwd=at, THE_KEY="sk_live_x")
        return done.returncode, done.stdout + done.stderr

    def test_each_names_its_line(self):
        for text, words in (
                ("legacy:\n  connector: carrier pigeon\n", ":8: legacy"),
                ("legacy:\n  connector: sql\n  url: x.db\n", ":7: legacy sql"),
                ("legacy:\n  connector: sql\n  url: x.db\n  query: SELECT 1\n", ":10: legacy sql"),
                ("legacy:\n  connector: http\n  url: http://old.example/hook\n", ":9: legacy http"),
                ("legacy:\n  connector: http\n  url: https://old.example/\n  form: letter\n", ":10: legacy http"),
                ("legacy:\n  connector: http\n  url: https://old.example/\n  from: nosuch\n", ":10: "),
                (self.LEGACY + "  ca_file: nosuch.pem\n", ":10: ca_file: nosuch.pem"),
                ("legacy:\n  connector: ldap\n  url: ldaps://old.example\n  base: dc=x\n  filter: (uid={identifier}\n",
                 ":11: legacy ldap: filter"),
                (self.LEGACY + "bridge:\n  session: jwt\n", ":11: bridge"),
                (self.LEGACY + "bridge:\n  session: jwt\n  algorithms: none\n  secret: ${env:THE_KEY}\n"
                 "  origins: https://a.test\n", ":12: bridge"),
                (self.LEGACY + "bridge:\n  session: jwt\n  algorithms: HS256\n  secret: ${env:THE_KEY}\n"
                 "  origins: https://A.test/\n", ":14: bridge: origins"),
                (self.LEGACY + "webhook:\n  secret: ${env:THE_KEY}\n", ":11: webhook"),
                (self.LEGACY + "tls:\n  cert: /nonexistent/c.pem\n  key: /nonexistent/k.pem\n", ":10: /nonexistent/c.pem"),
                (self.LEGACY + "tls:\n  cert: c.pem\n", ":11: "),
                (self.LEGACY + "throttle:\n  seconds: soon\n", ":11: ")):
            status, said = self.check(self.BASE + text)
            self.assertEqual(status, 2, text + said)
            self.assertIn("usher.yaml" + words, said, text)
        self.assertEqual(self.check(self.BASE + self.LEGACY), (0, "usher.yaml: fine; legacy system: http\n"))

    def refused(self, text, line, words):
        with self.subTest(words, text=text):
            status, said = self.check(text)
            self.assertEqual(status, 2, said)
            self.assertIn(f"usher.yaml:{line}: {words}", said)

    def test_numbers_are_whole_and_within_what_can_work(self):
        whole = self.BASE + self.LEGACY
        for key in ("threads", "connections", "workers", "drain_seconds", "users"):
            for value in ("0", "-1", "1.5", "0x10", "two", "null", "99999999999", "18446744073709551617"):
                self.refused(whole + f"{key}: {value}\n", 10, f"{key}: it is a whole number from 1 to ")
            self.refused(whole + f"{key}: ''\n", 10, "a value is empty")
            self.assertEqual(self.check(whole + f"{key}: 1\n")[0], 0)
        for section, key in (("legacy", "budget_ms"), ("legacy", "threads"), ("legacy", "queue_max"),
                             ("throttle", "identifier"), ("throttle", "address"), ("throttle", "seconds")):
            head = whole if section == "legacy" else whole + "throttle:\n"
            for value in ("0", "-1", "4294967296"):
                self.refused(head + f"  {key}: {value}\n", 10 + (section == "throttle"), f"{key}: it is a whole number from 1")
            self.assertEqual(self.check(head + f"  {key}: 1\n")[0], 0)
        self.refused(whole + "workers: 2\nworkers: 3\n", 10, "Mapping field already seen: workers")

    def test_urls_that_cannot_work(self):
        place = {"url": (self.BASE.replace("https://a.test/__clerk", '"%s"') + self.LEGACY, 3),
                 "upstream": (self.BASE.replace("__clerk\n", '__clerk\n  upstream: "%s"\n') + self.LEGACY, 4),
                 "api_url": (self.BASE.replace("KEY}\n", 'KEY}\n  api_url: "%s"\n') + self.LEGACY, 6)}
        for key, (text, line) in place.items():
            for url in ("ftp://h", "https://", "https://h/", "https://h?x", "https://h#x", "https://u:p@h", "https://h:0",
                        "https://h:", "https://h:99999", "https://[::1]:99999", "https://h h", "https://h/x?y"):
                self.refused(text % url, line, f"{key}: it")
            self.assertEqual(self.check(text % "https://[::1]:8443")[0], 0)
            if key != "url":  # the proxy's own has one
                self.refused(text % "https://h/path", line, f"{key}: it has no path")

    def test_what_contradicts_itself(self):
        whole = self.BASE + self.LEGACY
        self.refused(whole.replace(":0\n", ":8080\n", 1) + "admin: 127.0.0.1:8080\n", 10, "admin: it is the address of listen")
        self.refused(whole + "bridge:\n  origins: https://a.test\n", 10, "bridge: it needs session")
        self.refused(whole + "webhook:\n  back_url: https://a.test\n", 10, "webhook: it needs secret")
        self.refused(self.BASE.replace("THE_KEY", "PATH") + self.LEGACY, 5, "secret_key: it is no secret key of Clerk's")
        self.refused(self.BASE.replace("THE_KEY", "NO_SUCH_NAME") + self.LEGACY, 5, "secret_key: the environment has no NO_SUCH")


class Installed(unittest.TestCase):
    """What `make install` puts where, and the unit for systemd."""

    @classmethod
    def setUpClass(cls):
        cls.at = cls.enterClassContext(folder())
        build = os.path.dirname(USHER)
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", cls.at], check=True,
                       capture_output=True, timeout=120)
        cls.files = [os.path.join(at, name) for at, _, names in os.walk(cls.at) for name in names]

    def one(self, end):
        (found,) = [path for path in self.files if path.endswith(end)]
        return found

    def unit(self):
        with open(self.one("/systemd/system/usher-gateway.service"), encoding="utf-8") as file:
            return file.read()

    def test_the_program(self):
        done = subprocess.run([self.one("/bin/usher"), "gateway", "--help"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0)
        prefix = self.one("/bin/usher")[len(self.at):]
        for line in ("ExecStart=", "ExecStartPre="):
            self.assertIn(f"{line}{prefix} gateway ", self.unit())

    def test_the_unit(self):
        said = dict(line.split("=", 1) for line in self.unit().splitlines() if "=" in line and line[0] not in "#[")
        self.assertEqual((said["Type"], said["NotifyAccess"]), ("notify", "main"))
        self.assertEqual(said["ExecReload"], "/bin/kill -HUP $MAINPID")
        self.assertGreater(int(said["TimeoutStopSec"]), 30, "drain_seconds would be cut short")
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not there")
        path = os.path.join(self.at, "usher-gateway.service")
        with open(path, "w", encoding="utf-8") as file:  # the program lies elsewhere here
            file.write(re.sub(r"=\S*/bin/usher ", f"={self.one('/bin/usher')} ", self.unit()))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False, timeout=60)
        mine = [line for line in (done.stdout + done.stderr).splitlines() if "usher-gateway" in line]
        self.assertEqual((done.returncode, mine), (0, []), done.stderr)


if __name__ == "__main__":
    unittest.main()
