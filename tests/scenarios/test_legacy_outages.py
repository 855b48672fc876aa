"""Every connector against an old system that is down, silent, cuts the line, or says what none of its kind would say: the answer is
"cannot tell" in good time, and what was typed stays untold. Where a server must begin to talk, this one waits, too."""
import contextlib
import socket
import threading
import unittest

from legacy import Probe

IDENTIFIER, SECRET = "ada@lovelace.dev", "Never-To-Be-Told"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 28\r\n\r\n<html>Down for work</html>\r\n"
HALF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"result\":"
GARBAGE = bytes(range(256)) * 8
HOOKS = ("usher", "keycloak", "keycloak-id", "ory", "fusionauth")


def connectors(port):
    """Settings of every connector, with its system at this port of the loopback; (environment, settings) by name."""
    web = f"http://127.0.0.1:{port}"
    sql = {"connector": "sql", "query": "SELECT 1 AS external_id, 'x' AS username WHERE 'a' = :identifier"}
    return {
        **{"http " + form: ({}, {"connector": "http", "form": form, "url": web}) for form in HOOKS},
        "oauth": ({}, {"connector": "oauth", "url": web + "/t", "userinfo_url": web + "/u", "client_id": "c"}),
        "cognito": ({"USHER_COGNITO_URL": web}, {"connector": "cognito", "pool": "eu-west-1_EECBAPfUo", "client_id": "c"}),
        "firebase": ({}, {"connector": "firebase", "url": web, "api_key": "k"}),
        "ldap": ({}, {"connector": "ldap", "url": f"ldap://127.0.0.1:{port}", "base": "dc=x", "starttls": "no"}),
        "ldap with starttls": ({}, {"connector": "ldap", "url": f"ldap://127.0.0.1:{port}", "base": "dc=x"}),
        "postgres": ({}, {**sql, "url": f"postgres://u:p@127.0.0.1:{port}/b"}),
        "mysql": ({}, {**sql, "url": f"mysql://u:p@127.0.0.1:{port}/b"}),
    }


@contextlib.contextmanager
def server(talk):
    """Accepts on a free port; talk(connection) says what there is to say. Yields the port and what was asked."""
    asked, open_ones = [], []

    def serve(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_ones.append(connection)
            asked.append(connection)
            threading.Thread(target=speak, args=(connection,), daemon=True).start()

    def speak(connection):
        with contextlib.suppress(OSError):
            connection.settimeout(60)
            talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)
    for connection in open_ones:
        connection.close()


def silent(connection):
    while connection.recv(65536):
        pass


def cutting(connection):
    connection.recv(1)
    connection.close()


def saying(data):
    """Says it at once and again at each question; then nobody hangs up."""
    def talk(connection):
        connection.sendall(data)
        while connection.recv(65536):
            connection.sendall(data)
    return talk


class Outages(unittest.TestCase):
    def check(self, port, budget_ms):
        for name, (environment, settings) in connectors(port).items():
            with self.subTest(name), Probe(environment, budget_ms=budget_ms, **settings) as probe:
                for password in (SECRET, None):
                    said = probe.ask(IDENTIFIER, password)
                    self.assertEqual(said["says"], "cannot_tell", said)
                    self.assertTrue(said["why"])
                    self.assertNotIn(SECRET, said["why"])
                    self.assertNotIn(IDENTIFIER, said["why"])

    def test_down(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.check(port, 60000)

    def test_silent(self):
        with server(silent) as (port, asked):
            self.check(port, 300)
            self.assertGreater(len(asked), 10, "somebody was not asked at all")

    def test_cut_off(self):
        with server(cutting) as (port, _):
            self.check(port, 2000)

    def test_a_page(self):
        with server(saying(PAGE)) as (port, _):
            self.check(port, 2000)

    def test_half_an_answer(self):
        with server(saying(HALF)) as (port, _):
            self.check(port, 300)

    def test_garbage(self):
        with server(saying(GARBAGE)) as (port, _):
            self.check(port, 2000)


if __name__ == "__main__":
    unittest.main()
