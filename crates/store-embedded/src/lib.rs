//! The store contract on SQLite and tantivy
