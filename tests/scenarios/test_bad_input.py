"""Bad input through the real command: each ends in one clear message with the next step, exit 2 or 1."""
import gzip
import http.server
import json
import os
import ssl
import subprocess
import threading
import unittest

import lab
from lab import Sandbox, event, events, export, folder, user, usher

FIREBASE = ("--firebase-signer-key", "--firebase-salt-separator", "--firebase-rounds",
            "--firebase-mem-cost")


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


class Check(unittest.TestCase):
    def refused(self, path, *more, contains=(), stdin=""):
        done = usher("check", path, *more, stdin=stdin)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.startswith("usher check:")]
        self.assertEqual(len(lines), 1, done.stderr)
        for text in contains:
            self.assertIn(text, lines[0])
        return lines[0]

    def test_no_export_at_all(self):
        with folder() as cwd:
            for name, data in {
                "empty": b"", "blank": b" \n\n", "html": b"<!doctype html><html></html>",
                "scalar": b"42", "numbers": b"[1,2,3]", "binary": bytes(range(256)) * 40,
                "object": b'{"a":1}',
            }.items():
                with self.subTest(name):
                    self.refused(write(cwd + "/" + name, data), contains=(cwd + "/" + name,))
            self.refused(cwd + "/missing", contains=("missing",))
            self.refused(cwd, contains=(cwd, "director"))
            self.refused("-", stdin="")

    def test_wrong_platform(self):
        with folder() as cwd:
            auth0 = os.path.join(os.environ["USHER_SHARED"], "samples", "auth0.json")
            self.refused(auth0, "--from", "supabase", contains=("supabase", "auth0"))
            self.refused(auth0, "--from", "nosuch", contains=("nosuch", "auth0"))
            self.refused(auth0, "--from", cwd + "/no.json", contains=("no.json",))

    def test_truncated_and_damaged_gzip(self):
        with folder() as cwd:
            rows = b"".join(json.dumps(user(n)).encode() + b"\n" for n in range(5000))
            whole = gzip.compress(rows)
            self.assertEqual(usher("check", write(cwd + "/ok.gz", whole)).returncode, 0)
            self.refused(write(cwd + "/cut.gz", whole[:-100]))
            damaged = bytearray(whole)
            damaged[len(damaged) // 2] ^= 0xFF
            self.refused(write(cwd + "/bad.gz", bytes(damaged)))

    def test_rows_that_are_wrong_are_named_and_the_rest_goes_on(self):
        bomb = "[" * 100000
        rows = [json.dumps(user(1)).encode(), b'{"external_id":"cut', b'"text"',
                b'{"external_id":"u2","email_address":["a\xff@x.com"]}', bomb.encode(),
                b'{"external_id":"nul\\u0000","email_address":["nul@example.com"]}',
                b'{"external_id":"raw\x00"}', json.dumps(user(2)).encode()]
        with folder() as cwd:
            done = usher("check", write(cwd + "/rows", b"\n".join(rows)), "--from", "usher", "--json")
            self.assertEqual(done.returncode, 1, done.stderr)
            rejected = {e["row"]: e for e in events(done.stdout) if e["event"] == "rejected"}
            self.assertEqual(sorted(rejected)[:4], [2, 3, 4, 5])
            self.assertIn(7, rejected)
            self.assertEqual(rejected[4]["reason"], "invalid_utf8")
            self.assertEqual(rejected[3]["reason"], "not_an_object")
            self.assertEqual(rejected[2]["offset"], len(rows[0]) + 1)
            self.assertGreaterEqual(event(done.stdout, "summary")["accepted"], 2)

    def test_a_line_without_end(self):
        """A gigabyte on one line: bounded memory, told as too large, and the rest goes on."""
        command = [lab.USHER, "check", "-", "--from", "usher", "--json"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        output = []
        reader = threading.Thread(target=lambda: output.append(process.stdout.read()))
        reader.start()
        process.stdin.write(json.dumps(user(1)).encode() + b'\n{"external_id":"')
        block = b"x" * (1 << 20)
        for _ in range(1024 if os.environ.get("USHER_LONG") else 128):
            process.stdin.write(block)
        process.stdin.write(b'"}\n' + json.dumps(user(2)).encode() + b"\n")
        process.stdin.close()
        reader.join()
        process.wait()
        process.stdout.close()
        process.stderr.close()
        text = output[0].decode()
        self.assertEqual(event(text, "rejected")["reason"], "too_large")
        self.assertEqual(event(text, "summary")["accepted"], 2)

    def test_firebase_without_its_parameters(self):
        row = {"localId": "a1", "email": "a@example.com", "emailVerified": True,
               "passwordHash": "UHNStImvAr3lfM7ZIZvfAMZ8Aho27Pk6jEHkSeIXM0S2bt9qOckNksLTDk/pPrE4xAcAZ"
                               "jDPGHAiqNXBf7AboA==", "salt": "/lUYy+jf5ZKWlGvS"}
        with folder() as cwd:
            file = write(cwd + "/f.json", json.dumps({"users": [row]}).encode())
            self.refused(file, "--from", "firebase", contains=FIREBASE)

    def test_usage(self):
        for words in (["check"], ["check", "a", "b"], ["check", "--nosuch", "a"],
                      ["check", "a", "--from"], ["nosuch"], []):
            done = subprocess.run([lab.USHER, *words], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2, words)
            self.assertTrue(done.stderr, words)


class Target(unittest.TestCase):
    def refused(self, file, cwd, contains, box=None, ledger=None, command=("import", "--yes"), **env):
        done = usher(*command, file, "--from", "usher", "--ledger", ledger or cwd + "/ledger", box=box, **env)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        for text in contains:
            self.assertIn(text, done.stderr)

    def test_a_certificate_that_cannot_be_trusted(self):
        with folder() as cwd:
            made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                                   cwd + "/key", "-out", cwd + "/cert", "-days", "1", "-subj",
                                   "/CN=127.0.0.1"], capture_output=True, check=False)
            self.assertEqual(made.returncode, 0, made.stderr)
            server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cwd + "/cert", cwd + "/key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = "https://127.0.0.1:%d" % server.server_address[1]
            self.refused(export(cwd + "/users", [user(1)]), cwd, ("certificate",),
                         CLERK_SECRET_KEY=lab.KEY, CLERK_API_URL=url)
            server.shutdown()
            server.server_close()

    def test_plain_http_only_to_this_machine(self):
        with folder() as cwd:
            self.refused(export(cwd + "/users", [user(1)]), cwd, ("https",),
                         CLERK_SECRET_KEY=lab.KEY, CLERK_API_URL="http://clerk.example")

    def test_a_file_that_is_no_ledger(self):
        with folder() as cwd, Sandbox() as box:
            file = export(cwd + "/users", [user(1)])
            self.refused(file, cwd, ("ledger",), box=box, ledger=write(cwd + "/x", b"not a database" * 99))
            self.assertEqual(box.count(), 0)

    def test_a_plan_says_that_there_is_no_ledger(self):
        with folder() as cwd, Sandbox() as box:
            file = export(cwd + "/users", [user(1)])
            done = usher("plan", file, "--ledger", cwd + "/none", box=box)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"ledger: there is none yet at {cwd}/none; to the plan nobody has been moved so far", done.stderr)
            self.assertFalse(os.path.exists(cwd + "/none"))
            self.refused(file, cwd, ("no/such/ledger", "no such folder; make it"), box, cwd + "/no/such/ledger",
                         command=("plan",))
            usher("import", file, "--ledger", cwd + "/ledger", "--yes", box=box)
            self.assertNotIn("ledger:", usher("plan", file, "--ledger", cwd + "/ledger", box=box).stderr)

    def test_a_newer_ledger(self):
        import sqlite3
        with folder() as cwd, Sandbox() as box:
            file = export(cwd + "/users", [user(1)])
            self.assertEqual(usher("import", file, "--ledger", cwd + "/ledger", "--yes", box=box)
                             .returncode, 0)
            with sqlite3.connect(cwd + "/ledger") as ledger:
                ledger.execute("PRAGMA user_version = 9999")
            ledger.close()
            self.refused(file, cwd, ("newer",), box=box)

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
    def test_a_full_disk(self):
        with folder() as cwd, Sandbox("--limits", "off") as box:
            disk = cwd + "/disk"
            os.mkdir(disk)
            mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk],
                                     capture_output=True, check=False)
            if mounted.returncode:
                self.skipTest("no tmpfs can be mounted here")
            try:
                users = [user(n) for n in range(8000)]
                file = export(cwd + "/users", users)
                self.refused(file, cwd, ("disk",), box=box, ledger=disk + "/ledger")
                # with room again the same ledger goes on, and nobody is made twice
                subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
                done = usher("import", file, "--from", "usher", "--ledger", disk + "/ledger", "--yes",
                             "--rate", "off", "--json", box=box)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(box.count(), 8000)
            finally:
                subprocess.run(["umount", disk], check=True)


if __name__ == "__main__":
    unittest.main()
