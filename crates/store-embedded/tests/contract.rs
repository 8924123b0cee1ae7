//! The store crate's contract suite.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use watchbell_store::{DocumentStore, contract};

#[tokio::test]
async fn the_embedded_store_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let store = support::open(folder.path());
    assert_eq!(contract::indices(&*store, "contract").await, Ok(()));
    // the same folder after a restart, beside what is there
    store.close().await;
    drop(store);
    let store = support::open(folder.path());
    assert_eq!(contract::indices(&*store, "again").await, Ok(()));
    assert!(store.scan("contract-scan", None, 10).await.unwrap().len() > 1);
}
