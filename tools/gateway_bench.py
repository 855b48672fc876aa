"""The gateway as a proxy beside nginx as one, in front of the same upstream, in turns; then sign_in_bench.py.

What tools/bench prints as `gateway`. Needs Debian's nginx and wrk, which tools/setup installs.

CPU of a request is measured under wrk, whose 32 connections each send a request as soon as the last one has been
answered: all cores are busy, and the time of a request is then nothing but 32 over the throughput. So latency is
measured with requests that are offered at a fixed rate, whether or not they are answered (bench/offer.c): at 1,000
a second, and at a quarter of what the slower of both proxies can do at most; above that the machine, which also
makes the requests and answers them, is what waits: at half of it nginx as well adds several milliseconds. The
upstream is asked directly at the same rates, and what a proxy adds is its p50 or p99 less the upstream's. At the second
rate four programs share the cores, and a p99 is often the machine's: there it may be as much as nginx adds, if that is
more than the millisecond.
"""
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

import sign_in_bench
from local_clerk import ROOT
from sign_in_bench import memory, offer

USHER = os.path.join(ROOT, "build", "release", "usher")
PATH = "/__clerk/v1/client?_clerk_js_version=6"
SLOW_RATE = 1000

NGINX = """daemon off; worker_processes {workers}; pid {folder}/{name}.pid; error_log {folder}/{name}.log crit;
events {{ worker_connections 12000; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {body} }}
"""
UPSTREAM = """server {{ listen 127.0.0.1:{port} backlog=8192; location / {{ default_type application/json;
  add_header Set-Cookie "__client=abc; Path=/; HttpOnly"; return 200 '{payload}'; }} }}"""
PROXY = """upstream api {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
server {{ listen 127.0.0.1:{port} backlog=8192; location /__clerk/ {{ proxy_pass http://api/; proxy_http_version 1.1;
  proxy_set_header Connection ""; proxy_set_header Clerk-Proxy-Url "https://app.test/__clerk";
  proxy_set_header Clerk-Secret-Key "sk_live_x"; proxy_set_header X-Forwarded-For $remote_addr; }} }}"""


def ticks(pid):
    """CPU seconds of a process and of its children that still run."""
    pids = [pid] + [int(p) for p in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True,
                                                    check=False).stdout.split()]
    total = 0
    for one in pids:
        with open(f"/proc/{one}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def load(url, seconds, connections):
    """How many requests wrk gets through, one after another on each connection."""
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url],
                          capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in done or "Socket errors" in done:
        raise RuntimeError(done)
    return int(re.search(r"(\d+) requests in", done).group(1))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    """Until somebody listens there."""
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"nobody listens at port {port}")


class Lab:
    """An upstream, nginx and the gateway, all on the loopback."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="usher-bench-")
        self.ports = {name: free_port() for name in ("upstream", "nginx", "usher")}
        self.processes = {}

    def nginx(self, name, body):
        path = os.path.join(self.folder, name + ".conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(NGINX.format(workers=2, folder=self.folder, name=name, body=body))
        self.processes[name] = subprocess.Popen(["nginx", "-p", self.folder, "-c", path],
                                                stderr=subprocess.DEVNULL)

    def __enter__(self):
        payload = json.dumps({"response": {"id": "client_x", "filler": "x" * 2000}, "client": None})
        self.nginx("upstream", UPSTREAM.format(port=self.ports["upstream"], payload=payload))
        self.nginx("nginx", PROXY.format(port=self.ports["nginx"], upstream=self.ports["upstream"]))
        config = os.path.join(self.folder, "usher.yaml")
        with open(config, "w", encoding="utf-8") as file:
            json.dump({"listen": f"127.0.0.1:{self.ports['usher']}", "clerk": {"secret_key": "${env:KEY}"},
                       "proxy": {"url": "https://app.test/__clerk",
                                 "upstream": f"http://127.0.0.1:{self.ports['upstream']}"}}, file)
        self.processes["usher"] = subprocess.Popen([USHER, "gateway", "--config", config],
                                                   env={**os.environ, "KEY": "sk_live_x"},
                                                   stdout=subprocess.DEVNULL)
        for port in self.ports.values():
            wait_for(port)
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.terminate()
            process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def saturate(self, name, seconds, connections):
        """(CPU in us a request, requests a second) of one proxy that has as much to do as it can."""
        pid = self.processes[name].pid
        before = ticks(pid)
        requests = load(f"http://127.0.0.1:{self.ports[name]}{PATH}", seconds, connections)
        return (ticks(pid) - before) * 1e6 / requests, requests / seconds

    def latency(self, name, rate, seconds):
        """(p50, p99) in ms at an offered rate."""
        said = offer(self.ports[name], rate, seconds, 64, "GET", PATH)
        answered = said["answers"].get("200", {"count": 0})
        if answered["count"] != said["offered"]:
            raise RuntimeError(f"{name}: not all were answered: {said}")
        return answered["p50_us"] / 1000, answered["p99_us"] / 1000


def hold_open(port, count):
    """Opens so many connections, each after one request that was answered; returns them."""
    held = []
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", port), timeout=30)
        one.sendall(b"GET /__clerk/v1/client HTTP/1.1\r\nHost: app.test\r\n\r\n")
        if not one.recv(64).startswith(b"HTTP/1.1 200"):
            raise RuntimeError("a connection was not answered")
        held.append(one)
    return held


def medians(rounds, names, measure):
    """Measures each in turns; the medians of its figures, by name."""
    taken = {name: [] for name in names}
    for _ in range(rounds):
        for name, figures in taken.items():
            figures.append(measure(name))
    return {name: [statistics.median(column) for column in zip(*figures)] for name, figures in taken.items()}


def bench_cpu(claim, lab, seconds, rounds):
    """Returns the rate that the slower proxy can do."""
    of = medians(rounds, ("nginx", "usher"), lambda name: lab.saturate(name, seconds, 32))
    ratio = of["usher"][0] / of["nginx"][0]
    claim("CPU of a proxied request", f"{of['usher'][0]:.0f}", "us", f"nginx's {of['nginx'][0]:.0f} us", ratio,
          ratio <= 2)
    return min(of["usher"][1], of["nginx"][1])


def bench_latency(claim, lab, rate, seconds, rounds, or_nginx):
    """or_nginx: more than the millisecond is fine if nginx adds as much."""
    of = medians(rounds, ("upstream", "nginx", "usher"), lambda name: lab.latency(name, rate, seconds))
    for i, name in enumerate(("p50", "p99")):
        mine, nginx = (of[proxy][i] - of["upstream"][i] for proxy in ("usher", "nginx"))
        allowed = max(1, nginx) if or_nginx else 1
        claim(f"added to {name} at {rate:,} requests/s", f"{mine:.2f}", "ms",
              f"the {allowed:.2f} ms allowed (nginx adds {nginx:.2f} ms; upstream {of['upstream'][i]:.2f})",
              mine / allowed, mine < 1 or mine <= allowed)


def bench_connections(claim, lab, count):
    pid = lab.processes["usher"].pid
    before = memory(pid)
    held = hold_open(lab.ports["usher"], count)
    each = (memory(pid) - before) / count
    claim(f"memory of an open connection, {count} of them", f"{each / 1024:.1f}", "KiB", "the 64 KiB allowed",
          each / 65536, each <= 65536)
    for one in held:
        one.close()


def bench(claim, quick):
    """claim(what, value, unit, against, ratio, fine) prints a line."""
    seconds, rounds = (2, 1) if quick else (8, 3)
    count = 500 if quick else 5000
    with Lab() as lab:
        fastest = bench_cpu(claim, lab, seconds, rounds)
        bench_latency(claim, lab, SLOW_RATE, seconds, rounds, False)
        bench_latency(claim, lab, int(fastest / 4), seconds, rounds, True)
        bench_connections(claim, lab, count)
    sign_in_bench.bench(claim, quick, lambda port: hold_open(port, count))
