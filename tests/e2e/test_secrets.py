"""The canary: a robot's token and secret show up nowhere but in the request to the robot."""
import json

from conftest import SECRET, TOKEN, call, eventually, guide_watch


def test_the_canary_is_nowhere(sim, watchbell):
    server = watchbell(sim=sim).start()
    server.ok("PUT", "/_watcher/watch/log_error_watch", guide_watch(server.relay, "1s"))
    server.ok("PUT", "/_watcher/watch/direct", {
        "trigger": {"schedule": {"interval": "1h"}},
        "actions": {"hook": {"webhook": {"method": "post", "url": f"{server.relay}/nobody", "body": "{}",
                                         "auth": {"basic": {"username": "u", "password": TOKEN}}, "headers": {"Authorization": f"Bearer {TOKEN}"}}}}})
    server.ok("POST", "/logs/_doc?refresh=true", {"message": "an error"})
    eventually(sim.messages, what="the alert")
    server("POST", "/_watcher/watch/direct/_execute", {"record_execution": True})
    sim.robot(secret=SECRET + "x", keywords=["error"])       # refusals of the signature, and of the token
    server("POST", "/_watcher/watch/log_error_watch/_execute", {"action_modes": {"_all": "force_execute"}, "record_execution": True})
    call("DELETE", sim.url + "/_sim/robots/ops")
    server("POST", "/_watcher/watch/log_error_watch/_execute", {"action_modes": {"_all": "force_execute"}, "record_execution": True})

    answers = [server(method, path, body) for method, path, body in [
        ("GET", "/_watcher/watch/log_error_watch", None), ("GET", "/_watcher/watch/direct", None), ("GET", "/_watcher/_query/watches", None),
        ("GET", "/_watcher/stats/_all", None), ("POST", "/.watcher-history-*/_search", {"size": 1000}), ("GET", "/_cat/indices", None),
        ("GET", "/_cluster/settings", None), ("GET", "/_nodes", None), ("GET", "/_watchbell/health", None), ("GET", "/", None)]]
    for status, answer in answers:
        text = json.dumps(answer)
        assert TOKEN not in text and SECRET not in text, text[:2000]
    assert "access_token" not in server.process.text()
    requests = json.dumps(sim.requests())
    assert "Bearer" not in requests, "the caller's headers are not passed on"
