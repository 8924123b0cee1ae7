"""Real clients: the official Python client, the command line, a browser."""
import json
import subprocess

import pytest
from elasticsearch import Elasticsearch, helpers

from conftest import BINARY, GUIDE, GUIDE_TEXT, SECRET, TOKEN, Process, call, eventually, free_port, guide_watch


def test_the_official_python_client(sim, watchbell):
    server = watchbell(sim=sim).start()
    with Elasticsearch(server.url) as client:
        assert client.info()["tagline"] == "You Know, for Search"

        lines = ({"_index": "logs", "_source": {"message": f"line {n}: {'error' if n == 7 else 'fine'}", "n": n}} for n in range(500))
        assert helpers.bulk(client, lines, refresh="wait_for") == (500, [])
        assert client.count(index="logs", query={"match": {"message": "error"}})["count"] == 1

        watch = json.loads(guide_watch(server.relay, "1h"))
        created = client.watcher.put_watch(id="log_error_watch", **{k: watch[k] for k in ("trigger", "input", "condition", "actions")})
        assert created["created"] is True
        got = client.watcher.get_watch(id="log_error_watch")
        assert got["found"] is True and got["watch"]["trigger"] == {"schedule": {"interval": "1h"}}

        record = client.watcher.execute_watch(id="log_error_watch", record_execution=True)["watch_record"]
        assert record["state"] == "executed"
        assert record["result"]["actions"][0]["status"] == "success", record["result"]["actions"]
        assert [m["text"] for m in sim.messages()] == [GUIDE_TEXT]

        assert client.watcher.ack_watch(watch_id="log_error_watch")["status"]["actions"]["test_issue"]["ack"]["state"] == "acked"
        assert client.watcher.deactivate_watch(watch_id="log_error_watch")["status"]["state"]["active"] is False
        assert client.watcher.activate_watch(watch_id="log_error_watch")["status"]["state"]["active"] is True
        assert client.watcher.query_watches()["count"] == 1
        assert client.watcher.stats()["stats"][0]["watcher_state"] == "started"
        assert client.watcher.stop()["acknowledged"] is True
        assert client.watcher.start()["acknowledged"] is True
        assert client.watcher.delete_watch(id="log_error_watch")["found"] is True


def run(*arguments, text=None, env=None):
    return subprocess.run([str(BINARY), *arguments], input=text, capture_output=True, text=True, timeout=60, env=env)


def test_dev_takes_the_guides_text_as_it_stands(watchbell):
    server = watchbell().start()
    done = run("dev", "-", "--url", server.url, text="# step 4 of the guide\n" + GUIDE + "\nGET _watcher/watch/log_error_watch\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"created" : true' in done.stdout and '"found" : true' in done.stdout
    done = run("dev", "-", "--url", server.url, text="GET _watcher/watch/nobody\n")
    assert done.returncode == 1 and "404" in done.stdout
    done = run("dev", "-", "--url", server.url, text="what is this")
    assert done.returncode == 2 and "line 1" in done.stderr


def test_send_says_what_the_robot_answered(sim, watchbell, tmp_path):
    settings = tmp_path / "watchbell.yml"
    secret = tmp_path / "webhook"
    secret.write_text(sim.webhook() + "\n")
    settings.write_text(
        "xpack.notification.dingtalk.account.ops:\n"
        f"  secure_webhook_file: {secret}\n  secure_secret: {SECRET}\n  keywords: [error]\n"
        f"watchbell.robots.allow_hosts: ['{sim.url.removeprefix('http://')}']\n"
        f"http.port: {free_port()}\n")
    done = run("send", "ops", "error: only a test", "--config", str(settings))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "delivered" in done.stdout
    assert sim.messages()[-1]["text"] == "error: only a test"

    sim.robot("ops", secret=SECRET, keywords=["something else"])
    done = run("send", "ops", "error again", "--config", str(settings))
    assert done.returncode == 1 and "310000" in done.stdout + done.stderr, done.stdout + done.stderr
    done = run("send", "nobody", "x", "--config", str(settings))
    assert done.returncode == 2 and "dingtalk/ops" in done.stderr
    for output in (done.stdout, done.stderr):
        assert TOKEN not in output and SECRET not in output


def test_the_relay_alone_does_what_nginx_did(sim):
    """For those who keep their own Watcher: POST / as it comes from there, label and all."""
    port = free_port()
    account = "xpack.notification.dingtalk.account.ops"
    relay = Process(["relay", "-E", f"watchbell.relay.http.port={port}", "-E", "watchbell.relay.default=ops",
                     "-E", f"{account}.secure_webhook=${{E2E_WEBHOOK}}", "-E", f"{account}.secure_secret=${{E2E_SECRET}}",
                     "-E", f"{account}.keywords=error", "-E", f"watchbell.robots.allow_hosts=[{sim.url.removeprefix('http://')}]"],
                    {"E2E_WEBHOOK": sim.webhook(), "E2E_SECRET": SECRET})
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: call("GET", url + "/healthz")[0] == 200, what="the relay's start")
        label = {"content-type": "text/plain; charset=ISO-8859-1", "authorization": "Basic Y2x1c3RlcjpzZWNyZXQ="}
        status, answer, _ = call("POST", url + "/", '{"msgtype": "text", "text": {"content": "error 磁盘已满"}}', label)
        assert status == 200 and answer["errcode"] == 0, answer
        assert sim.messages()[-1]["text"] == "error 磁盘已满"
        status, answer, _ = call("POST", url + "/", '{"msgtype": "text"}', label)
        assert status == 422 and answer["errcode"] == 400403, answer
        assert call("GET", url + "/")[0] == 405 and call("POST", url + "/nobody", "{}")[0] == 404
        for _ in range(25):
            status, answer, headers = call("POST", url + "/", '{"msgtype": "text", "text": {"content": "error again"}}', label)
        assert status == 503 and answer["errcode"] == -1 and int(headers["Retry-After"]) > 0, "held back before the robot mutes"
        assert "Y2x1c3RlcjpzZWNyZXQ=" not in json.dumps(sim.requests()), "the caller's credentials are not passed on"
    finally:
        assert relay.stop() == 0
    assert TOKEN not in relay.text() and SECRET not in relay.text()


def test_a_taken_port_says_who_answers_there(watchbell, tmp_path):
    first = watchbell().start()
    done = run("serve", "--data", str(tmp_path / "other"), "-E", f"http.port={first.port}")
    assert done.returncode == 1
    assert f"127.0.0.1:{first.port}" in done.stderr and "-E http.port=" in done.stderr and "Watchbell" in done.stderr, done.stderr


def test_a_folder_in_use_names_its_holder(watchbell):
    first = watchbell().start()
    done = run("serve", "--data", str(first.folder), "-E", f"http.port={free_port()}")
    assert done.returncode == 1
    assert str(first.process.process.pid) in done.stderr, done.stderr


def test_an_unknown_setting_stops_the_start(tmp_path):
    done = run("serve", "--data", str(tmp_path), "-E", "http.prot=1")
    assert done.returncode == 2 and "did you mean [http.port]?" in done.stderr, done.stderr


def test_the_demo_ends_with_the_bell(tmp_path):
    api, relay, chat = free_port(), free_port(), free_port()
    done = run("demo", "--once", "--data", str(tmp_path / "demo"), "-E", f"http.port={api}",
               "-E", f"watchbell.relay.http.port={relay}", "--chat", f"127.0.0.1:{chat}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert GUIDE_TEXT in done.stdout and f"http://127.0.0.1:{chat}" in done.stdout, done.stdout


@pytest.fixture
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", "--window-size=900,1000"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


def test_a_browser_sees_the_alert_arrive(sim, watchbell, browser):
    server = watchbell(sim=sim).start()
    browser.get(sim.url + "/")
    assert GUIDE_TEXT not in browser.find_element("tag name", "body").text
    server.ok("PUT", "/_watcher/watch/log_error_watch", guide_watch(server.relay, "1s"))
    server.ok("POST", "/logs/_doc?refresh=true", {"message": "an error"})
    eventually(lambda: GUIDE_TEXT in browser.find_element("tag name", "body").text, what="the alert in the page, without a reload")

    # a refusal shows in red with its code
    sim.robot(secret=SECRET, keywords=["nowhere"])
    server("POST", "/_watcher/watch/log_error_watch/_execute", {"action_modes": {"_all": "force_execute"}})
    eventually(lambda: "310000" in browser.find_element("tag name", "body").text, what="the refusal in the page")
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
