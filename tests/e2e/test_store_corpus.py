"""The recorded answers of real servers, replayed against the binary; expected failures are checked both ways."""
import re
import subprocess
import sys

from conftest import ROOT


def test_the_store_corpus(watchbell):
    server = watchbell().start()
    done = subprocess.run([sys.executable, str(ROOT / "tests/corpus/store/check.py"), "--url", server.url],
                          capture_output=True, text=True, timeout=1500)
    print(done.stdout[-4000:])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    rates = re.findall(r"^(\S+) +(\d+) of +(\d+) ", done.stdout, re.M)
    table = "| Area | Cases met | of |\n| --- | ---: | ---: |\n" + "".join(f"| {area} | {met} | {all_} |\n" for area, met, all_ in rates)
    stated = (ROOT / "docs/compatibility.md").read_text().split("<!-- rates:begin -->\n")[1].split("<!-- rates:end -->")[0]
    assert stated == table, "docs/compatibility.md states other rates; these are true:\n" + table
