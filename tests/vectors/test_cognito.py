#!/usr/bin/env python3
"""awscognito against a server that answers as Amazon publishes InitiateAuth: what is a match, what is no
match, and above all what is neither. The server checks each request as the API asks for it."""
import json
import os
import socket
import subprocess
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USHER = os.environ["USHER"]
POOL, CLIENT = "eu-west-1_EECBAPfUo", "5k4m3rpziv3kd5ezjhokegbxzp"
PASSWORD = "Passw0rd \"quoted\" žluť 🔑"
TOKENS = {"AccessToken": "a" * 900, "IdToken": "i" * 900, "RefreshToken": "r" * 900,
          "ExpiresIn": 3600, "TokenType": "Bearer"}


def refusal(kind, message, status=400):
    return status, {"__type": kind, "message": message}


def challenge(name):
    return 200, {"ChallengeName": name, "Session": "s" * 40, "ChallengeParameters": {}}


WRONG = refusal("NotAuthorizedException", "Incorrect username or password.")
# identifier → (status, body); a right password is asked for first where the user's row says so.
ANSWERS = {
    "jane@example.com": (200, {"AuthenticationResult": TOKENS, "ChallengeParameters": {}}),
    "user name # with signs": (200, {"AuthenticationResult": TOKENS}),
    "mfa": challenge("SOFTWARE_TOKEN_MFA"),
    "sms": challenge("SMS_MFA"),
    "new": challenge("NEW_PASSWORD_REQUIRED"),
    "custom": challenge("CUSTOM_CHALLENGE"),
    "srp": challenge("PASSWORD_VERIFIER"),
    "nobody": refusal("UserNotFoundException", "User does not exist."),
    "qualified": refusal("com.amazonaws.cognito#UserNotFoundException", "User does not exist."),
    "disabled": refusal("NotAuthorizedException", "User is disabled."),
    "attempts": refusal("NotAuthorizedException", "Password attempts exceeded"),
    "secret": refusal("NotAuthorizedException",
                      "Client is configured with secret but SECRET_HASH was not received"),
    "unconfirmed": refusal("UserNotConfirmedException", "User is not confirmed."),
    "reset": refusal("PasswordResetRequiredException", "Password reset required for the user"),
    "throttled": refusal("TooManyRequestsException", "Rate exceeded"),
    "gone": refusal("ResourceNotFoundException", "User pool client does not exist."),
    "internal": refusal("InternalErrorException", "Something went wrong", 500),
    "masked": refusal("NotAuthorizedException", "Incorrect username or password.", 503),
    "empty": (200, {}),
    "list": (200, []),
    "html": (200, "<html>captive portal</html>"),
    "moved": (302, ""),
    "huge": (200, "x" * 200000),
}
CHECKED = {"jane@example.com", "user name # with signs", "mfa"}
MATCH = {"jane@example.com", "user name # with signs", "mfa", "sms", "new"}
NO_MATCH = {"nobody", "qualified"}


class Cognito(BaseHTTPRequestHandler):
    """Refuses what does not look like InitiateAuth, and remembers why."""
    protocol_version = "HTTP/1.1"
    problems, asked, passwords = [], [], []

    def problem(self, body):
        wanted = {"Content-Type": "application/x-amz-json-1.1",
                  "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth"}
        for name, value in wanted.items():
            if self.headers.get(name) != value:
                return f"{name}: {self.headers.get(name)}"
        if set(body) != {"AuthFlow", "ClientId", "AuthParameters"}:
            return f"keys: {sorted(body)}"
        if body["AuthFlow"] != "USER_PASSWORD_AUTH" or body["ClientId"] != CLIENT:
            return f"flow or client: {body}"
        if set(body["AuthParameters"]) != {"USERNAME", "PASSWORD"}:
            return f"parameters: {sorted(body['AuthParameters'])}"
        return None

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        problem = self.problem(body)
        if problem:
            self.problems.append(problem)
            self.send_error(400, "not InitiateAuth")
            return
        user, password = body["AuthParameters"]["USERNAME"], body["AuthParameters"]["PASSWORD"]
        self.asked.append(user)
        self.passwords.append(password)
        status, answer = ANSWERS[user]
        if user in CHECKED and password != PASSWORD:
            status, answer = WRONG
        text = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(text)))
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        try:
            self.wfile.write(text)
        except OSError:
            pass  # the client has had enough

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that hangs up is part of the test


def verify(url, pairs, pool=POOL):
    """The answers of `usher digest verify` to (identifier, password) pairs, and its exit status."""
    lines = "".join(json.dumps({"hasher": "awscognito", "password": password,
                                "digest": f"awscognito#{pool}#{CLIENT}#{user}"}) + "\n"
                    for user, password in pairs)
    done = subprocess.run([USHER, "digest", "verify"], input=lines, capture_output=True, text=True,
                          env={**os.environ, "USHER_COGNITO_URL": url}, timeout=60, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode, done.stderr


class AwsCognito(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(("127.0.0.1", 0), Cognito)
        cls.url = f"http://127.0.0.1:{cls.server.server_port}/"
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self):
        Cognito.problems.clear()
        Cognito.asked.clear()
        Cognito.passwords.clear()

    def test_each_answer_means_what_it_says(self):
        users = sorted(ANSWERS)
        answers, status, _ = verify(self.url, [(user, PASSWORD) for user in users])
        self.assertEqual(Cognito.problems, [])
        self.assertEqual(Cognito.asked, users)
        self.assertEqual(status, 1)
        for user, answer in zip(users, answers, strict=True):
            with self.subTest(user=user):
                if user in MATCH:
                    self.assertEqual(answer, {"match": True})
                elif user in NO_MATCH:
                    self.assertEqual(answer, {"match": False})
                else:
                    self.assertEqual(list(answer), ["error"])
                    self.assertNotIn(PASSWORD, answer["error"])

    def test_a_wrong_password_is_no_match(self):
        for user in CHECKED:
            answers, status, _ = verify(self.url, [(user, "wrong"), (user, PASSWORD), (user, "")])
            self.assertEqual(answers, [{"match": False}, {"match": True}, {"match": False}])
            self.assertEqual(status, 0)

    def test_the_password_goes_as_it_is(self):
        odd = ["\\", "\"", "\u0001", "\u2028", " lead", "x" * 256]
        verify(self.url, [("sms", password) for password in odd])
        self.assertEqual(Cognito.passwords, odd)

    def test_nobody_answers(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
            url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
            answers, status, _ = verify(url, [("jane@example.com", PASSWORD)])
        self.assertEqual(status, 1)
        self.assertIn("Cognito", answers[0]["error"])

    def test_a_silent_server_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            start = time.monotonic()
            answers, _, _ = verify(f"http://127.0.0.1:{silent.getsockname()[1]}/",
                                   [("jane@example.com", PASSWORD)])
            self.assertLess(time.monotonic() - start, 15)
        self.assertEqual(list(answers[0]), ["error"])

    def test_other_schemes_are_refused(self):
        answers, _, _ = verify("file:///etc/hostname", [("jane@example.com", PASSWORD)])
        self.assertEqual(list(answers[0]), ["error"])

    def test_a_pool_id_cannot_name_another_host(self):
        for pool in ("evil.example/_x", "eu-west-1", "_x", "eu-west-1_", "eu@evil_x", "EU_x", "a:1_x",
                     "eu-west-1_x/y"):
            answers, status, _ = verify(self.url, [("jane@example.com", PASSWORD)], pool)
            self.assertEqual((list(answers[0]), status), (["error"], 1), pool)
        self.assertEqual(Cognito.asked, [])


if __name__ == "__main__":
    unittest.main()
