"""Bad input: the reference's status and error shape, the process alive, nothing lost."""
import pytest

from conftest import call, guide_watch

PARSE = "could not parse watch [w]"
CASES = [
    # name, method, path, body, status, error type, reason
    ("malformed JSON", "PUT", "/_watcher/watch/w", '{"trigger": ', 400, "x_content_parse_exception", None),
    ("unknown field", "PUT", "/_watcher/watch/w", {"trigger": {"schedule": {"interval": "10s"}}, "trigers": {}}, 400, "parse_exception",
     PARSE + ". unexpected field [trigers]"),
    ("missing trigger", "PUT", "/_watcher/watch/w", {}, 400, "parse_exception", PARSE + ". missing required field [trigger]"),
    ("bad interval", "PUT", "/_watcher/watch/w", {"trigger": {"schedule": {"interval": "10x"}}}, 400, "parse_exception", None),
    ("interval too short", "PUT", "/_watcher/watch/w", {"trigger": {"schedule": {"interval": "0s"}}}, 400, "parse_exception", None),
    ("missing body", "PUT", "/_watcher/watch/w", None, 400, "action_request_validation_exception", "Validation Failed: 1: request body is missing;"),
    ("blank in the id", "PUT", "/_watcher/watch/a%20b", {"trigger": {"schedule": {"interval": "10s"}}}, 400,
     "action_request_validation_exception", "Validation Failed: 1: watch id contains whitespace;"),
    ("missing watch, ack", "PUT", "/_watcher/watch/nobody/_ack", None, 404, "resource_not_found_exception", "Watch with id [nobody] does not exist"),
    ("missing watch, execute", "POST", "/_watcher/watch/nobody/_execute", None, 404, "resource_not_found_exception", "Watch with id [nobody] does not exist"),
    ("missing watch, activate", "PUT", "/_watcher/watch/nobody/_activate", None, 404, "document_missing_exception", "[nobody]: document missing"),
    ("unknown action type", "PUT", "/_watcher/watch/w", {"trigger": {"schedule": {"interval": "10s"}}, "actions": {"a": {"pigeon": {}}}}, 400,
     "parse_exception", "could not parse action [w/a]. unknown action type [pigeon]"),
    ("unknown parameter", "GET", "/_watcher/watch/w?verbose=1", None, 400, "illegal_argument_exception",
     "request [/_watcher/watch/w] contains unrecognized parameter: [verbose]"),
    ("unknown index", "GET", "/nowhere/_search", None, 404, "index_not_found_exception", "no such index [nowhere]"),
    ("malformed search", "POST", "/logs/_search", '{"query": {"match": ', 400, "x_content_e_o_f_exception", None),
    ("unknown query", "POST", "/logs/_search", {"query": {"geo_distance": {}}}, 400, "parsing_exception", "unknown query [geo_distance]"),
    ("bad document", "POST", "/logs/_doc", '{"n": tru}', 400, "document_parsing_exception", None),
    ("bad index name", "PUT", "/LOGS", None, 400, "invalid_index_name_exception", "Invalid index name [LOGS], must be lowercase"),
]


@pytest.fixture
def server(watchbell):
    server = watchbell().start()
    server.ok("PUT", "/_watcher/watch/kept", guide_watch(interval="1h"))
    server.ok("POST", "/logs/_doc/1", {"n": 1})
    yield server
    assert server.process.alive()
    assert server("GET", "/_watcher/watch/kept")[0] == 200 and server("GET", "/logs/_doc/1")[0] == 200, "nothing is lost"


@pytest.mark.parametrize("name,method,path,body,status,kind,reason", CASES, ids=[case[0] for case in CASES])
def test_bad_input(server, name, method, path, body, status, kind, reason):
    got, answer = server(method, path, body)
    assert got == status, answer
    error = answer["error"]
    assert answer["status"] == status and error["type"] == kind, answer
    assert error["root_cause"] and {"type", "reason"} <= set(error["root_cause"][0])
    if reason:
        assert error["reason"] == reason


def test_wrong_method_names_the_right_ones(server):
    status, answer, headers = call("DELETE", server.url + "/_watcher/stats")
    assert status == 405 and headers["Allow"] == "GET"
    assert answer == {"error": "Incorrect HTTP method for uri [/_watcher/stats] and method [DELETE], allowed: [GET]", "status": 405}


def test_wrong_content_type(server):
    status, answer, _ = call("PUT", server.url + "/_watcher/watch/w", "{}", {"content-type": "application/x-www-form-urlencoded"})
    assert (status, answer) == (406, {"error": "Content-Type header [application/x-www-form-urlencoded] is not supported", "status": 406})


def test_a_body_over_the_limit(watchbell):
    server = watchbell(settings=["http.max_content_length=1mb"]).start()
    status, _, _ = call("POST", server.url + "/logs/_bulk", b"x" * (6 << 20), {"content-type": "application/x-ndjson"})
    assert status == 413
    assert server.process.alive() and server("GET", "/")[0] == 200


def test_a_foreign_host_is_refused(server):
    status, _, _ = call("GET", server.url + "/", headers={"host": "evil.example:9200"})
    assert status in (400, 403, 421)
