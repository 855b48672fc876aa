"""kill -9 at any instant, of the import and of the sandbox, while everything else goes wrong as well."""
import random
import subprocess
import time
import unittest

import lab
from faults import LONG, assert_same, import_command
from lab import Sandbox, export, folder, user

FAULTS = ["500=0.03", "429=0.03", "drop-before=0.03", "drop-after=0.03", "slow-body=0.001"]
STORM = ["429=60"]  # the next requests, one after another


def start(command, box):
    return subprocess.Popen(command, env=lab.environment(box), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Kill(unittest.TestCase):
    def setUp(self):
        self.seed = random.randrange(1 << 32)
        self.random = random.Random(self.seed)

    def storm(self, box):
        """Now and then nothing but 429 for a while, and else everything at once."""
        faults = FAULTS[:1] + STORM + FAULTS[2:] if self.random.random() < 0.04 else FAULTS
        self.assertEqual(box.call("PUT", "/v1/sandbox/faults", {"faults": faults})[0], 200)
        return faults != FAULTS

    def test_the_import_is_killed_at_random(self):
        users = [user(n) for n in range(20_000 if LONG else 600)]
        kills, storms, longest = 0, 0, 0.3
        with folder() as cwd:
            ledger, file = cwd + "/ledger", export(cwd + "/users", users)
            command = import_command(file, ledger, "--rate", "1000" if LONG else "600")
            with Sandbox("--limits", "off", "--latency", "10", data=cwd + "/clerk.db") as box:
                while True:
                    storms += self.storm(box)
                    process = start(command, box)
                    try:
                        self.assertEqual(process.wait(self.random.uniform(0.02, longest)), 0, f"seed {self.seed}")
                        break
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()
                        kills += 1
                        longest *= 1.01  # on a machine that is busy, they get to do something
                stats = box.call("GET", "/v1/sandbox/stats")[1]
            with Sandbox("--limits", "off", data=cwd + "/clerk.db") as box:
                assert_same(self, ledger, box, users)
        self.assertGreaterEqual(kills, 100 if LONG else 5)
        spent, faults = stats["requests"], sum(stats["faults"].values())
        print(f"{len(users):,} users, {kills} kills, {faults} faults, {storms} storms of 429 (seed {self.seed}): {spent:,} requests, "
              f"{spent - len(users):,} more than users, {stats['duplicates']} of them refused as duplicates")

    def test_the_sandbox_is_killed_at_random(self):
        users = [user(n) for n in range(20_000 if LONG else 1_500)]
        with folder() as cwd:
            ledger, file, data = cwd + "/ledger", export(cwd + "/users", users), cwd + "/clerk.db"
            with Sandbox("--limits", "off", data=data) as box:
                listen = box.ready["listen"]
            box = Sandbox("--limits", "off", data=data, listen=listen).__enter__()
            process, kills = start(import_command(file, ledger, "--rate", "1500"), box), 0
            while process.poll() is None and kills < (60 if LONG else 6):
                time.sleep(self.random.uniform(0.05, 0.3))
                box.stop(9)
                kills += 1
                box = Sandbox("--limits", "off", data=data, listen=listen).__enter__()
            self.assertEqual(process.wait(300), 0, f"seed {self.seed}")
            assert_same(self, ledger, box, users)
            box.stop(15)
        self.assertGreaterEqual(kills, 3)
        print(f"{len(users):,} users while the sandbox was killed {kills} times (seed {self.seed})")


if __name__ == "__main__":
    unittest.main()
