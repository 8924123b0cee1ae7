//! The Watcher API, the Elasticsearch-compatible API and Watchbell's own API
