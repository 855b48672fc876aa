"""Legacy systems that sign in over HTTP: OAuth's password grant, Cognito, Firebase. The servers here are
written from the published interfaces (cited in src/trickle); the products themselves cannot be reached."""
import base64
import unittest
import urllib.parse

from legacy import Probe, refusal
from web import Web

RIGHT = "pass word+&=% ü"
CLAIMS = {"sub": "auth0|17", "email": "ada@lovelace.dev", "email_verified": True, "given_name": "Ada",
          "family_name": "Lovelace", "name": "Ada Lovelace", "preferred_username": "not taken as it is"}


class OAuth(unittest.TestCase):
    def server(self, wrong=(400, {"error": "invalid_grant"}), claims=(200, CLAIMS)):
        def answer(request):
            if request.path == "/userinfo":
                self.assertEqual(request.headers["Authorization"], "Bearer t0k")
                return claims
            self.form = dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True))
            self.assertEqual(request.headers["Content-Type"], "application/x-www-form-urlencoded")
            right = self.form["username"] == "ada@lovelace.dev" and self.form["password"] == RIGHT
            return (200, {"access_token": "t0k", "token_type": "Bearer"}) if right else wrong
        return Web(answer)

    def probe(self, web, **more):
        return Probe(connector="oauth", url=web.url + "/token", userinfo_url=web.url + "/userinfo",
                     client_id="cl", **more)

    def test_yes_and_no(self):
        with self.server() as web, self.probe(web, scope="openid email") as probe:
            yes = probe.ask("ada@lovelace.dev", RIGHT)
            self.assertEqual(yes["says"], "yes", yes)
            self.assertEqual(yes["user"]["external_id"], "auth0|17")
            self.assertEqual(self.form, {"grant_type": "password", "username": "ada@lovelace.dev",
                                         "password": RIGHT, "scope": "openid email", "client_id": "cl"})
            self.assertEqual(probe.says("ada@lovelace.dev", "wrong"), "no")
            self.assertEqual(probe.says("ada@lovelace.dev"), "cannot_tell")

    def test_a_client_with_a_secret(self):
        with self.server() as web, self.probe(web, client_secret="s3") as probe:
            self.assertEqual(probe.says("ada@lovelace.dev", RIGHT), "yes")
            proof = base64.b64encode(b"cl:s3").decode()
            self.assertEqual(web.seen[0].headers["Authorization"], "Basic " + proof)
            self.assertNotIn("client_id", self.form)

    def test_what_is_a_no(self):
        for status, error, says in ((400, "invalid_grant", "no"), (401, "invalid_grant", "no"),
                                    (403, "invalid_grant", "no"), (401, "invalid_client", "cannot_tell"),
                                    (400, "unauthorized_client", "cannot_tell"), (403, "mfa_required", "cannot_tell"),
                                    (429, "too_many_attempts", "cannot_tell"), (500, "invalid_grant", "cannot_tell"),
                                    (302, "invalid_grant", "cannot_tell"), (200, "invalid_grant", "cannot_tell")):
            with self.server((status, {"error": error})) as web, self.probe(web) as probe:
                self.assertEqual(probe.says("ada@lovelace.dev", "wrong"), says, (status, error))

    def test_userinfo_that_fails(self):
        for claims in ((500, {}), (401, {}), (200, "<html>"), (200, []), (302, "", {"Location": "/"}),
                       (200, {"email": "x@y.example"})):
            with self.server(claims=claims) as web, self.probe(web) as probe:
                self.assertEqual(probe.says("ada@lovelace.dev", RIGHT), "cannot_tell", claims)


class Cognito(unittest.TestCase):
    POOL, CLIENT = "eu-west-1_EECBAPfUo", "5k4m3rpziv3kd5ezjhokegbxzp"
    USER = {"Username": "ada", "UserAttributes": [{"Name": "sub", "Value": "6f-17"},
                                                  {"Name": "email", "Value": "ada@lovelace.dev"},
                                                  {"Name": "email_verified", "Value": "true"},
                                                  {"Name": "custom:plan", "Value": "pro"}]}

    def server(self, user=None, signed_in=None):
        def answer(request):
            target = request.headers["X-Amz-Target"].removeprefix("AWSCognitoIdentityProviderService.")
            body = request.json
            if target == "GetUser":
                self.assertEqual(body, {"AccessToken": "acc"})
                return user or (200, self.USER)
            self.assertEqual(target, "InitiateAuth")
            if body["AuthParameters"]["PASSWORD"] != RIGHT:
                return 400, {"__type": "NotAuthorizedException", "message": "Incorrect username or password."}
            return signed_in or (200, {"AuthenticationResult": {"AccessToken": "acc"}})
        return Web(answer)

    def probe(self, web, **more):
        return Probe({"USHER_COGNITO_URL": web.url}, connector="cognito", pool=self.POOL, client_id=self.CLIENT,
                     **more)

    def test_yes_and_no(self):
        with self.server() as web, self.probe(web) as probe:
            user = probe.ask("ada@lovelace.dev", RIGHT)["user"]
            self.assertEqual((user["external_id"], user["email_address"]), ("6f-17", ["ada@lovelace.dev"]))
            self.assertEqual(probe.says("ada@lovelace.dev", "wrong"), "no")
            self.assertEqual(probe.says("ada@lovelace.dev"), "cannot_tell")
        mapping = '{"fields":{"external_id":"{{sub}}","email_address":"{{email | verified}}",' \
                  '"public_metadata.plan":"{{custom:plan}}"}}'
        with self.server() as web, self.probe(web, **{"from": mapping}) as probe:
            self.assertEqual(probe.ask("ada", RIGHT)["user"]["public_metadata"], {"plan": "pro"})

    def test_what_cannot_be_told(self):
        for user, signed_in in (((400, {"__type": "NotAuthorizedException"}), None), ((200, {}), None),
                                ((200, "<html>"), None), ((500, self.USER), None),
                                (None, (200, {"ChallengeName": "SMS_MFA", "Session": "s"})),
                                (None, (500, {}))):
            with self.server(user, signed_in) as web, self.probe(web) as probe:
                self.assertEqual(probe.says("ada", RIGHT), "cannot_tell", (user, signed_in))

    def test_settings(self):
        said = refusal(connector="cognito", pool="nowhere", client_id="x")
        self.assertIn("pool and client_id", said)


class Firebase(unittest.TestCase):
    USER = {"localId": "uid17", "email": "ada@lovelace.dev", "emailVerified": True, "displayName": "Ada Lovelace",
            "providerUserInfo": [{"providerId": "password", "email": "ada@lovelace.dev"}],
            "createdAt": "1600000000000", "lastLoginAt": "1600000000001"}

    def server(self, wrong="INVALID_PASSWORD", status=400, users=None, signed_in=None):
        def answer(request):
            path, _, query = request.path.partition("?")
            self.assertEqual(query, "key=k%20y")
            if path == "/v1/accounts:lookup":
                self.assertEqual(request.json, {"idToken": "idt"})
                return 200, {"users": users if users is not None else [self.USER]}
            self.assertEqual(path, "/v1/accounts:signInWithPassword")
            self.assertTrue(request.json["returnSecureToken"])
            if request.json["password"] != RIGHT:
                return status, {"error": {"code": status, "message": wrong, "errors": []}}
            return 200, signed_in or {"idToken": "idt", "localId": "uid17"}
        return Web(answer)

    def probe(self, web):
        return Probe(connector="firebase", url=web.url, api_key="k y")

    def test_yes(self):
        with self.server() as web, self.probe(web) as probe:
            user = probe.ask("ada@lovelace.dev", RIGHT)["user"]
            self.assertEqual((user["external_id"], user["email_address"]), ("uid17", ["ada@lovelace.dev"]))
            self.assertEqual(user["created_at"], "2020-09-13T12:26:40.000Z")
            self.assertEqual(probe.says("ada@lovelace.dev"), "cannot_tell")

    def test_refusals(self):
        for wrong, status, says in (("INVALID_PASSWORD", 400, "no"), ("EMAIL_NOT_FOUND", 400, "unknown"),
                                    ("INVALID_LOGIN_CREDENTIALS", 400, "no"), ("USER_DISABLED", 400, "no"),
                                    ("INVALID_EMAIL", 400, "unknown"), ("OPERATION_NOT_ALLOWED", 400, "cannot_tell"),
                                    ("TOO_MANY_ATTEMPTS_TRY_LATER : blocked", 400, "cannot_tell"),
                                    ("API key not valid. Please pass a valid API key.", 400, "cannot_tell"),
                                    ("INVALID_PASSWORD", 503, "cannot_tell"), ("", 400, "cannot_tell")):
            with self.server(wrong, status) as web, self.probe(web) as probe:
                said = probe.ask("ada@lovelace.dev", "wrong")
                self.assertEqual(said["says"], says, (wrong, said))
                self.assertNotIn("k y", said["why"])

    def test_what_cannot_be_told(self):
        for users, signed_in in (([], None), ([self.USER, self.USER], None), ({}, None),
                                 (None, {"mfaPendingCredential": "m", "localId": "uid17"}), (None, {"localId": "x"})):
            with self.server(users=users, signed_in=signed_in) as web, self.probe(web) as probe:
                self.assertEqual(probe.says("ada@lovelace.dev", RIGHT), "cannot_tell", (users, signed_in))


if __name__ == "__main__":
    unittest.main()
