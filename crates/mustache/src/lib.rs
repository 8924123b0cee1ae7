//! Elasticsearch's dialect of Mustache
