"""End-to-end tests: the real binary, real clients, real clusters, a real browser.

Every test starts its own `watchbell` on free ports with its own folder; nothing is shared but the clusters.
"""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("WATCHBELL_BINARY", ROOT / "target/debug/watchbell"))
CLUSTER_KIT = ROOT / "tests/cluster/cluster"
TOKEN = "CANARYTOKEN0000000000000000000000000000000000000000000000000000"
SECRET = "SECCANARYSECRET00000000000000000000000000000000000000000000000"


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; runs in `make test-all` only")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(method, url, body=None, headers=None, timeout=30):
    """(status, parsed answer or text, headers); a body that is not text or bytes is sent as JSON."""
    headers = dict(headers or {})
    if body is not None:
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        headers.setdefault("content-type", "application/json")
        body = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            status, raw, got = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        status, raw, got = error.code, error.read(), error.headers
    text = raw.decode("utf-8", "replace")
    try:
        return status, json.loads(text), got
    except ValueError:
        return status, text, got


def eventually(probe, within=20.0, every=0.05, what="it"):
    """The first true answer of `probe`; real processes are waited for by asking, never by a fixed sleep."""
    end = time.monotonic() + within
    while True:
        with contextlib.suppress(OSError):
            found = probe()
            if found:
                return found
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {within} s")
        time.sleep(every)


class Process:
    """One running `watchbell`; its whole output is kept."""

    def __init__(self, arguments, env=None):
        self.output = []
        self.process = subprocess.Popen(
            [str(BINARY), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env={**os.environ, **(env or {})}, start_new_session=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.output.append(line)

    def text(self):
        return "".join(self.output)

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait(20)
        self.reader.join(5)

    def stop(self):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("watchbell did not stop on SIGTERM:\n" + self.text()) from None
        self.reader.join(5)
        return self.process.returncode


class Sim:
    """The chat stand-in."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.process = Process(["robot-sim", "--listen", f"127.0.0.1:{port}"])
        eventually(lambda: call("GET", self.url + "/_sim/stats")[0] == 200, what="the stand-in's start")

    def robot(self, name="ops", **state):
        state = {"service": "dingtalk", "token": TOKEN, **state}
        status, answer, _ = call("PUT", f"{self.url}/_sim/robots/{name}", state)
        assert status in (200, 201), answer

    def webhook(self, token=TOKEN):
        return f"{self.url}/robot/send?access_token={token}"

    def messages(self):
        return call("GET", self.url + "/_sim/messages")[1]

    def requests(self):
        return call("GET", self.url + "/_sim/requests")[1]

    def stop(self):
        self.process.stop()


class Watchbell:
    def __init__(self, folder, sim=None, settings=(), relay=True, port=None, relay_port=None, attach=None, keywords="error", env=None):
        self.folder, self.settings, self.sim = folder, list(settings), sim
        self.port, self.relay_port = port or free_port(), relay_port or free_port()
        self.url, self.relay = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.relay_port}"
        self.attach, self.with_relay, self.keywords, self.env = attach, relay and sim is not None, keywords, dict(env or {})
        self.process = None
        self.outputs = []

    def arguments(self):
        arguments = ["serve", "--data", str(self.folder), "-E", f"http.port={self.port}"]
        if self.sim is not None:
            account = "xpack.notification.dingtalk.account.ops"
            arguments += ["-E", f"{account}.secure_webhook=${{E2E_WEBHOOK}}", "-E", f"{account}.secure_secret=${{E2E_SECRET}}",
                          "-E", f"{account}.keywords={self.keywords}",
                          "-E", f"watchbell.robots.allow_hosts=[{self.sim.url.removeprefix('http://')}]"]
            self.env.update(E2E_WEBHOOK=self.sim.webhook(), E2E_SECRET=SECRET)
        if self.with_relay:
            arguments += ["-E", "watchbell.relay.enabled=true", "-E", f"watchbell.relay.http.port={self.relay_port}",
                          "-E", "watchbell.relay.default=dingtalk/ops"]
        if self.attach:
            arguments += ["--attach", self.attach]
        for setting in self.settings:
            arguments += ["-E", setting]
        return arguments

    def start(self, within=30):
        self.process = Process(self.arguments(), self.env)
        self.outputs.append(self.process)

        def ready():
            assert self.process.alive(), "watchbell ended:\n" + self.process.text()
            return call("GET", self.url + "/", timeout=5)[0] == 200
        eventually(ready, within, what="the start of watchbell")
        return self

    def __call__(self, method, path, body=None, **kwargs):
        return call(method, self.url + path, body, **kwargs)[:2]

    def ok(self, method, path, body=None, **kwargs):
        status, answer = self(method, path, body, **kwargs)
        assert 200 <= status < 300, (method, path, status, answer)
        return answer

    def kill(self):
        self.process.kill()

    def stop(self):
        if self.process:
            assert self.process.stop() == 0, self.process.text()

    def history(self, watch=None):
        """The records, oldest first, as a search sees them."""
        query = {"term": {"watch_id": watch}} if watch else {"match_all": {}}
        body = {"query": query, "size": 1000, "sort": [{"trigger_event.triggered_time": "asc"}]}
        self("POST", "/.watcher-history-*/_refresh")
        return [hit["_source"] for hit in self.ok("POST", "/.watcher-history-*/_search", body)["hits"]["hits"]]


@pytest.fixture
def sim():
    sim = Sim(free_port())
    sim.robot(secret=SECRET, keywords=["error"])
    yield sim
    sim.stop()


@pytest.fixture
def watchbell(tmp_path, request):
    """A factory of servers; all are stopped at the end, and none may have printed the canary."""
    started = []

    def make(**kwargs):
        kwargs.setdefault("folder", tmp_path / f"data-{len(started)}")
        server = Watchbell(**kwargs)
        started.append(server)
        return server
    yield make
    for server in started:
        if server.process and server.process.alive():
            server.stop()
        for process in server.outputs:
            for secret in (TOKEN, SECRET):
                assert secret not in process.text(), "a secret in the server's output"


def cluster(kind, *options):
    """The URL of a real cluster, started if it does not run yet."""
    done = subprocess.run([str(CLUSTER_KIT), "start", kind, *options], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


def stop_cluster(kind):
    subprocess.run([str(CLUSTER_KIT), "stop", kind], capture_output=True, timeout=120)


GUIDE = (ROOT / "docs/guide-watch.txt").read_text()
GUIDE_TEXT = "An error log has appeared. Please handle it as soon as possible."


def guide_watch(relay="http://127.0.0.1:8080", interval="10s"):
    """The guide's body as it stands; only a test that runs beside others moves the relay's port."""
    body = GUIDE.split("\n", 1)[1]
    return body.replace("http://127.0.0.1:8080", relay).replace('"10s"', f'"{interval}"')
