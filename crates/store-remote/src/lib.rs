//! The store contract over HTTP: Elasticsearch 6 to 9, OpenSearch 1 to 3
