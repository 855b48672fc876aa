"""More sign-ins than the old system can check: what is served, in which order, and what becomes of the rest.

Part of what tools/bench prints as `gateway`. Run by itself with --hook it is the old system: an HTTP hook that knows
everybody and takes its time.
"""
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import urllib.request

sys.dont_write_bytecode = True
from local_clerk import LocalClerk, ROOT, USHER  # noqa: E402

OFFER = os.path.join(ROOT, "build", "release", "bench", "offer")
PASSWORD = "Correct-Horse-9"
DIGEST = "$2b$04$bOIePEjCCaIrIDmPRfNTCeH2i0mrZt5QTvzcd3/l2HRxQ3ZZnFMpO"  # bcrypt of it, at the least cost
WORKERS, ROOM = 32, 256  # of the gateway, and what may wait for them
DELAY, AT_ONCE = 0.05, 6  # of the old system: so long for a user, so many users at a time
CAN = AT_ONCE / DELAY
MIB = 1 << 20


# --- the old system ---

async def serve(reader, writer):
    while head := await reader.readuntil(b"\r\n\r\n"):
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                       if line.lower().startswith(b"content-length:")), 0)
        address = json.loads(await reader.readexactly(length))["identifier"]
        await asyncio.sleep(DELAY)
        body = json.dumps({"result": "yes", "user": {
            "external_id": "old|" + address, "password_hasher": "bcrypt", "password_digest": DIGEST,
            "email_address": [{"value": address, "verified": True}]}}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                     % (len(body), body))


async def hook():
    async def quietly(reader, writer):
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# --- the gateway ---

def start(command, **more):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **more)


def settings(clerk, port, folder):
    url = clerk.ready["backend_api"]
    return {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "workers": WORKERS,
            "ledger": os.path.join(folder, "moved.ledger"),
            "clerk": {"secret_key": "${env:KEY}", "api_url": url},
            "proxy": {"url": "https://app.test/__clerk", "upstream": url},
            "legacy": {"connector": "http", "url": f"http://127.0.0.1:{port}", "threads": AT_ONCE,
                       "budget_ms": 10000},
            "throttle": {"address": 1_000_000}}


def metrics(address):
    """The gateway's own figures, by name."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as page:
        lines = [line.split() for line in page.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def memory(pid):
    """Resident bytes of a process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def offer(port, rate, seconds, connections, *request):
    """What bench/offer says."""
    done = subprocess.run([OFFER, str(port), str(rate), str(seconds), str(connections), *request],
                          stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def run(rate, seconds, connections, beside):
    """Offers sign-ins beside open connections that do nothing; beside(port) opens them."""
    with tempfile.TemporaryDirectory(prefix="usher-bench-") as folder, LocalClerk("--limits", "off") as clerk:
        old = start([sys.executable, os.path.abspath(__file__), "--hook"])
        config = os.path.join(folder, "usher.yaml")
        with open(config, "w", encoding="utf-8") as file:
            json.dump(settings(clerk, int(old.stdout.readline()), folder), file)
        gateway = start([USHER, "gateway", "--config", config],
                        env={**os.environ, "KEY": clerk.ready["secret_key"]})
        try:
            ready = json.loads(gateway.stdout.readline())
            port = int(ready["listen"].rsplit(":", 1)[1])
            held, before = beside(port), memory(gateway.pid)
            said = offer(port, rate, seconds, connections, "POST", "/__clerk/v1/client/sign_ins?_clerk_js_version=6",
                         f"strategy=password&identifier=p#%40example.com&password={PASSWORD}")
            return said, metrics(ready["admin"]), memory(gateway.pid) - before, len(held)
        finally:
            for process in (gateway, old):
                process.terminate()
                process.wait(60)
                process.stdout.close()


def bench(claim, quick, beside):
    """claim(what, value, unit, against, ratio, fine) prints a line."""
    rate, seconds = 500, 3 if quick else 10
    said, figures, grown, held = run(rate, seconds, 400, beside)
    answers = said["answers"]
    served, refused = answers.get("200", {"count": 0}), answers.get("429", {"count": 0, "retry_after": 0})
    lost = said["offered"] - served["count"] - refused["count"]
    print(f"  {rate} sign-ins/s offered for {seconds} s beside {held} open connections, to an old system "
          f"that can check {CAN:.0f}/s: {served['count']} served, {refused['count']} refused with 429")
    claim("sign-ins served", f"{served['count'] / said['seconds']:.0f}", "a second",
          f"the {CAN:.0f} that the old system can check", served["count"] / said["seconds"] / CAN,
          served["count"] / said["seconds"] >= 0.8 * CAN)
    claim("refused without a Retry-After", refused["count"] - refused["retry_after"], "sign-ins", "none allowed",
          refused["count"] - refused["retry_after"], refused["count"] == refused["retry_after"])
    claim("neither served nor refused", lost, "sign-ins", "none allowed", lost, lost == 0)
    claim("queue's peak", f"{figures['usher_queue_peak']:.0f}", "sign-ins", f"the {ROOM} that may wait",
          figures["usher_queue_peak"] / ROOM, figures["usher_queue_peak"] <= ROOM)
    claim("overtaken by later ones at most", said["overtaken"], "times", f"the {2 * WORKERS} of {WORKERS} workers",
          said["overtaken"] / WORKERS / 2, said["overtaken"] <= 2 * WORKERS)
    longest = (ROOM + WORKERS) / CAN * 1.5
    claim("longest wait of one served", f"{served.get('max_us', 0) / 1e6:.2f}", "s",
          f"the {longest:.1f} s of a full queue and half as much again", served.get("max_us", 0) / 1e6 / longest,
          served.get("max_us", 0) / 1e6 <= longest)
    claim("memory of the gateway grew by", f"{grown / MIB:.1f}", "MiB", "the 64 MiB allowed", grown / MIB / 64,
          grown <= 64 * MIB)


if __name__ == "__main__":
    if sys.argv[1:] == ["--hook"]:
        asyncio.run(hook())
