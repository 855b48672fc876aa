"""Hooks in front of legacy systems: our own form, and the published ones of the Keycloak user-migration plug-in,
Ory's password migration hook and FusionAuth's generic connector. The servers here are written from those
documents (cited in src/trickle/legacy_http.c); the products themselves are not run."""
import hashlib
import hmac
import time
import unittest
import urllib.parse

from legacy import Probe
from web import Web

ADA = {"external_id": "17", "email_address": [{"value": "ada@lovelace.dev", "verified": True}],
       "first_name": "Ada"}
# Answers that mean neither yes nor no in any form.
NONSENSE = [(500, {"error": "boom"}), (502, "<html>Bad gateway</html>"), (200, "<html>Sign in</html>"),
            (200, ""), (200, "{"), (200, []), (200, "\"yes\""), (200, b"\xff\xfe"), (302, "", {"Location": "/login"}),
            (307, "", {"Location": "/hook"}), (429, {}), (503, {}), (200, b"x" * 300000),
            (200, b"[" * 100000), (200, "{\"result\":\"yes\",\"user\":null}")]


class Usher(unittest.TestCase):
    def test_yes_no_unknown(self):
        def answer(request):
            body = request.json
            self.assertEqual(request.method, "POST")
            self.assertEqual(request.headers["Content-Type"], "application/json")
            self.assertEqual(body["address"], "203.0.113.7")
            if body["identifier"] != "ada@lovelace.dev":
                return 200, {"result": "unknown"}
            right = body["event"] == "find" or body["password"] == "pässword \"🔑\""
            return 200, {"result": "yes", "user": ADA} if right else {"result": "no"}

        with Web(answer) as web, Probe(connector="http", url=web.url + "/hook") as probe:
            yes = probe.ask("ada@lovelace.dev", "pässword \"🔑\"")
            self.assertEqual(yes["says"], "yes", yes)
            self.assertEqual(yes["user"]["external_id"], "17")
            self.assertEqual(yes["user"]["email_address"], ["ada@lovelace.dev"])
            self.assertEqual(probe.says("ada@lovelace.dev", "wrong"), "no")
            self.assertEqual(probe.says("bob", "wrong"), "unknown")
            self.assertEqual(probe.says("ada@lovelace.dev"), "yes")
            self.assertEqual(probe.says("bob"), "unknown")
            self.assertEqual([r.json["event"] for r in web.seen],
                             ["check", "check", "check", "find", "find"])
            self.assertNotIn("password", web.seen[3].json)

    def test_nonsense(self):
        for answer in NONSENSE:
            with Web(lambda _, answer=answer: answer) as web, Probe(connector="http", url=web.url) as probe:
                said = probe.ask("ada", "secret")
                self.assertEqual(said["says"], "cannot_tell", answer)
                self.assertTrue(said["why"])
                self.assertNotIn("secret", said["why"])
                self.assertEqual(len(web.seen), 1, "a redirect was followed, or a request repeated")

    def test_nobody_listens(self):
        with Web(lambda _: (200, {})) as web:
            url = web.url
        with Probe(connector="http", url=url) as probe:
            self.assertEqual(probe.says("ada", "secret"), "cannot_tell")

    def test_too_slow(self):
        with Web(lambda _: (time.sleep(1.5), (200, {"result": "no"}))[1]) as web, \
                Probe(connector="http", url=web.url, budget_ms=200) as probe:
            self.assertEqual(probe.says("ada", "secret"), "cannot_tell")

    def test_proofs(self):
        seen = {}

        def answer(request):
            seen.update(request.headers.items())
            seen["body"] = request.body
            return 200, {"result": "no"}

        with Web(answer) as web:
            for settings, header, value in (
                    ({"auth": "bearer", "secret": "t0ken"}, "Authorization", "Bearer t0ken"),
                    ({"auth": "basic", "username": "us", "secret": "pw:x"}, "Authorization", "Basic dXM6cHc6eA=="),
                    ({"auth": "X-Api-Key", "secret": "k"}, "X-Api-Key", "k")):
                with Probe(connector="http", url=web.url, **settings) as probe:
                    self.assertEqual(probe.says("ada", "secret"), "no")
                self.assertEqual(seen[header], value)
            with Probe(connector="http", url=web.url, auth="hmac", secret="k3y") as probe:
                self.assertEqual(probe.says("ada", "secret"), "no")
            stamp = seen["Usher-Timestamp"]
            mac = hmac.new(b"k3y", stamp.encode() + b"." + seen["body"], hashlib.sha256).hexdigest()
            self.assertEqual(seen["Usher-Signature"], "v1=" + mac)
            self.assertLess(abs(time.time() - int(stamp)), 60)

    def test_moved(self):
        with Web(lambda r: (204 if r.path == "/moved" else 500, "")) as web:
            with Probe(connector="http", url=web.url, moved_url=web.url + "/moved") as probe:
                self.assertEqual(probe.moved("ada", "17", "user_1")["says"], "told")
            self.assertEqual(web.seen[0].json, {"event": "moved", "identifier": "ada", "external_id": "17",
                                                "clerk_id": "user_1"})
            with Probe(connector="http", url=web.url, moved_url=web.url + "/other") as probe:
                told = probe.moved("ada", "17", "user_1")
                self.assertEqual(told["says"], "failed")
                self.assertIn("500", told["why"])
            with Probe(connector="http", url=web.url) as probe:
                self.assertEqual(probe.moved("ada", "17", "user_1")["says"], "refused")

    def test_a_mapping_of_ones_own(self):
        mapping = '{"fields":{"external_id":"{{nr}}","email_address":"{{mail | verified}}"}}'
        with Web(lambda _: (200, {"result": "yes", "user": {"nr": 9, "mail": "ada@lovelace.dev"}})) as web, \
                Probe(connector="http", url=web.url, **{"from": mapping}) as probe:
            self.assertEqual(probe.ask("ada@lovelace.dev", "x")["user"]["external_id"], "9")


class Keycloak(unittest.TestCase):
    LUCY = {"id": "12345678", "username": "lucy", "email": "lucy@company.com", "firstName": "Lucy",
            "lastName": "Smith", "enabled": "true", "emailVerified": "true",
            "attributes": {"position": ["rockstar-developer"]}, "roles": ["admin"], "groups": ["migrated"],
            "requiredActions": ["UPDATE_PASSWORD"]}

    def legacy(self, user=None, find=404, check=401, proven="lucy"):
        """The plug-in's contract, with the statuses given for "not found" and "wrong". Whoever wrote such endpoints has seen the
        plug-in ask for the password by username alone (or id, where that is switched on), however the user was found."""
        def answer(request):
            name = urllib.parse.unquote(request.path.removeprefix("/auth/"))
            if request.method == "GET":
                return (200, user or self.LUCY) if name in ("lucy", "lucy@company.com", "a/b ?#") else (find, "")
            self.assertEqual(set(request.json), {"password"})
            return (200, "") if name == proven and request.json["password"] == "password" else (check, "")
        return Web(answer)

    def test_the_contract(self):
        with self.legacy() as web, Probe(connector="http", form="keycloak", url=web.url + "/auth") as probe:
            yes = probe.ask("lucy", "password")
            self.assertEqual(yes["says"], "yes", yes)
            self.assertEqual(yes["user"]["external_id"], "12345678")
            self.assertEqual(yes["user"]["username"], "lucy")
            self.assertEqual(yes["user"]["private_metadata"],
                             {"attributes": {"position": ["rockstar-developer"]}, "roles": ["admin"],
                              "groups": ["migrated"]})
            self.assertNotIn("email_address_identification_status",
                             [k for k, v in yes["user"].items() if v == ["reserved"]])
            self.assertEqual(probe.says("lucy@company.com", "password"), "yes")
            self.assertEqual(probe.says("lucy", "wrong"), "no")
            self.assertEqual(probe.says("bob", "password"), "unknown")
            self.assertEqual(probe.says("lucy"), "yes")
            self.assertEqual(probe.says("a/b ?#"), "yes")
            self.assertEqual(web.seen[-1].path, "/auth/a%2Fb%20%3F%23")
        odd = {**self.LUCY, "username": "a/b ?#"}
        with self.legacy(odd, proven="a/b ?#") as web, Probe(connector="http", form="keycloak", url=web.url + "/auth") as probe:
            self.assertEqual(probe.says("lucy@company.com", "password"), "cannot_tell", "no username that Clerk takes")
            self.assertEqual(web.seen[-1].path, "/auth/lucy%40company.com")

    def test_passwords_by_id(self):
        with self.legacy(proven="12345678") as web, \
                Probe(connector="http", form="keycloak-id", url=web.url + "/auth") as probe:
            self.assertEqual(probe.says("lucy@company.com", "password"), "yes")
            self.assertEqual([(r.method, r.path) for r in web.seen],
                             [("GET", "/auth/lucy%40company.com"), ("POST", "/auth/12345678")])
            self.assertEqual(probe.says("lucy", "wrong"), "no")
        nameless = {k: v for k, v in self.LUCY.items() if k != "id"}
        for form, user, says in (("keycloak-id", nameless, "cannot_tell"), ("keycloak", nameless, "yes"),
                                 ("keycloak", {**self.LUCY, "username": ""}, "cannot_tell")):
            with self.legacy(user) as web, Probe(connector="http", form=form, url=web.url + "/auth") as probe:
                self.assertEqual(probe.says("lucy", "password"), says, (form, user))

    def test_statuses(self):
        for find, says in ((404, "unknown"), (204, "unknown"), (410, "unknown"), (401, "cannot_tell"),
                           (403, "cannot_tell"), (500, "cannot_tell"), (302, "cannot_tell"), (429, "cannot_tell")):
            with self.legacy(find=find) as web, Probe(connector="http", form="keycloak", url=web.url + "/auth/") as probe:
                self.assertEqual(probe.says("bob", "password"), says, find)
        for check, says in ((401, "no"), (403, "no"), (400, "no"), (404, "no"), (422, "no"), (500, "cannot_tell"),
                            (302, "cannot_tell"), (204, "cannot_tell"), (429, "cannot_tell"), (408, "cannot_tell")):
            with self.legacy(check=check) as web, Probe(connector="http", form="keycloak", url=web.url + "/auth/") as probe:
                self.assertEqual(probe.says("lucy", "wrong"), says, check)

    def test_disabled(self):
        for off in (False, "false"):
            with self.legacy({**self.LUCY, "enabled": off}) as web, \
                    Probe(connector="http", form="keycloak", url=web.url + "/auth") as probe:
                self.assertEqual(probe.says("lucy", "password"), "no")
                self.assertTrue(probe.ask("lucy")["user"]["banned"])

    def test_bearer_goes_with_both(self):
        with self.legacy() as web, Probe(connector="http", form="keycloak", url=web.url + "/auth", auth="bearer",
                                         secret="SECRET_API_TOKEN") as probe:
            self.assertEqual(probe.says("lucy", "password"), "yes")
            self.assertEqual([r.headers["Authorization"] for r in web.seen], ["Bearer SECRET_API_TOKEN"] * 2)


class Ory(unittest.TestCase):
    def test_the_contract(self):
        def answer(request):
            self.assertEqual(set(request.json), {"identifier", "password"})
            right = request.json["password"] == "the-password"
            return (200, {"status": "password_match"}) if right else (403, "")

        with Web(answer) as web, Probe(connector="http", form="ory", url=web.url) as probe:
            yes = probe.ask("pw-migration@example.org", "the-password")
            self.assertEqual(yes["user"]["external_id"], "pw-migration@example.org")
            self.assertEqual(yes["user"]["email_address"], ["pw-migration@example.org"])
            self.assertEqual(probe.ask("ada_l", "the-password")["user"]["username"], "ada_l")
            self.assertEqual(probe.ask("+14155550100", "the-password")["user"]["phone_number"], ["+14155550100"])
            self.assertEqual(probe.says("pw-migration@example.org", "wrong"), "no")
            self.assertEqual(probe.says("pw-migration@example.org"), "cannot_tell")

    def test_what_else_is_an_error(self):
        for answer in [*NONSENSE, (200, {"status": "ok"}), (200, {}), (401, {}), (404, {}), (400, {})]:
            with Web(lambda _, answer=answer: answer) as web, Probe(connector="http", form="ory", url=web.url) as probe:
                self.assertEqual(probe.says("ada@lovelace.dev", "x"), "cannot_tell", answer)

    def test_an_answer_with_more(self):
        more = {"status": "password_match", "identity": {"id": "9f", "traits": {"email": "Real@example.org"}}}
        with Web(lambda _: (200, more)) as web, Probe(connector="http", form="ory", url=web.url) as probe:
            user = probe.ask("alias@example.org", "x")["user"]
            self.assertEqual((user["external_id"], user["email_address"]), ("9f", ["Real@example.org"]))


class FusionAuth(unittest.TestCase):
    USER = {"id": "00000000-0000-0001-0000-000000000000", "active": True, "email": "example@fusionauth.io",
            "firstName": "John", "lastName": "Doe", "username": "johnny123", "verified": True,
            "mobilePhone": "303-555-1234", "data": {"displayName": "Johnny Boy"}}

    def test_the_contract(self):
        def answer(request):
            self.assertEqual(set(request.json), {"loginId", "password", "eventInfo"})
            self.assertEqual(request.json["eventInfo"], {"ipAddress": "203.0.113.7"})
            right = (request.json["loginId"], request.json["password"]) == ("johnny123", "password")
            return (200, {"user": self.USER}) if right else (404, "")

        with Web(answer) as web, Probe(connector="http", form="fusionauth", url=web.url) as probe:
            user = probe.ask("johnny123", "password")["user"]
            self.assertEqual(user["external_id"], self.USER["id"])
            self.assertEqual(user["private_metadata"], {"data": {"displayName": "Johnny Boy"}})
            self.assertEqual(probe.says("johnny123", "wrong"), "no")
            self.assertEqual(probe.says("johnny123"), "cannot_tell")

    def test_what_else_is_an_error(self):
        for answer in [*NONSENSE, (200, {}), (200, {"user": []}), (202, {"user": self.USER}), (401, {}), (400, {})]:
            with Web(lambda _, answer=answer: answer) as web, \
                    Probe(connector="http", form="fusionauth", url=web.url) as probe:
                self.assertEqual(probe.says("ada@lovelace.dev", "x"), "cannot_tell", answer)

    def test_not_active(self):
        with Web(lambda _: (200, {"user": {**self.USER, "active": False}})) as web, \
                Probe(connector="http", form="fusionauth", url=web.url) as probe:
            self.assertEqual(probe.says("johnny123", "password"), "no")


if __name__ == "__main__":
    unittest.main()
