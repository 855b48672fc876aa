#!/usr/bin/env python3
"""The maker of exports: as many users as asked for, the same for the same seed, with digests that are true."""
import json
import os
import subprocess
import unittest

GENERATE = os.path.join(os.environ["USHER_BUILD"], "bench", "generate")
USHER = os.environ["USHER"]


def generate(*options):
    return subprocess.run([GENERATE, *options], capture_output=True, check=True).stdout


class Generate(unittest.TestCase):
    def verify(self, lines):
        """usher digest verify on (hasher, digest, password); returns the answers."""
        text = "".join(json.dumps({"hasher": h, "digest": d, "password": p}) + "\n" for h, d, p in lines)
        done = subprocess.run([USHER, "digest", "verify"], input=text, capture_output=True, text=True,
                              check=False)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_every_digest_is_one_of_the_password(self):
        users = [json.loads(line) for line in generate("--platform", "usher", "--users", "70").splitlines()]
        self.assertEqual(len({user["password_hasher"] for user in users}), 7)
        for password, match in (("Correct-Horse-9", True), ("correct-horse-9", False)):
            answers = self.verify([(u["password_hasher"], u["password_digest"], password) for u in users])
            self.assertEqual(answers, [{"match": match}] * 70)

    def test_auth0_real_and_shaped(self):
        for options, match in ((["--real"], True), ([], False)):
            lines = generate("--platform", "auth0", "--users", "3", *options).splitlines()
            answers = self.verify([("bcrypt", json.loads(line)["passwordHash"], "Correct-Horse-9")
                                   for line in lines])
            self.assertEqual(answers, [{"match": match}] * 3)

    def test_users_differ_and_seeds_come_back(self):
        one = generate("--platform", "auth0", "--users", "500", "--seed", "7")
        self.assertEqual(one, generate("--platform", "auth0", "--users", "500", "--seed", "7"))
        self.assertNotEqual(one, generate("--platform", "auth0", "--users", "500", "--seed", "8"))
        users = [json.loads(line) for line in one.splitlines()]
        for field in ("user_id", "email"):
            self.assertEqual(len({user[field] for user in users}), 500)

    def test_usage(self):
        for options in ([], ["--platform", "auth0"], ["--platform", "x", "--users", "1"]):
            self.assertEqual(subprocess.run([GENERATE, *options], stderr=subprocess.DEVNULL,
                                            check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main()
