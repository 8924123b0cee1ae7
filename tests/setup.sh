#!/usr/bin/env bash
# Brings what the end-to-end tests use, once: Chromium with its driver, the Python packages, the jars of the real clusters.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v chromedriver >/dev/null || missing+=(chromium-driver)

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
