"""The gateway as a proxy beside nginx as one, in front of the same upstream, under wrk, in turns.

What tools/bench prints as `gateway`. Needs Debian's nginx and wrk, which tools/setup installs.
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

HERE = os.path.dirname(os.path.abspath(__file__))
USHER = os.path.join(HERE, "..", "build", "release", "usher")

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
    """wrk's requests, and the latency in ms at p50 and p99."""
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url],
                          capture_output=True, text=True, check=True).stdout
    unit = {"us": 0.001, "ms": 1, "s": 1000}
    at = {p: float(n) * unit[u] for p, n, u in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)\b", done)}
    if "Non-2xx" in done or "Socket errors" in done:
        raise RuntimeError(done)
    return int(re.search(r"(\d+) requests in", done).group(1)), at["50"], at["99"]


class Lab:
    """An upstream, nginx and the gateway, all on the loopback."""

    def __init__(self, port):
        self.folder = tempfile.mkdtemp(prefix="usher-bench-")
        self.ports = {"upstream": port, "nginx": port + 1, "usher": port + 2}
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
        time.sleep(1)
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.terminate()
            process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def measure(self, name, seconds, connections):
        """(CPU in us a request, p50, p99 in ms) of one proxy."""
        pid = self.processes[name].pid
        before = ticks(pid)
        url = f"http://127.0.0.1:{self.ports[name]}/__clerk/v1/client?_clerk_js_version=6"
        requests, p50, p99 = load(url, seconds, connections)
        return (ticks(pid) - before) * 1e6 / requests, p50, p99


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


def memory(pid):
    """Resident bytes of a process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def bench(claim, quick):
    """claim(what, value, unit, against, ratio, fine) prints a line."""
    seconds, rounds = (2, 1) if quick else (8, 3)
    with Lab(18080) as lab:
        figures = {"nginx": [], "usher": []}
        for _ in range(rounds):
            for name, taken in figures.items():
                taken.append(lab.measure(name, seconds, 32))
        cpu, p50, p99 = ({name: statistics.median(figure[i] for figure in taken)
                          for name, taken in figures.items()} for i in range(3))
        ratio = cpu["usher"] / cpu["nginx"]
        claim("CPU of a proxied request", f"{cpu['usher']:.0f}", "us", f"nginx's {cpu['nginx']:.0f} us", ratio,
              ratio <= 2)
        for name, mine in (("p50", p50), ("p99", p99)):
            claim(f"latency, {name}", f"{mine['usher']:.2f}", "ms", f"nginx's {mine['nginx']:.2f} ms",
                  mine["usher"] / mine["nginx"], name == "p50" or mine["usher"] - mine["nginx"] < 1)
        pid, count = lab.processes["usher"].pid, 500 if quick else 5000
        before = memory(pid)
        held = hold_open(lab.ports["usher"], count)
        each = (memory(pid) - before) / count
        claim(f"memory of an open connection, {count} of them", f"{each / 1024:.1f}", "KiB", "the 64 KiB allowed",
              each / 65536, each <= 65536)
        for one in held:
            one.close()
