"""Every row of every sample export, through the real command: `usher check --bodies` must print what the
sample's expected.json says, body for body, reason for reason, in file order."""
import json
import os
import subprocess
import unittest

USHER = os.environ["USHER"]
SAMPLES = os.path.join(os.environ["USHER_SHARED"], "samples")


def options_of(expected):
    """The file's options as flags: firebase_signer_key → --firebase-signer-key."""
    return [word for name, value in expected["options"].items()
            for word in ("--" + name.replace("_", "-"), str(value))]


class Samples(unittest.TestCase):
    def check(self, name, platform, arguments, stdin=None):
        with open(os.path.join(SAMPLES, name + ".expected.json"), encoding="utf-8") as file:
            expected = json.load(file)
        done = subprocess.run([USHER, "check", "--bodies", *arguments, "--from",
                               platform or expected["format"], *options_of(expected)],
                              stdin=stdin, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr.decode())
        rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
        self.assertEqual(len(rows), expected["rows_total"], name)
        for want, got in zip(expected["rows"], rows):
            for key in ("row", "id"):
                self.assertEqual(got[key], want[key], (name, got))
            if want["accept"]:
                self.assertEqual(got.get("body"), want["body"], (name, got))
            else:
                self.assertEqual(got.get("reason"), want["reason"], (name, got))
                self.assertTrue(got["detail"], (name, got))

    def test_from_a_file(self):
        names = [n[:-len(".expected.json")] for n in os.listdir(SAMPLES) if n.endswith("expected.json")]
        self.assertGreater(len(names), 8)
        for name in sorted(names):
            with self.subTest(name):
                self.check(name, None, [os.path.join(SAMPLES, name)])
                self.check(name, "auto", [os.path.join(SAMPLES, name)])

    def test_from_standard_input(self):
        with open(os.path.join(SAMPLES, "auth0.json"), "rb") as file:
            self.check("auth0.json", None, ["-"], stdin=file)


if __name__ == "__main__":
    unittest.main()
