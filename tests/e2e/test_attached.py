"""In front of a cluster: down at the start, down for a while, with users and a certificate authority of its own."""
import pathlib
import os

from conftest import call, cluster, eventually, free_port, guide_watch, stop_cluster, GUIDE_TEXT


def test_a_cluster_that_is_down_is_recorded_and_nothing_exits(sim, watchbell):
    nowhere = f"http://127.0.0.1:{free_port()}"
    server = watchbell(sim=sim, attach=nowhere).start()
    server.ok("PUT", "/_watcher/watch/log_error_watch", guide_watch(server.relay, "1s"))
    records = eventually(lambda: [r for r in server.history("log_error_watch") if r["state"] == "failed"][2:], what="failed runs")
    result = records[0]["result"]["input"]
    assert result["status"] == "failure" and result["error"]["type"] and result["error"]["reason"], result
    # the runs stay on time, a second apart
    import datetime
    times = [datetime.datetime.fromisoformat(r["trigger_event"]["schedule"]["scheduled_time"]) for r in server.history("log_error_watch")]
    gaps = {round((b - a).total_seconds(), 3) for a, b in zip(times, times[1:])}
    assert gaps == {1.0}, gaps
    assert server.process.alive() and sim.messages() == []
    complaints = [line for line in server.process.output if "WARN" in line or "ERROR" in line]
    assert len(complaints) <= 3, complaints


def test_a_cluster_that_goes_and_comes_back(sim, watchbell):
    """The cluster is a second Watchbell here: it goes and comes as fast as a test wants."""
    far = watchbell(folder=None, port=free_port())
    far.folder = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"watchbell-far-{far.port}"
    far.start()
    far.ok("POST", "/logs/_doc?refresh=true", {"message": "an error"})
    server = watchbell(sim=sim, attach=far.url).start()
    server.ok("PUT", "/_watcher/watch/log_error_watch", guide_watch(server.relay, "1s").replace('"trigger"', '"throttle_period": "1h", "trigger"', 1))
    eventually(sim.messages, what="the alert")
    far.kill()
    eventually(lambda: [r for r in server.history("log_error_watch") if r["state"] == "failed"], what="a failed run")
    far.start()
    failed = len([r for r in server.history("log_error_watch") if r["state"] == "failed"])
    eventually(lambda: [r for r in server.history("log_error_watch")[-1:] if r["state"] == "throttled"], what="a run after the return")
    assert len(sim.messages()) == 1, "no flood on return"
    assert len([r for r in server.history("log_error_watch") if r["state"] == "failed"]) <= failed + 1


def test_basic_authentication_and_an_own_authority(sim, watchbell, tmp_path):
    url = cluster("opensearch-2", "--secured")
    try:
        root = pathlib.Path(os.environ.get("WATCHBELL_CLUSTER_DIR", pathlib.Path.home() / ".cache/watchbell-cluster"))
        ca = next(root.glob("run/opensearch-2-*/tls/ca.pem"))
        settings = [f"watchbell.clusters.default.ca={ca}", "watchbell.clusters.default.username=admin",
                    "watchbell.clusters.default.password=${E2E_PASSWORD}"]
        server = watchbell(sim=sim, attach=url, settings=settings, env={"E2E_PASSWORD": "watchbell-admin"}).start()
        # an index action writes there, a search reads there
        server.ok("PUT", "/_watcher/watch/writer", {
            "trigger": {"schedule": {"interval": "1h"}}, "input": {"simple": {"message": "an error"}},
            "actions": {"store": {"index": {"index": "logs", "refresh": "true"}}}})
        record = server.ok("POST", "/_watcher/watch/writer/_execute")["watch_record"]
        assert record["result"]["actions"][0]["status"] == "success", record["result"]["actions"]
        server.ok("PUT", "/_watcher/watch/log_error_watch", guide_watch(server.relay, "1s"))
        eventually(sim.messages, what="the alert")
        assert sim.messages()[0]["text"] == GUIDE_TEXT
        assert "watchbell-admin" not in server.process.text()
        server.stop()

        wrong = watchbell(attach=url, settings=settings, env={"E2E_PASSWORD": "wrong"}).start()
        wrong.ok("PUT", "/_watcher/watch/reader", {"trigger": {"schedule": {"interval": "1h"}}, "input": {"search": {"request": {"indices": ["logs"]}}}})
        record = wrong.ok("POST", "/_watcher/watch/reader/_execute")["watch_record"]
        assert record["state"] == "failed" and record["result"]["input"]["status"] == "failure", record

        stranger = watchbell(attach=url, settings=settings[1:], env={"E2E_PASSWORD": "watchbell-admin"}).start()
        stranger.ok("PUT", "/_watcher/watch/reader", {"trigger": {"schedule": {"interval": "1h"}}, "input": {"search": {"request": {"indices": ["logs"]}}}})
        record = stranger.ok("POST", "/_watcher/watch/reader/_execute")["watch_record"]
        assert record["state"] == "failed", "a certificate of an unknown authority is refused"
    finally:
        stop_cluster("opensearch-2")
