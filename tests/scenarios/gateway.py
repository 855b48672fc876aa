"""What scenarios of the gateway share: a gateway in front of a sandbox, an old system, a browser's requests."""
import contextlib
import http.client
import http.cookies
import json
import os
import signal
import sqlite3
import subprocess
import time
import urllib.parse

from lab import BCRYPT, KEY, PASSWORD, USHER

QUERY = """select id as external_id, email as email_address, login as username, 'Ada' as first_name,
    'bcrypt' as password_hasher, digest as password_digest from members
    where lower(email) = lower(:identifier) or login = :identifier"""


def old_database(path, count=20):
    """The old system as an SQLite file: member N, memberN@example.com, PASSWORD."""
    with sqlite3.connect(path) as base:
        base.execute("create table members (id text, email text, login text, digest text)")
        base.executemany("insert into members values (?, ?, ?, ?)", (
            (f"old|{n}", f"member{n}@example.com", f"member_{n}", BCRYPT) for n in range(count)))
    return path


def settings(box, **sections):
    """usher.yaml as a dict; sections are put over the usual ones."""
    usual = {"listen": "127.0.0.1:0",
             "proxy": {"url": "https://app.example.test/__clerk", "upstream": box.url},
             "clerk": {"secret_key": "${env:CLERK_SECRET_KEY}", "api_url": box.url}}
    for name, section in sections.items():
        usual[name] = {**usual.get(name, {}), **section} if isinstance(section, dict) else section
    return usual


def sql(path, **more):
    return {"connector": "sql", "url": path, "query": " ".join(QUERY.split()), "budget_ms": 30000, **more}


class Gateway:
    """A running `usher gateway`; `with Gateway(folder, settings) as gateway`."""

    def __init__(self, folder, config, name="usher", **environment):
        self.config = os.path.join(folder, name + ".yaml")
        self.log_path = os.path.join(folder, name + ".log")
        self.environment = {**os.environ, "CLERK_SECRET_KEY": KEY, **environment}
        self.write(config)

    def write(self, config):
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(config, file)  # JSON is YAML

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([USHER, "gateway", "--config", self.config], text=True,
                                            stdout=subprocess.PIPE, stderr=log, env=self.environment)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the gateway did not start: " + self.log())
        self.ready = json.loads(line)
        self.listen = self.ready["listen"]
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGTERM)

    def stop(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(120)
        self.process.stdout.close()
        return self.process.returncode

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def events(self, name):
        return [e for e in map(json.loads, self.log().splitlines()) if e["event"] == name]


class Browser:
    """Sends what clerk-js sends, and keeps cookies as a browser does."""

    def __init__(self, gateway, query="__clerk_api_version=2026-05-12&_clerk_js_version=6.29.3"):
        self.gateway, self.query, self.cookies = gateway, query, {}

    def call(self, method, path, headers=None, body=None, timeout=60):
        """One request; returns (status, headers, body in bytes)."""
        sent = {"Origin": "https://app.example.test", **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        with contextlib.closing(http.client.HTTPConnection(self.gateway.listen, timeout=timeout)) as connection:
            connection.request(method, f"/__clerk{path}", body, sent)
            answer = connection.getresponse()
            data = answer.read()
        for line in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in http.cookies.SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return answer.status, answer.headers, data

    def post(self, path, method=None, **fields):
        """A POST of a form; returns as call."""
        query = f"?{self.query}" + (f"&_method={method}" if method else "")
        return self.call("POST", path + query, {
            "Content-Type": "application/x-www-form-urlencoded"}, urllib.parse.urlencode(fields))

    def form(self, path, method=None, **fields):
        """The same; returns (status, decoded body)."""
        status, _, data = self.post(path, method, **fields)
        return status, json.loads(data)

    def sign_in(self, identifier, password=PASSWORD):
        return self.form("/v1/client/sign_ins", identifier=identifier, password=password,
                         strategy="password", locale="en-US")


def code(body):
    return body["errors"][0]["code"]


def until(check, seconds=200):
    """Waits for what comes in its own time; returns it."""
    end = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > end:
            raise AssertionError("it did not come")
        time.sleep(0.05)
    return found
