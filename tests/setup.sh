#!/usr/bin/env bash
# Brings what the end-to-end tests use, once: Chromium with its driver, a JDK with Maven, the Python packages, the jars of the
# real clusters. Where there is no apt-get, what is missing must be there already.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v chromedriver >/dev/null || missing+=(chromium-driver)
command -v javac >/dev/null || missing+=(default-jdk-headless)
command -v mvn >/dev/null || missing+=(maven)
command -v curl >/dev/null || missing+=(curl)
python3 -c "import ensurepip, venv" 2>/dev/null || missing+=(python3-venv)

if [ ${#missing[@]} -gt 0 ] && command -v apt-get >/dev/null; then
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq "${missing[@]}" >/dev/null
fi

if ! cmp -s tests/requirements.txt target/venv/requirements.txt; then
  python3 -m venv target/venv
  target/venv/bin/pip install -q --disable-pip-version-check -r tests/requirements.txt
  cp tests/requirements.txt target/venv/requirements.txt
fi

for kind in elasticsearch-6 elasticsearch-7 opensearch-2; do
  tests/cluster/cluster fetch "$kind" >/dev/null
done
tests/cluster/cluster fetch opensearch-2 --secured >/dev/null
