//! Documents: reads, compare-and-set, sequences, bulks, scans.

use super::{Broken, promise, succeeded};
use crate::{DocumentStore, Expect, Revision, Write, WriteError, WriteResult};

pub(super) async fn reads_what_was_written(store: &dyn DocumentStore, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "a read sees every acknowledged write";
    let none = succeeded(CHECK, store.get(index, "1").await)?;
    promise!(CHECK, none.is_none(), "a missing index is not a missing document: {none:?}");
    let source = "{ \"a\" : 1.50,\t\"b\":[ ] }";
    let written = succeeded(CHECK, store.write(Write::put(index, "1", Expect::Anything, source)).await)?;
    promise!(CHECK, written.result == WriteResult::Created && written.version == 1 && written.id == "1", "{written:?}");
    let Some(read) = succeeded(CHECK, store.get(index, "1").await)? else {
        return Err(Broken { check: CHECK, what: "the document is not there".to_owned() });
    };
    promise!(CHECK, read.source == source, "the source came back as {:?}", read.source);
    promise!(CHECK, read.revision == written.revision && read.version == 1 && read.index == index, "{read:?}");
    let updated = succeeded(CHECK, store.write(Write::put(index, "1", Expect::Anything, "{\"a\":2}")).await)?;
    promise!(CHECK, updated.result == WriteResult::Updated && updated.version == 2, "{updated:?}");
    let read = succeeded(CHECK, store.get(index, "1").await)?;
    promise!(CHECK, read.as_ref().is_some_and(|read| read.source == "{\"a\":2}" && read.revision == updated.revision), "{read:?}");
    Ok(())
}

pub(super) async fn create_if_absent(store: &dyn DocumentStore, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "create lets one through";
    let first = succeeded(CHECK, store.write(Write::put(index, "1", Expect::Absent, "{\"n\":1}")).await)?;
    let second = store.write(Write::put(index, "1", Expect::Absent, "{\"n\":2}")).await;
    let conflict = WriteError::Conflict { current: Some(first.revision), current_version: Some(1) };
    promise!(CHECK, second == Err(conflict), "the second create answered {second:?}");
    let read = succeeded(CHECK, store.get(index, "1").await)?;
    promise!(CHECK, read.as_ref().is_some_and(|read| read.source == "{\"n\":1}"), "{read:?}");
    succeeded(CHECK, store.write(Write::delete(index, "1", Expect::Revision(first.revision))).await)?;
    let again = succeeded(CHECK, store.write(Write::put(index, "1", Expect::Absent, "{\"n\":3}")).await)?;
    promise!(CHECK, again.result == WriteResult::Created, "after a delete: {again:?}");
    Ok(())
}

pub(super) async fn compare_and_set(store: &dyn DocumentStore, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "a revision is replaced once";
    let first = succeeded(CHECK, store.write(Write::put(index, "1", Expect::Anything, "{\"n\":1}")).await)?;
    let second = succeeded(CHECK, store.write(Write::put(index, "1", Expect::Revision(first.revision), "{\"n\":2}")).await)?;
    let stale = store.write(Write::put(index, "1", Expect::Revision(first.revision), "{\"n\":3}")).await;
    promise!(CHECK, matches!(&stale, Err(WriteError::Conflict { current: Some(at), .. }) if *at == second.revision), "the stale write answered {stale:?}");
    let stale_delete = store.write(Write::delete(index, "1", Expect::Revision(first.revision))).await;
    promise!(CHECK, matches!(stale_delete, Err(WriteError::Conflict { .. })), "the stale delete answered {stale_delete:?}");
    let absent = store.write(Write::put(index, "nothing", Expect::Revision(first.revision), "{}")).await;
    promise!(CHECK, matches!(absent, Err(WriteError::Conflict { current: None, .. })), "on a missing document: {absent:?}");
    let read = succeeded(CHECK, store.get(index, "1").await)?;
    promise!(CHECK, read.as_ref().is_some_and(|read| read.source == "{\"n\":2}" && read.version == 2), "{read:?}");
    Ok(())
}

pub(super) async fn numbers_operations(store: &dyn DocumentStore, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "sequence numbers grow over all operations, deletes too";
    let mut last: Option<Revision> = None;
    let writes = [
        Write::put(index, "1", Expect::Anything, "{}"),
        Write::put(index, "2", Expect::Anything, "{}"),
        Write::delete(index, "1", Expect::Anything),
        Write::delete(index, "never", Expect::Anything),
        Write::put(index, "1", Expect::Anything, "{}"),
    ];
    for write in writes {
        let written = succeeded(CHECK, store.write(write).await)?;
        promise!(CHECK, last.is_none_or(|last| written.revision.seq_no > last.seq_no), "{:?} after {last:?}", written.revision);
        promise!(CHECK, written.revision.primary_term >= 1, "{:?}", written.revision);
        last = Some(written.revision);
    }
    Ok(())
}

pub(super) async fn versions_go_on_after_delete(store: &dyn DocumentStore, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "versions go on after a delete";
    succeeded(CHECK, store.write(Write::put(index, "1", Expect::Anything, "{}")).await)?;
    let deleted = succeeded(CHECK, store.write(Write::delete(index, "1", Expect::Anything)).await)?;
    promise!(CHECK, deleted.result == WriteResult::Deleted && deleted.version == 2, "{deleted:?}");
    let gone = succeeded(CHECK, store.get(index, "1").await)?;
    promise!(CHECK, gone.is_none(), "{gone:?}");
    let nothing = succeeded(CHECK, store.write(Write::delete(index, "1", Expect::Anything)).await)?;
    promise!(CHECK, nothing.result == WriteResult::NotFound, "{nothing:?}");
    let again = succeeded(CHECK, store.write(Write::put(index, "1", Expect::Anything, "{}")).await)?;
    promise!(CHECK, again.result == WriteResult::Created && again.version > deleted.version, "{again:?}");
    Ok(())
}

pub(super) async fn sequence_is_a_prefix(store: &dyn DocumentStore, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "a sequence stops at its first failure";
    succeeded(CHECK, store.write(Write::put(index, "taken", Expect::Anything, "{}")).await)?;
    let writes = vec![
        Write::put(index, "before", Expect::Absent, "{}"),
        Write::put(index, "taken", Expect::Absent, "{}"),
        Write::put(index, "after", Expect::Absent, "{}"),
        Write::delete(index, "taken", Expect::Anything),
    ];
    let outcomes = store.sequence(writes).await;
    let shape = matches!(outcomes.as_slice(), [Ok(_), Err(WriteError::Conflict { .. }), Err(WriteError::NotTried), Err(WriteError::NotTried)]);
    promise!(CHECK, shape, "{outcomes:?}");
    let after = succeeded(CHECK, store.get(index, "after").await)?;
    promise!(CHECK, after.is_none(), "what comes after the failure was written");
    for id in ["before", "taken"] {
        let there = succeeded(CHECK, store.get(index, id).await)?;
        promise!(CHECK, there.is_some(), "[{id}] is gone");
    }
    let whole = store.sequence(vec![Write::put(index, "a", Expect::Absent, "{}"), Write::put(index, "a", Expect::Anything, "{\"n\":2}")]).await;
    promise!(CHECK, whole.iter().all(Result::is_ok) && whole.len() == 2, "{whole:?}");
    let empty = store.sequence(Vec::new()).await;
    promise!(CHECK, empty.is_empty(), "{empty:?}");
    Ok(())
}

pub(super) async fn bulk_items_are_independent(store: &dyn DocumentStore, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "items of a bulk succeed and fail alone";
    succeeded(CHECK, store.write(Write::put(index, "taken", Expect::Anything, "{}")).await)?;
    let writes = vec![
        Write::put(index, "a", Expect::Absent, "{\"n\":1}"),
        Write::put(index, "taken", Expect::Absent, "{}"),
        Write::put(index, "b", Expect::Absent, "{\"n\":2}"),
        Write::delete(index, "taken", Expect::Anything),
    ];
    let outcomes = store.bulk(writes).await;
    let shape = matches!(outcomes.as_slice(), [Ok(_), Err(WriteError::Conflict { .. }), Ok(_), Ok(_)]);
    promise!(CHECK, shape, "{outcomes:?}");
    let read = succeeded(CHECK, store.get(index, "b").await)?;
    promise!(CHECK, read.as_ref().is_some_and(|read| read.source == "{\"n\":2}"), "{read:?}");
    Ok(())
}

pub(super) async fn scan_is_in_order(store: &dyn DocumentStore, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "a scan walks all documents in the order of ids";
    let none = succeeded(CHECK, store.scan(index, None, 10).await)?;
    promise!(CHECK, none.is_empty(), "a missing index is not empty: {none:?}");
    for id in ["b", "a", "d", "日", "c", "B"] {
        succeeded(CHECK, store.write(Write::put(index, id, Expect::Anything, "{}")).await)?;
    }
    succeeded(CHECK, store.write(Write::delete(index, "c", Expect::Anything)).await)?;
    let mut walked: Vec<String> = Vec::new();
    loop {
        let page = succeeded(CHECK, store.scan(index, walked.last().map(String::as_str), 2).await)?;
        promise!(CHECK, page.len() <= 2, "{} documents where two were asked for", page.len());
        if page.is_empty() {
            break;
        }
        walked.extend(page.into_iter().map(|document| document.id));
        promise!(CHECK, walked.len() <= 5, "the scan does not end: {walked:?}");
    }
    promise!(CHECK, walked == ["B", "a", "b", "d", "日"], "{walked:?}");
    Ok(())
}

pub(super) async fn refuses_what_cannot_be(store: &dyn DocumentStore, index: &str) -> Result<(), Broken> {
    const CHECK: &str = "impossible writes are refused and change nothing";
    for (name, id, source) in [("Upper-Case", "1", "{}"), (index, "", "{}"), (index, "1", "[1]"), (index, "1", "{\"a\":")] {
        let outcome = store.write(Write::put(name, id, Expect::Anything, source)).await;
        promise!(CHECK, matches!(outcome, Err(WriteError::Refused(_))), "[{name}/{id}] {source} answered {outcome:?}");
    }
    let read = succeeded(CHECK, store.get(index, "1").await)?;
    promise!(CHECK, read.is_none(), "{read:?}");
    Ok(())
}
