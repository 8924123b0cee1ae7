"""The recorded answers of real servers, replayed against the binary; expected failures are checked both ways."""
import subprocess
import sys

from conftest import ROOT


def test_the_store_corpus(watchbell):
    server = watchbell().start()
    done = subprocess.run([sys.executable, str(ROOT / "tests/corpus/store/check.py"), "--url", server.url],
                          capture_output=True, text=True, timeout=1500)
    print(done.stdout[-4000:])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
