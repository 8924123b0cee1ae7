"""The vendor guide's walk-through, from one table four times: embedded, and attached to real clusters."""
import contextlib
import time

import pytest

from conftest import GUIDE_TEXT, call, cluster, eventually, guide_watch, stop_cluster

# the second spelling of the path is the same code on every target; it is tried on the embedded store
TABLE = [("embedded", "_xpack/watcher"), ("embedded", "_watcher"), ("elasticsearch-6", "_xpack/watcher"), ("elasticsearch-7", "_xpack/watcher"),
         ("opensearch-2", "_xpack/watcher")]
INTERVAL_SECONDS = 2
LINE = '{"message": "%s", "level": "info", "@timestamp": "2026-11-24T10:00:00Z"}'


@pytest.fixture
def target(request):
    if request.param == "embedded":
        yield request.param, None
        return
    url = cluster(request.param)
    call("DELETE", url + "/logs")
    yield request.param, url
    stop_cluster(request.param)


def bulk_header(kind):
    return '{"index": {"_type": "_doc"}}' if kind == "elasticsearch-6" else '{"index": {}}'


@pytest.mark.parametrize("target,prefix", TABLE, indirect=["target"])
def test_the_guide(target, prefix, sim, watchbell):
    kind, cluster_url = target
    server = watchbell(sim=sim, attach=cluster_url).start()
    data = cluster_url or server.url

    created = server.ok("PUT", f"/{prefix}/watch/log_error_watch", guide_watch(server.relay, f"{INTERVAL_SECONDS}s"))
    assert created["created"] is True and created["_id"] == "log_error_watch"

    # ordinary lines ring no bell
    lines = "".join(bulk_header(kind) + "\n" + LINE % text + "\n" for text in ("all is well", "user logged in"))
    status, answer, _ = call("POST", data + "/logs/_bulk?refresh=true", lines, {"content-type": "application/x-ndjson"})
    assert status == 200 and answer["errors"] is False, answer
    eventually(lambda: any(r["state"] == "execution_not_needed" for r in server.history("log_error_watch")), what="a run without errors")
    assert sim.messages() == []

    # an error does, within one interval and a second
    status, answer, _ = call("POST", data + "/logs/_doc?refresh=true", LINE % "disk error on /dev/sda")
    assert status == 201, answer
    since = time.monotonic()
    messages = eventually(sim.messages, within=INTERVAL_SECONDS + 30, every=0.02, what="the alert")
    took = time.monotonic() - since
    assert messages[0]["text"] == GUIDE_TEXT
    assert took <= INTERVAL_SECONDS + 1, f"the alert took {took:.2f} s"

    # the record says what Watcher's would
    record = eventually(lambda: [r for r in server.history("log_error_watch") if r["state"] == "executed"], what="the record")[0]
    action = record["result"]["actions"][0]
    assert (action["id"], action["type"], action["status"]) == ("test_issue", "webhook", "success")
    assert record["result"]["input"]["payload"]["hits"]["total"] == 1, "an integer, whatever the version"
    assert action["webhook"]["response"]["status"] == 200
    assert "errcode" in action["webhook"]["response"]["body"]

    # deleting ends it
    assert server.ok("DELETE", f"/{prefix}/watch/log_error_watch")["found"] is True
    assert server("GET", f"/{prefix}/watch/log_error_watch") == (404, {"found": False, "_id": "log_error_watch"})
    count = eventually(lambda: len(server.history()) or None)
    gone = time.monotonic() + INTERVAL_SECONDS * 2
    with contextlib.suppress(AssertionError):
        eventually(lambda: len(server.history()) > count + 1, within=max(0.1, gone - time.monotonic()))
        pytest.fail("the watch still runs after DELETE")


def test_switched_off_there_is_no_watcher(watchbell):
    server = watchbell(settings=["xpack.watcher.enabled=false"]).start()
    for path in ("/_xpack/watcher/watch/log_error_watch", "/_watcher/watch/log_error_watch"):
        status, answer = server("PUT", path, guide_watch())
        assert status == 400
        assert answer == {"error": f"no handler found for uri [{path}] and method [PUT]"}
