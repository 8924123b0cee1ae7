#!/usr/bin/env bash
# The store's contract on real clusters, one after another: what the remote store believes of each generation.
set -euo pipefail
cd "$(dirname "$0")/.."
for kind in elasticsearch-6 elasticsearch-7 opensearch-2; do
  url=$(tests/cluster/cluster start "$kind")
  name=WATCHBELL_TEST_CLUSTER_$(echo "$kind" | tr 'a-z-' 'A-Z_')
  env "$name=$url" cargo test --locked --package watchbell-store-remote --test clusters
  tests/cluster/cluster stop "$kind"
done
