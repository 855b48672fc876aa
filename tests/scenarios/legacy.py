"""What scenarios of legacy systems share: a probe that asks them.

    with Probe(connector="http", url=web.url) as probe:
        probe.ask("ada", "secret")["says"]
"""
import json
import os
import subprocess

PROBE = os.environ["USHER_LEGACY_PROBE"]


class Probe:
    """A running legacy_probe.c (or another program of its kind); settings as keywords."""

    program = PROBE

    def __init__(self, env=None, **settings):
        self.process = subprocess.Popen([self.program, *(f"{name}={value}" for name, value in settings.items())],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, **(env or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.process.stderr.close()
        assert self.process.returncode == 0, self.process.returncode

    def send(self, *fields):
        line = "\t".join(fields).encode("utf-8", "surrogateescape")
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.process.stderr.read()
        return json.loads(answer)

    def ask(self, identifier, password=None):
        return self.send(identifier) if password is None else self.send(identifier, password)

    def says(self, identifier, password=None):
        return self.ask(identifier, password)["says"]

    def moved(self, identifier, external_id, clerk_id):
        return self.send("!moved", identifier, external_id, clerk_id)


def refusal(program=PROBE, **settings):
    """What a probe says of settings that are wrong."""
    done = subprocess.run([program, *(f"{name}={value}" for name, value in settings.items())], input=b"",
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 1, done
    return done.stderr.decode()
