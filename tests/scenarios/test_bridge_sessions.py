"""Legacy sessions as the bridge reads them: signed tokens with a key set that turns, shared secrets, introspection, a
table of sessions; and where a browser may be sent afterwards."""
import base64
import hmac
import json
import os
import sqlite3
import subprocess
import time
import unittest

from lab import folder
from legacy import Probe, refusal
from postgres import Postgres
from web import Web

BRIDGE = os.environ["USHER_BRIDGE_PROBE"]
SECRET = "0123456789abcdef0123456789abcdef"
ORIGINS = "https://app.example.com, https://app.example.com:8443,http://localhost:3000"


class Reader(Probe):
    program = BRIDGE

    def __init__(self, **settings):
        super().__init__(**{"origins": ORIGINS, **settings})

    def says(self, session):
        return self.send(session)["says"]


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**more):
    now = int(time.time())
    made = {"sub": "17", "email": "ada@lovelace.dev", "iat": now - 60, "exp": now + 3600, **more}
    return {name: value for name, value in made.items() if value is not None}


def token(body, sign, **header):
    text = encode(json.dumps(header).encode()) + "." + encode(json.dumps(body).encode())
    return text + "." + encode(sign(text.encode()))


def shared(body, secret=SECRET, alg="HS256"):
    return token(body, lambda text: hmac.new(secret.encode(), text, "sha" + alg[2:]).digest(), alg=alg)


class Key:
    """An RSA key of openssl's making."""

    def __init__(self, path, kid):
        self.path, self.kid = os.path.join(path, kid + ".pem"), kid
        subprocess.run(["openssl", "genrsa", "-out", self.path, "2048"], capture_output=True, check=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.path, "-noout", "-modulus"], capture_output=True,
                                 check=True, text=True).stdout.strip().split("=")[1]
        self.jwk = {"kty": "RSA", "kid": kid, "use": "sig", "n": encode(bytes.fromhex(modulus)), "e": "AQAB"}

    def sign(self, body, kid=None):
        return token(body, lambda text: subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.path], input=text,
                                                       capture_output=True, check=True).stdout,
                     alg="RS256", kid=kid or self.kid)


class SharedSecret(unittest.TestCase):
    def reader(self, **more):
        return Reader(session="jwt", algorithms="HS256", secret=SECRET, **more)

    def test_good_and_not(self):
        now = int(time.time())
        with self.reader(issuer="https://old.example", audience="app") as reader:
            good = claims(iss="https://old.example", aud="app")
            said = reader.send(shared(good))
            self.assertEqual((said["says"], said["id"], said["identifier"]), ("good", "17", "ada@lovelace.dev"))
            for body in ({**good, "exp": now - 60}, {**good, "exp": None}, {**good, "exp": "tomorrow"}, {**good, "nbf": now + 600},
                         {**good, "iat": now + 600}, {**good, "iss": "https://evil.example"}, {**good, "aud": "other"},
                         {**good, "aud": None}, {**good, "iss": ["https://old.example"]}):
                self.assertEqual(reader.says(shared(body)), "refused", body)
            self.assertEqual(reader.says(shared(good, "another secret of 32 characters!")), "refused")
            self.assertEqual(reader.says(shared(good, alg="HS512")), "refused")
            self.assertEqual(reader.says(token(good, lambda _: b"", alg="none")), "refused")
            self.assertEqual(reader.says(""), "refused")
            self.assertEqual(reader.says("x" * 20000), "refused")

    def test_no_id_is_no_refusal(self):
        with self.reader() as reader:
            for sub in (None, "", 1.5, True, ["17"], "x" * 600):
                self.assertEqual(reader.says(shared(claims(sub=sub))), "cannot_tell", sub)
            self.assertEqual(reader.send(shared(claims(sub=17)))["id"], "17")

    def test_fields_of_ones_own(self):
        with self.reader(id="user.id", identifier="user.login", changed="pwd_at") as reader:
            body = claims(user={"id": 9, "login": "ada_l"}, pwd_at=int(time.time()) - 600)
            said = reader.send(shared(body))
            self.assertEqual((said["says"], said["id"], said["identifier"]), ("good", "9", "ada_l"))
            self.assertEqual(reader.says(shared({**body, "pwd_at": int(time.time())})), "refused")
            self.assertEqual(reader.says(shared({**body, "pwd_at": "2020-01-02T03:04:05Z"})), "good")
            self.assertEqual(reader.says(shared({**body, "iat": None})), "refused")

    def test_one_session_has_one_name(self):
        with self.reader() as reader:
            one = shared(claims())
            self.assertEqual(reader.send(one)["once"], one.rsplit(".", 1)[0])


class KeySet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        context = folder()
        cls.path = context.__enter__()
        cls.addClassCleanup(context.__exit__, None, None, None)
        cls.keys = [Key(cls.path, "one"), Key(cls.path, "two")]

    def test_keys_turn(self):
        one, two = self.keys
        served = [one]
        with Web(lambda _: (200, {"keys": [key.jwk for key in served]})) as web, \
                Reader(session="jwt", algorithms="RS256", url=web.url + "/jwks") as reader:
            self.assertEqual(reader.says(one.sign(claims())), "good")
            self.assertEqual(reader.says(one.sign(claims(exp=int(time.time()) - 60))), "refused")
            self.assertEqual(reader.says(two.sign(claims(), kid="one")), "refused")
            for _ in range(20):
                self.assertEqual(reader.says(two.sign(claims())), "refused")
            self.assertEqual(len(web.seen), 1, "tokens without a key became requests")
            self.assertEqual(reader.says(shared(claims(), secret=one.jwk["n"])), "refused")

    def test_a_new_key_is_fetched_at_once(self):
        one, two = self.keys
        with Web(lambda _: (200, {"keys": [one.jwk, two.jwk]})) as web, \
                Reader(session="jwt", algorithms="RS256", url=web.url) as reader:
            self.assertEqual(reader.says(two.sign(claims())), "good")

    def test_keys_that_do_not_come(self):
        for answer in ((500, {}), (200, "<html>"), (200, []), (200, {"keys": 1}), (302, "", {"Location": "/"}), (404, {})):
            with Web(lambda _, answer=answer: answer) as web, Reader(session="jwt", algorithms="RS256", url=web.url) as reader:
                self.assertEqual(reader.says(self.keys[0].sign(claims())), "cannot_tell", answer)
        with Web(lambda _: (200, {"keys": []})) as web, Reader(session="jwt", algorithms="RS256", url=web.url) as reader:
            self.assertEqual(reader.says(self.keys[0].sign(claims())), "refused")


class Introspection(unittest.TestCase):
    def test_the_contract(self):
        answers = {"good": (200, {"active": True, **claims(username="ada_l")}), "off": (200, {"active": False}),
                   "old": (200, {"active": True, **claims(exp=1)}), "text": (200, {"active": "true", **claims()}),
                   "html": (200, "<html>"), "down": (503, {}), "moved": (302, "", {"Location": "/"}),
                   "refused": (401, {"error": "invalid_client"}), "noid": (200, {"active": True})}

        def answer(request):
            self.assertEqual(request.headers["Authorization"], "Basic " + base64.b64encode(b"us:pw").decode())
            self.assertTrue(request.body.startswith(b"token="))
            return answers[request.body.decode().removeprefix("token=").split("%")[0]]

        with Web(answer) as web, Reader(session="introspection", url=web.url, client_id="us", client_secret="pw") as reader:
            said = reader.send("good")
            self.assertEqual((said["says"], said["id"], said["identifier"]), ("good", "17", "ada_l"))
            for name, says in (("off", "refused"), ("old", "refused"), ("text", "cannot_tell"), ("html", "cannot_tell"),
                               ("down", "cannot_tell"), ("moved", "cannot_tell"), ("refused", "cannot_tell"), ("noid", "cannot_tell")):
                self.assertEqual(reader.says(name), says, name)
            self.assertEqual(reader.says("good&token_type_hint=x"), "good")
            self.assertEqual(web.seen[-1].body, b"token=good%26token_type_hint%3Dx")


TABLE = """CREATE TABLE sessions (sid varchar(100), uid integer, login varchar(100), created timestamp, until timestamp, revoked {flag},
                       pwd timestamp);
INSERT INTO sessions VALUES ('good', 17, 'ada_l', '2024-01-01 00:00:00', '2099-01-01 00:00:00', {no}, '2023-01-01 00:00:00');
INSERT INTO sessions VALUES ('expired', 17, 'ada_l', '2024-01-01 00:00:00', '2024-01-02 00:00:00', {no}, NULL);
INSERT INTO sessions VALUES ('revoked', 17, 'ada_l', '2024-01-01 00:00:00', '2099-01-01 00:00:00', {yes}, NULL);
INSERT INTO sessions VALUES ('stale', 17, 'ada_l', '2024-01-01 00:00:00', '2099-01-01 00:00:00', {no}, '2024-06-01 00:00:00');
INSERT INTO sessions VALUES ('twice', 17, 'ada_l', NULL, NULL, {no}, NULL);
INSERT INTO sessions VALUES ('twice', 18, 'bob_l', NULL, NULL, {no}, NULL);
INSERT INTO sessions VALUES ('endless', 19, NULL, NULL, NULL, NULL, NULL);
"""
QUERY = "SELECT uid AS id, login AS identifier, created AS created_at, until AS expires_at, revoked, pwd AS password_changed_at " \
        "FROM sessions WHERE sid = :session"
SESSIONS = {"good": "good", "expired": "refused", "revoked": "refused", "stale": "refused", "twice": "cannot_tell", "endless": "good",
            "nobody": "refused", "' OR 1=1 --": "refused"}


class Table(unittest.TestCase):
    def trial(self, url):
        with Reader(session="sql", url=url, query=QUERY) as reader:
            for _ in range(2):
                for session, says in SESSIONS.items():
                    said = reader.send(session)
                    self.assertEqual(said["says"], says, said)
            self.assertEqual(reader.send("good")["id"], "17")
            self.assertEqual(reader.send("endless")["identifier"], None)
        with Reader(session="sql", url=url, query="SELECT nothing FROM sessions WHERE sid = :session") as reader:
            self.assertEqual(reader.says("good"), "cannot_tell")

    def test_sqlite(self):
        with folder() as path:
            base = sqlite3.connect(os.path.join(path, "s.db"))
            base.executescript(TABLE.format(flag="integer", no=0, yes=1))
            base.close()
            self.trial(os.path.join(path, "s.db"))

    def test_postgres(self):
        with Postgres() as server:
            server.psql(TABLE.format(flag="boolean", no="false", yes="true"), "usher")
            self.trial(server.url)
            server.stop()
            with Reader(session="sql", url=server.url, query=QUERY) as reader:
                self.assertEqual(reader.says("good"), "cannot_tell")


class WhereTo(unittest.TestCase):
    GOOD = {"/": "https://app.example.com/", "/a/b?c=d#e": "https://app.example.com/a/b?c=d#e", "https://app.example.com": None,
            "https://app.example.com/": None, "https://app.example.com/x//y?z=https://evil.example": None,
            "https://app.example.com:8443/x": None, "http://localhost:3000/x": None, "/%2f%2fevil.example": None,
            "/@evil.example": None, "/..//evil.example": None}
    BAD = ["//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\t/evil.example",
           " //evil.example", "https://evil.example", "https://evil.example/https://app.example.com/", "http://app.example.com/",
           "https://app.example.com.evil.example/", "https://app.example.com@evil.example/", "https://app.example.com:@evil.example/",
           "https://app.example.com:8443@evil.example/", "https://user@app.example.com/", "https://app.example.com:443/",
           "https://app.example.com:84430/", "https://app.example.com:8443.evil.example/", "https://app.example.com?x", "https://app.example.com#x",
           "https://app.example.com\\@evil.example/", "https://app.example.com\\.evil.example", "https:app.example.com/", "https:/app.example.com/",
           "https:///app.example.com/", "HTTPS://app.example.com/", "https://APP.example.com/", "https://app%2eexample.com/",
           "https://app.example.com%2f@evil.example", "https://app.example.com.", "https://app.example.com./x", "javascript:alert(1)",
           "data:text/html,x", "app.example.com", "x", "?x", "#x", ".//evil.example", "https://app.example.com//evil.example",
           "https://\u0430pp.example.com/", "https://app\u3002example.com/", "https://app.example.com\uff0fevil.example", "/\u2215/evil.example",
           "/a\rb", "/a b", "/<script>", "/a\x7f", "/" + "a" * 5000, "http://localhost:3000@evil.example/", "http://localhost:30001/",
           "http://127.0.0.1:3000/", "http://[::1]:3000/"]

    def test_where_browsers_are_sent(self):
        with Reader(session="jwt", algorithms="HS256", secret=SECRET) as reader:
            for asked, sent in self.GOOD.items():
                said = reader.send("!return " + asked)
                prefix = "" if asked.startswith("http") else "https://app.example.com"
                self.assertEqual((said["says"], said["why"]), ("good", sent or prefix + asked), asked)
            for asked in self.BAD:
                self.assertEqual(reader.says("!return " + asked), "refused", asked)


class Settings(unittest.TestCase):
    def test_they_are_checked(self):
        good = {"session": "jwt", "algorithms": "HS256", "secret": SECRET, "origins": "https://app.example.com"}
        for more, says in (({"session": "cookie"}, "not \"cookie\""), ({"origins": ""}, "needs the setting origins"),
                           ({"origins": "https://app.example.com/"}, "without slash"), ({"origins": "http://app.example.com"}, "without slash"),
                           ({"origins": "https://APP.example.com"}, "lower case"), ({"origins": "*"}, "lower case"),
                           ({"origins": "https://*.example.com"}, "lower case"), ({"origins": "https://a@b.example"}, "lower case"),
                           ({"algorithms": "none"}, "no algorithm"), ({"algorithms": "HS256,RS256"}, "never both"),
                           ({"secret": "short"}, "guessed"), ({"url": "https://x.example/jwks"}, "one of them"),
                           ({"query": "SELECT 1"}, "takes no setting query"),
                           ({"session": "sql", "url": "x.db", "query": "SELECT 1", "algorithms": None, "secret": None}, ":session"),
                           ({"session": "introspection", "url": "http://old.example/i", "client_id": "a", "client_secret": "b",
                             "algorithms": None, "secret": None}, "plain http")):
            settings = {name: value for name, value in {**good, **more}.items() if value is not None}
            self.assertIn(says, refusal(BRIDGE, **settings), more)


if __name__ == "__main__":
    unittest.main()
