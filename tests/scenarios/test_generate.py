#!/usr/bin/env python3
"""The maker of exports: as many users as asked for, the same for the same seed, with digests that are true."""
import csv
import io
import json
import os
import subprocess
import unittest

GENERATE = os.path.join(os.environ["USHER_BUILD"], "bench", "generate")
USHER = os.environ["USHER"]
SAMPLES = os.path.join(os.environ["USHER_ROOT"], "samples")
PLATFORMS = ("auth0", "authjs", "clerk", "firebase", "supabase", "usher")
FIREBASE = ("--firebase-signer-key",
            "bWFkZSB1cCBmb3IgdGhlIHNhbXBsZXMgb2YgVXNoZXI6IG5vdCB0aGUga2V5IG9mIGFueSBwcm9qZWN0IDAxMg==",
            "--firebase-salt-separator", "Bw==", "--firebase-rounds", "8", "--firebase-mem-cost", "4")


def generate(*options):
    return subprocess.run([GENERATE, *options], capture_output=True, check=True).stdout


class Generate(unittest.TestCase):
    def verify(self, lines):
        """usher digest verify on (hasher, digest, password); returns the answers."""
        text = "".join(json.dumps({"hasher": h, "digest": d, "password": p}) + "\n" for h, d, p in lines)
        done = subprocess.run([USHER, "digest", "verify"], input=text, capture_output=True, text=True,
                              check=False)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def bodies(self, platform, export):
        """What usher makes of an export: the CreateUser bodies, all of them accepted."""
        done = subprocess.run([USHER, "check", "--bodies", "-", "--from", platform,
                               *(FIREBASE if platform == "firebase" else ())],
                              input=export, capture_output=True, check=False)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([row for row in rows if "body" not in row], [], done.stderr)
        return [row["body"] for row in rows]

    def test_every_digest_is_one_of_the_password(self):
        for platform in PLATFORMS:
            with self.subTest(platform):
                bodies = self.bodies(platform, generate("--platform", platform, "--users", "70", "--real"))
                users = [body for body in bodies if "password_digest" in body]
                self.assertEqual(len(bodies), 70)
                self.assertEqual(len(users), 0 if platform == "authjs" else 67)
                hashers = {user["password_hasher"] for user in users}
                self.assertEqual(len(hashers), {"authjs": 0, "clerk": 7, "usher": 7}.get(platform, 1))
                for password, match in (("Correct-Horse-9", True), ("correct-horse-9", False)):
                    answers = self.verify([(u["password_hasher"], u["password_digest"], password)
                                           for u in users])
                    self.assertEqual(answers, [{"match": match}] * len(users))

    def test_users_of_many_kinds(self):
        for platform in PLATFORMS:
            with self.subTest(platform):
                bodies = self.bodies(platform, generate("--platform", platform, "--users", "400"))
                reserved = [b for b in bodies if "reserved" in b.get("email_address_identification_status", ())]
                self.assertGreater(len(reserved), 15)
                self.assertLess(len(reserved), 120)
                several = [b for b in bodies if len(b["email_address"]) == 2]
                self.assertEqual(len(several), 44 if platform in ("clerk", "usher") else 0)
                phones = {number for body in bodies for number in body.get("phone_number", ())}
                self.assertEqual(len(phones), 0 if platform == "authjs" else 66)

    def test_array(self):
        for platform in ("auth0", "usher"):
            lines = generate("--platform", platform, "--users", "30").splitlines()
            array = json.loads(generate("--platform", platform, "--users", "30", "--array"))
            self.assertEqual(array, [json.loads(line) for line in lines])

    def test_csv_is_csv(self):
        for platform, columns in (("clerk", 13), ("supabase", 16)):
            text = generate("--platform", platform, "--users", "50").decode()
            self.assertEqual({len(row) for row in csv.reader(io.StringIO(text))}, {columns})

    def test_samples_are_what_generate_makes(self):
        for name in ("authjs.json", "clerk.csv", "firebase.json", "supabase.csv", "usher.jsonl"):
            platform = name.split(".", maxsplit=1)[0]
            with self.subTest(name), open(os.path.join(SAMPLES, name), "rb") as file:
                self.assertEqual(file.read(), generate("--platform", platform, "--users", "20", "--real",
                                                       "--seed", "20"))

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
        for options in ([], ["--platform", "auth0"], ["--platform", "x", "--users", "1"], ["--users", "1"],
                        ["--platform", "clerk", "--users", "1", "--array"]):
            self.assertEqual(subprocess.run([GENERATE, *options], stderr=subprocess.DEVNULL,
                                            check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main()
