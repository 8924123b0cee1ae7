#!/usr/bin/env python3
"""`make bench`: measures the release binary against the floors and prints a table, absolute and as ratios (standard library only).

The numbers go into bench/BASELINE.md. Absolute figures belong to one machine; the ratio to the yardsticks measured beside them
(one core's speed at hashing, the disk's flush time) is what can be compared between machines.
"""
import hashlib
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = ROOT / "target/release/watchbell"
DOCUMENTS = int(os.environ.get("BENCH_DOCUMENTS", 1_000_000))
WATCHES = int(os.environ.get("BENCH_WATCHES", 10_000))
SECONDS = int(os.environ.get("BENCH_SECONDS", 60))
BATCH = 2000


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, folder):
        self.folder, self.port = folder, free_port()

    def start(self):
        began = time.perf_counter()
        self.process = subprocess.Popen([str(BINARY), "serve", "--data", str(self.folder), "-E", f"http.port={self.port}"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                if self.call("GET", "/logs/_count" if (self.folder / "started").exists() else "/")[0] < 500:
                    break
            except OSError:
                time.sleep(0.002)
            if time.perf_counter() - began > 120:
                sys.exit("watchbell did not start")
        (self.folder / "started").touch()
        return time.perf_counter() - began

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def call(self, method, path, body=None, connection=None):
        connection = connection or self.connection()
        headers = {"content-type": "application/x-ndjson"} if body is not None else {}
        connection.request(method, path, body if body is None or isinstance(body, (str, bytes)) else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def rss(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def yardsticks(folder):
    block, began = b"x" * (1 << 20), time.perf_counter()
    for _ in range(200):
        hashlib.sha256(block).digest()
    sha = 200 / (time.perf_counter() - began)
    times, fd = [], os.open(folder / "flush", os.O_CREAT | os.O_WRONLY)
    for _ in range(100):
        began = time.perf_counter()
        os.write(fd, b"x" * 4096)
        os.fdatasync(fd)
        times.append(time.perf_counter() - began)
    os.close(fd)
    return sha, statistics.median(times) * 1000


WORDS = "connection request user session database timeout payment order cache queue worker disk memory thread token retry upstream".split()


def line(n, chance):
    text = " ".join(chance.choices(WORDS, k=14))
    level = "error" if n % 100 == 0 else "info"
    doc = {"@timestamp": f"2026-11-24T10:{n // 60 % 60:02}:{n % 60:02}.{n % 1000:03}Z", "level": level, "host": f"web-{n % 40}",
           "service": f"svc-{n % 12}", "status": 200 + n % 5, "message": f"{level} {text}"}
    raw = json.dumps(doc)
    return raw[:-1] + ', "pad": "' + "p" * max(0, 300 - len(raw) - 11) + '"}'


def bulk_bodies():
    chance, bodies = random.Random(1), []
    for batch in range(50):                 # 50 different bodies, sent again and again under new ids
        lines = [line(batch * BATCH + n, chance) for n in range(BATCH)]
        bodies.append(lines)
    return bodies


def bench_bulk(server):
    bodies, sent, lock = bulk_bodies(), [0], threading.Lock()
    # built beforehand: shippers run elsewhere, and two cores are what the floor is for
    prepared = []
    for batch in range(DOCUMENTS // BATCH):
        lines = bodies[batch % len(bodies)]
        body = "".join(f'{{"index":{{"_id":"{batch * BATCH + n}"}}}}\n{text}\n' for n, text in enumerate(lines))
        prepared.append((body.encode(), sum(len(text) for text in lines)))
    todo = iter(prepared)

    def work():
        connection = server.connection()
        while True:
            with lock:
                batch = next(todo, None)
            if batch is None:
                return
            body, size = batch
            status, answer = server.call("POST", "/logs/_bulk?filter_path=errors", body, connection)
            assert status == 200 and b"false" in answer, answer[:300]
            with lock:
                sent[0] += size
    cpu, began = server.cpu(), time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    took = time.perf_counter() - began
    return sent[0] / 1e6 / took, (server.cpu() - cpu) / took


def bench_count(server):
    chance, connection = random.Random(2), server.connection()
    for at in range(0, DOCUMENTS // 100, BATCH):
        ids = [chance.randrange(DOCUMENTS) for _ in range(BATCH)]
        body = "".join(f'{{"index":{{"_id":"{n}"}}}}\n{line(n, chance)}\n' for n in ids)
        server.call("POST", "/logs/_bulk", body, connection)
    server.call("POST", "/logs/_refresh", "", connection)
    query = json.dumps({"query": {"bool": {"must": [{"match": {"message": "error"}}, {"term": {"service.keyword": "svc-4"}}]}}})
    times, found = [], None
    for _ in range(2000):
        began = time.perf_counter()
        status, answer = server.call("POST", "/logs/_count", query, connection)
        times.append((time.perf_counter() - began) * 1000)
        found = json.loads(answer)["count"]
    assert found, "the count finds something"
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100], found


def bench_start(server):
    connection = server.connection()
    for n in range(1000):
        status, answer = server.call("PUT", f"/_watcher/watch/w{n}", {"trigger": {"schedule": {"interval": "1h"}}, "input": {"simple": {}}}, connection)
        assert status == 201, answer
    server.stop()
    return server.start() * 1000


def bench_watches(folder):
    server = Server(folder)
    server.start()
    began, connection = time.perf_counter(), server.connection()
    for n in range(WATCHES):                # put evenly over ten seconds, so that due times spread evenly
        wait = began + n * 10 / WATCHES - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        watch = {"trigger": {"schedule": {"interval": "10s"}}, "input": {"simple": {"n": n}}, "condition": {"never": {}}}
        status, answer = server.call("PUT", f"/_watcher/watch/w{n}", watch, connection)
        assert status == 201, answer
    spread = time.perf_counter() - began
    time.sleep(15)
    before, cpu, began = lateness(server), server.cpu(), time.perf_counter()
    time.sleep(SECONDS)
    took = time.perf_counter() - began
    after, cpu = lateness(server), (server.cpu() - cpu) / took
    counts = {edge: after[edge] - before.get(edge, 0) for edge in after}
    runs = max(counts.values())
    quantile = lambda q: next(edge for edge in sorted(counts) if counts[edge] >= runs * q)
    result = quantile(0.5), quantile(0.99), runs / took, server.rss(), cpu, spread
    server.stop()
    return result


def lateness(server):
    """{upper edge in ms: runs up to it} from the histogram watchbell_trigger_lateness_seconds."""
    edges = {}
    for text in server.call("GET", "/metrics")[1].decode().splitlines():
        if text.startswith("watchbell_trigger_lateness_seconds_bucket"):
            edge = float(text.split('le="')[1].split('"')[0].replace("+Inf", "inf")) * 1000
            edges[edge] = float(text.rsplit(" ", 1)[1])
    assert edges, "the server counts lateness"
    return edges


def main():
    rows = []

    def row(name, value, floor, unit, better):
        ratio = value / floor if better == "more" else floor / value
        rows.append((name, value, floor, unit, ratio))
        print(f"{name:58} {value:10.2f} {unit:6} floor {floor:8.2f}   {ratio:6.2f} x  {'met' if ratio >= 1 else 'MISSED'}", flush=True)

    with tempfile.TemporaryDirectory(prefix="watchbell-bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        folder = pathlib.Path(folder)
        sha, flush = yardsticks(folder)
        print(f"yardsticks: sha256 {sha:.0f} MiB/s on one core, 4 KiB write + fdatasync {flush:.3f} ms (median)")
        server = Server(folder / "logs")
        (folder / "logs").mkdir()
        server.start()
        time.sleep(3)
        row("idle, resident", server.rss(), 40, "MB", "less")
        speed, cores = bench_bulk(server)
        row("_bulk of 300-byte lines, durable", speed, 6, "MB/s", "more")
        print(f"    {cores:.2f} cores busy in the server, resident {server.rss():.0f} MB afterwards")
        p50, p99, found = bench_count(server)
        row(f"_count, bool of two terms, {DOCUMENTS} documents, p50", p50, 0.5, "ms", "less")
        print(f"    p99 {p99:.2f} ms, {found} found")
        row(f"start to first answer, {DOCUMENTS} documents, 1000 watches", bench_start(server), 500, "ms", "less")
        server.stop()
        (folder / "watches").mkdir()
        p50, p99, rate, rss, cpu, spread = bench_watches(folder / "watches")
        row(f"{WATCHES} watches every 10 s: lateness p99", p99, 50, "ms", "less")
        print(f"    p50 {p50:.1f} ms, {rate:.0f} runs/s, {cpu:.2f} cores, resident {rss:.0f} MB, put over {spread:.1f} s")
    sys.exit(any(ratio < 1 for *_, ratio in rows))


main()
