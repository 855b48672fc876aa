#!/usr/bin/env python3
"""`usher digest verify` and `parse` as a program meets them: one line out for each line in, in order, errors
in their place, exit statuses, nothing secret in messages."""
import json
import os
import subprocess
import unittest

USHER = os.environ["USHER"]
MD5 = {"hasher": "md5", "digest": "5f4dcc3b5aa765d61d8327deb882cf99", "password": "password"}


def usher(*words, lines=b""):
    done = subprocess.run([USHER, "digest", *words], input=lines, capture_output=True, timeout=60,
                          check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def ask(command, rows):
    """Rows are objects or raw bytes. Returns the exit status and the answers."""
    lines = b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n"
                     for row in rows)
    status, out, _ = usher(command, lines=lines)
    return status, [json.loads(line) for line in out.splitlines()]


class Verify(unittest.TestCase):
    def test_answers_in_order(self):
        rows = [MD5, {**MD5, "password": "Password"}, {**MD5, "extra": [1, {"a": None}]}]
        self.assertEqual(ask("verify", rows),
                         (0, [{"match": True}, {"match": False}, {"match": True}]))

    def test_every_bad_line_has_its_error(self):
        bad = [b"", b"{", b"[]", b"null", b"\"text\"", b"{\"hasher\":\"md5\"}", b"\xff\xfe",
               {**MD5, "hasher": "md6"}, {**MD5, "hasher": 5}, {**MD5, "digest": "5f4d"},
               {**MD5, "digest": None}, {**MD5, "password": None},
               {"hasher": "md5", "digest": MD5["digest"]}, {**MD5, "password": "s3cret" * 1000},
               b"{\"hasher\":\"md5\",\"password\":\"" + b"s3cret" * 20000 + b"\"}"]
        rows = [row for one in bad for row in (one, MD5)]
        status, answers = ask("verify", rows)
        self.assertEqual(status, 1)
        self.assertEqual(len(answers), len(rows))
        for row, answer in zip(rows[::2], answers[::2]):
            self.assertEqual(list(answer), ["error"], row[:80] if isinstance(row, bytes) else row)
            self.assertNotIn("s3cret", answer["error"])
        self.assertEqual(answers[1::2], [{"match": True}] * len(bad))

    def test_last_line_without_newline_and_crlf(self):
        line = json.dumps(MD5).encode()
        for lines, count in ((line, 1), (line + b"\r\n" + line, 2), (line + b"\n", 1), (b"", 0)):
            status, out, _ = usher("verify", lines=lines)
            self.assertEqual((status, out), (0, "{\"match\":true}\n" * count))

    def test_each_answer_comes_at_once(self):
        with subprocess.Popen([USHER, "digest", "verify"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            for _ in range(3):
                process.stdin.write(json.dumps(MD5).encode() + b"\n")
                process.stdin.flush()
                self.assertEqual(process.stdout.readline(), b"{\"match\":true}\n")
            process.stdin.close()
            self.assertEqual(process.wait(10), 0)

    def test_full_disk_is_told(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([USHER, "digest", "verify"], input=json.dumps(MD5).encode(),
                                  stdout=full, stderr=subprocess.PIPE, timeout=10, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"standard output", done.stderr)

    def test_passwords_are_no_arguments(self):
        self.assertEqual(usher("verify", "password")[0], 2)
        self.assertEqual(usher("verify", "--password", "x")[0], 2)


class Parse(unittest.TestCase):
    def test_says_class_and_limits(self):
        bcrypt = "$2b$%02d$AAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA."
        status, answers = ask("parse", [
            MD5,
            {"hasher": "bcrypt", "digest": bcrypt % 10},
            {"hasher": "bcrypt", "digest": bcrypt % 16},
            {"hasher": "bcrypt", "digest": bcrypt % 32},
            {"hasher": "awscognito", "digest": "awscognito#eu-west-1_a#b#c"},
        ])
        self.assertEqual(status, 1)
        self.assertEqual(answers[0], {"class": "md5", "insecure": True, "remote": False,
                                      "problem": None})
        self.assertEqual(answers[1], {"class": "bcrypt cost=10", "insecure": False,
                                      "remote": False, "problem": None})
        self.assertEqual(answers[2]["class"], "bcrypt cost=16")
        self.assertIn("15", answers[2]["problem"])
        self.assertEqual(list(answers[3]), ["error"])
        self.assertEqual(answers[4]["remote"], True)


class Usage(unittest.TestCase):
    def test_help_and_refusals(self):
        for words, status in ((["--help"], 0), (["verify", "--help"], 0), (["parse", "--help"], 0),
                              ([], 2), (["guess"], 2), (["parse", "FILE"], 2),
                              (["parse", "--all"], 2)):
            self.assertEqual(usher(*words)[0], status, words)
        for name in ("verify", "parse", "convert", "find"):
            self.assertIn(name, usher("--help")[1])


if __name__ == "__main__":
    unittest.main()
