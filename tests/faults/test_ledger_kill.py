"""Kills a writing process at random moments; whatever it said was committed must be in the ledger.

    test_ledger_kill.py WRITER      (USHER_LONG=1: ten times as often)
"""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time


def write_and_kill(writer, ledger, seconds, at_work):
    """
    Lets the writer run and kills it, some time after its start or after its first commit; returns the last whole
    number that it printed, or None.
    """
    process = subprocess.Popen([writer, ledger], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = process.stdout.readline() if at_work else b""
    time.sleep(seconds)
    if process.poll() is not None:
        sys.exit(f"the writer ended by itself: {process.stderr.read().decode()}")
    process.send_signal(signal.SIGKILL)
    out, _ = process.communicate()
    lines = (first + out).split(b"\n")[:-1]
    return int(lines[-1]) if lines else None


def main():
    writer, times = sys.argv[1], 300 if os.environ.get("USHER_LONG") else 30
    seed = random.randrange(1 << 32)
    random.seed(seed)
    settled, killed_at_work = 0, 0
    with tempfile.TemporaryDirectory(prefix="usher-test-") as folder:
        ledger = os.path.join(folder, "ledger.db")
        for _ in range(times):
            said = write_and_kill(writer, ledger, random.uniform(0, 0.15), random.random() < 0.6)
            if said is not None:
                killed_at_work += 1
                if said <= settled:
                    sys.exit(f"seed {seed}: went back from {settled} to {said}")
                settled = said
            done = subprocess.run([writer, ledger, "check", str(settled)], capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"seed {seed}, {settled} settled: {done.stderr}")
    print(f"{settled} users over {times} kills, {killed_at_work} of them at work")
    if killed_at_work < times // 3:
        sys.exit("the writer was hardly ever killed at work: the test shows nothing")


main()
