"""kill -9 while a request is unanswered: what was acknowledged is there, no alert is lost."""
import http.client
import json
import random
import threading
import time

from conftest import eventually

ROUNDS = 50


class Sink:
    """A webhook receiver that keeps what it got, in a thread of its own."""

    def __init__(self):
        import http.server

        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                with sink.lock:
                    sink.received.append((self.headers["X-Watchbell-Delivery"], body))
                if self.path == "/slow":
                    sink.may_answer.wait(30)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.received, self.lock, self.may_answer = [], threading.Lock(), threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def unanswered(server, method, path, body):
    """Sends a request and returns the connection before the answer is there."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, body, {"content-type": "application/x-ndjson"})
    return connection


def answered(connection):
    """The answer if it came before the kill, else None."""
    try:
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None


def bulk(round_, batch, size):
    lines = []
    for n in range(size):
        lines.append(json.dumps({"index": {"_id": f"{round_}-{batch}-{n}"}}))
        lines.append(json.dumps({"message": f"line {n} of batch {batch}", "round": round_}))
    return "\n".join(lines) + "\n"


def test_kill_during_bulk_loses_nothing_acknowledged(watchbell):
    server = watchbell().start()
    chance = random.Random(20261124)
    acknowledged, cut = set(), 0
    for round_ in range(2 * ROUNDS):
        if cut == ROUNDS:
            break
        for batch in range(3):
            answer = server.ok("POST", "/logs/_bulk", bulk(round_, batch, 50), headers={"content-type": "application/x-ndjson"})
            acknowledged.update(item["index"]["_id"] for item in answer["items"] if item["index"]["status"] in (200, 201))
        server.ok("PUT", f"/_watcher/watch/w{round_}", {"trigger": {"schedule": {"interval": "1h"}}})
        connection = unanswered(server, "POST", "/logs/_bulk", bulk(round_, 3, 2000))
        time.sleep(chance.uniform(0, 0.02))
        server.kill()
        answer = answered(connection)
        if answer is None:
            cut += 1
        else:
            acknowledged.update(item["index"]["_id"] for item in answer[1]["items"])
        server.start()
        for n in range(round_ + 1):
            assert server("GET", f"/_watcher/watch/w{n}")[0] == 200, f"watch w{n} is gone after kill {round_}"
    assert cut == ROUNDS, f"only {cut} kills met an unanswered request"
    server.ok("POST", "/logs/_refresh")
    assert server.ok("GET", "/logs/_count")["count"] >= len(acknowledged)
    missing = []
    ids = sorted(acknowledged)
    for at in range(0, len(ids), 1000):
        answer = server.ok("POST", "/logs/_mget?_source=false", {"ids": ids[at:at + 1000]})
        missing += [doc["_id"] for doc in answer["docs"] if not doc["found"]]
    assert missing == []


def test_kill_while_watches_fire_loses_no_alert(watchbell):
    sink = Sink()
    server = watchbell().start()
    chance = random.Random(20261125)
    watches = 20
    for n in range(watches):
        server.ok("PUT", f"/_watcher/watch/alarm{n}", {
            "trigger": {"schedule": {"interval": "1s"}},
            "input": {"simple": {"n": n}},
            "throttle_period": "1ms",
            "actions": {"call": {"webhook": {"method": "post", "host": "127.0.0.1", "port": sink.port, "path": "/",
                                             "body": "{{ctx.watch_id}} {{ctx.trigger.scheduled_time}}"}}},
        })
    server.ok("PUT", "/_watcher/watch/slow", {
        "trigger": {"schedule": {"interval": "1h"}},
        "throttle_period": "1ms",
        "actions": {"call": {"webhook": {"method": "post", "host": "127.0.0.1", "port": sink.port, "path": "/slow",
                                         "body": "{{ctx.watch_id}} {{ctx.trigger.scheduled_time}}"}}},
    })

    def running():
        return [watch["watch_id"] for watch in server.ok("GET", "/_watcher/stats/current_watches")["stats"][0]["current_watches"]]

    def slow():
        with sink.lock:
            return [key for key, body in sink.received if body.startswith("slow")]
    for round_ in range(ROUNDS):
        before = len(sink.received)
        eventually(lambda: len(sink.received) > before + watches // 2, within=30, every=0.01, what="alerts")
        eventually(lambda: "slow" not in running(), within=30, every=0.01, what="the end of the run before")
        sink.may_answer.clear()
        seen = len(slow())
        connection = unanswered(server, "POST", "/_watcher/watch/slow/_execute", json.dumps({"record_execution": True}))
        eventually(lambda: len(slow()) > seen, within=30, every=0.002, what=f"the message of round {round_} whose answer is held back")
        key = slow()[-1]
        time.sleep(chance.uniform(0, 0.01))
        server.kill()
        assert answered(connection) is None, "the kill met a request that was answered"
        sink.may_answer.set()
        server.start()
        eventually(lambda: slow().count(key) >= 2, within=30, every=0.01, what="the repeat under the same key")

    def settled():
        records = server.ok("POST", "/.watcher-history-*/_count", {"query": {"match_all": {}}})["count"]
        return records and running() == []
    server.ok("POST", "/_watcher/_stop")
    eventually(settled, what="the end of running watches")
    server.ok("POST", "/.watcher-history-*/_refresh")

    with sink.lock:
        received = list(sink.received)
    messages = {}
    for key, body in received:
        assert key, "every webhook carries its key"
        assert messages.setdefault(key, body) == body, "a repeat bears the same message"

    # every execution that the history calls executed has its alert; the body names the watch and its due time
    arrived = set(messages.values())
    after, lost, seen = None, [], 0
    while True:
        body = {"size": 1000, "query": {"term": {"state": "executed"}}, "sort": [{"trigger_event.triggered_time": "asc"}, {"_seq_no": "asc"}],
                "_source": ["watch_id", "result.actions"]}
        if after:
            body["search_after"] = after
        hits = server.ok("POST", "/.watcher-history-*/_search", body)["hits"]["hits"]
        if not hits:
            break
        after = hits[-1]["sort"]
        for hit in hits:
            seen += 1
            for action in hit["_source"]["result"]["actions"]:
                if action["status"] == "success" and action["webhook"]["request"]["body"] not in arrived:
                    lost.append(hit["_id"])
    assert seen > ROUNDS and lost == []

    # nothing is left half done
    assert server.ok("POST", "/.triggered_watches/_count", {"query": {"match_all": {}}})["count"] == 0
