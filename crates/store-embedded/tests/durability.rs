//! What was acknowledged is there after the process died; who comes second is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, missing_docs)]

mod support;

use std::collections::BTreeMap;

use support::{open, put};
use watchbell_store::{DocumentStore, Expect, Revision, Write, WriteError, WriteResult};
use watchbell_store_embedded::OpenError;

#[tokio::test]
async fn acknowledged_writes_outlive_a_process_that_did_not_close() {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = BTreeMap::new();
    for round in 0..3 {
        let store = open(folder.path());
        for n in 0..20 {
            let id = format!("{:02}", (n * 7 + round) % 30);
            let source = format!("{{\"round\": {round},  \"n\": {n}}}");
            let written = store.write(put("logs", &id, &source)).await.unwrap();
            assert_eq!(written.result == WriteResult::Created, expected.insert(id, source).is_none());
        }
        if round == 1 {
            store.write(Write::delete("logs", "03", Expect::Anything)).await.unwrap();
            expected.remove("03");
        }
        // dropped, not closed
    }
    let store = open(folder.path());
    let documents = store.scan("logs", None, 100).await.unwrap();
    let found: BTreeMap<String, String> = documents.into_iter().map(|d| (d.id, String::from_utf8(d.source.to_vec()).unwrap())).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_killed_process_loses_nothing() {
    const CHILD: &str = "WATCHBELL_TEST_CHILD_FOLDER";
    if let Ok(folder) = std::env::var(CHILD) {
        let store = open(std::path::Path::new(&folder));
        for n in 0.. {
            store.write(put(".watches", &format!("{n:06}"), "{}")).await.unwrap();
            let bulk = (0..10).map(|m| put("logs", &format!("{n:06}-{m}"), &format!("{{\"n\": {n}}}"))).collect();
            store.bulk(bulk).await.into_iter().for_each(|answer| drop(answer.unwrap()));
            // the parent reads what was acknowledged
            println!("ACK {n}");
        }
    }
    use std::io::BufRead;
    for kill_after in [1, 7, 23] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_process_loses_nothing", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let acknowledged = lines.map_while(Result::ok).filter(|line| line.contains("ACK ")).take(kill_after).count();
        assert_eq!(acknowledged, kill_after);
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(folder.path());
        for n in 0..kill_after {
            assert!(store.get(".watches", &format!("{n:06}")).await.unwrap().is_some());
            for m in 0..10 {
                assert!(store.get("logs", &format!("{n:06}-{m}")).await.unwrap().is_some(), "{n} {m}");
            }
        }
    }
}

/// A power cut may leave any prefix of the log; whichever it is, the file holds a prefix of the writes.
#[tokio::test]
async fn a_log_cut_anywhere_holds_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for n in 0..12 {
        store.write(put(".watches", &format!("{n:02}"), &format!("{{\"n\": {n}}}"))).await.unwrap();
    }
    let log = std::fs::read(folder.path().join("state.db-wal")).unwrap();
    let main = std::fs::read(folder.path().join("state.db")).unwrap();
    drop(store);
    let mut seen = Vec::new();
    for cut in (0..=log.len()).step_by(3_001).chain([log.len()]) {
        let image = tempfile::tempdir().unwrap();
        std::fs::write(image.path().join("state.db"), &main).unwrap();
        std::fs::write(image.path().join("state.db-wal"), &log[..cut]).unwrap();
        let store = open(image.path());
        let ids: Vec<String> = store.scan(".watches", None, 100).await.unwrap().into_iter().map(|d| d.id).collect();
        let prefix: Vec<String> = (0..ids.len()).map(|n| format!("{n:02}")).collect();
        assert_eq!(ids, prefix, "cut at {cut}");
        seen.push(ids.len());
        let next = store.write(put(".watches", "next", "{}")).await.unwrap();
        assert_eq!(next.revision.seq_no, i64::try_from(ids.len()).unwrap(), "numbers go on where the documents end");
    }
    assert!(seen.is_sorted());
    assert_eq!(seen.last(), Some(&12));
    assert!(seen.iter().any(|n| (1..12).contains(n)), "some cuts fall between: {seen:?}");
}

#[tokio::test]
async fn a_folder_has_one_holder_until_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write(put("logs", "0", "{}")).await.unwrap();
    let error = support::try_open(folder.path()).unwrap_err();
    assert!(matches!(&error, OpenError::Locked { holder: Some(pid), .. } if *pid == std::process::id().to_string()), "{error}");
    store.close().await;
    assert!(matches!(store.write(put("logs", "1", "{}")).await, Err(WriteError::Unavailable(_))), "closed");
    drop(open(folder.path()));
}

#[tokio::test]
async fn a_damaged_state_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("state.db"), vec![b'x'; 8192]).unwrap();
    let error = support::try_open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_sequence_stops_at_its_first_failure_over_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = store.write(put(".watches", "w", "{}")).await.unwrap();
    let stale = Expect::Revision(Revision { seq_no: first.revision.seq_no + 5, primary_term: 1 });
    let answers = store
        .sequence(vec![
            Write::put(".watches", "w", Expect::Revision(first.revision), "{\"n\":1}"),
            Write::put(".watcher-history-16-2026.11.24", "h", Expect::Absent, "{}"),
            Write::put(".triggered_watches", "t", stale, "{}"),
            Write::delete(".watches", "w", Expect::Anything),
        ])
        .await;
    assert!(answers[0].is_ok() && answers[1].is_ok());
    assert_eq!(answers[2], Err(WriteError::Conflict { current: None, current_version: None }));
    assert_eq!(answers[3], Err(WriteError::NotTried));
    assert!(store.get(".watches", "w").await.unwrap().is_some());
}

#[tokio::test]
async fn concurrent_compare_and_set_lets_one_through() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.write(Write::put(".triggered_watches", "one", Expect::Absent, format!("{{\"n\": {n}}}"))).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert!(matches!(error, WriteError::Conflict { current: Some(_), .. }), "{error}"),
        }
    }
    assert_eq!(won, 1);
}
