"""usher sandbox on a free loopback port, and usher commands against it: for tools/demo and tools/bench."""
import json
import os
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
USHER = os.environ.get("USHER", os.path.join(ROOT, "build", "usher"))


class LocalClerk:
    """`with LocalClerk("--limits", "off") as clerk:` starts it; leaving the block stops it."""

    def __init__(self, *options, data=":memory:"):
        key = "sk_live_" + secrets.token_hex(20)  # of a production instance, which holds any number of users
        self.command = [USHER, "sandbox", "--listen", "127.0.0.1:0", "--data", data,
                        "--secret-key", key, *options]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"usher sandbox ended with status {self.process.wait()}")
        self.ready = json.loads(line)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def environment(self):
        return {**os.environ, "CLERK_SECRET_KEY": self.ready["secret_key"],
                "CLERK_API_URL": self.ready["backend_api"]}

    def call(self, method, path, body=None):
        """One request of the Backend API; returns (status, answer)."""
        request = urllib.request.Request(
            self.ready["backend_api"] + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": "Bearer " + self.ready["secret_key"],
                     "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)

    def cpu_seconds(self):
        """What the sandbox has used of the processor so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Run:
    """One usher command that has ended: status, out, err, seconds, cpu (seconds), rss (bytes at most)."""

    def __init__(self, *arguments, env=None):
        began = time.monotonic()
        process = subprocess.Popen([USHER, *arguments], env=env, stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.out = process.stdout.read()
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = self.status = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - began
        self.cpu, self.rss = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def cpu_of(command):
    """Runs any command; returns (seconds, CPU seconds, peak bytes)."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with status {process.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


__all__ = ["LocalClerk", "Run", "cpu_of", "ROOT", "USHER"]
