//! The recorded corpus against the reference store, without HTTP: every case whose requests this file can carry out.
//!
//! `tests/corpus-failures.txt` lists the cases that fail, one a line; the test fails in both directions, so that neither a
//! regression nor an unnoticed success passes. The whole corpus runs over HTTP elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

#[path = "corpus/compare.rs"]
mod compare;
#[path = "corpus/server.rs"]
mod server;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use watchbell_json::Json;

use server::{Reply, Server};

/// Aggregations, query strings and what only HTTP shows are others' matter.
const AREAS: &[&str] = &["query-term", "query-text", "query-compound", "query-string", "search", "mapping"];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/store")
}

fn read(path: &Path) -> Json {
    Json::parse(&std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

fn list<'j>(value: &'j Json, name: &str) -> &'j [Json] {
    value.get(name).and_then(Json::as_list).unwrap_or(&[])
}

fn text<'j>(value: &'j Json, name: &str) -> &'j str {
    value.get(name).and_then(Json::as_str).unwrap_or("")
}

enum Outcome {
    Passed,
    Failed(String),
    Skipped,
}

/// Cases on the data sets only read, so they share one loaded server; the others have one of their own.
async fn run(case: &Json, loaded: &Server) -> Outcome {
    let own;
    let server = if list(case, "fixtures").is_empty() {
        own = Server::new();
        &own
    } else {
        loaded
    };
    for request in list(case, "setup") {
        match server.answer(request).await {
            Some(reply) if reply.status < 300 => {}
            Some(reply) => return Outcome::Failed(format!("setup: {}", reply.body)),
            None => return Outcome::Skipped,
        }
    }
    let empty = Json::object();
    let rules = case.get("rules").unwrap_or(&empty);
    let steps = std::iter::once(case).chain(list(case, "then"));
    for step in steps {
        let Some(reply) = server.answer(step.get("request").unwrap()).await else { return Outcome::Skipped };
        if let Err(difference) = judge(step, &reply, rules) {
            return Outcome::Failed(difference);
        }
    }
    Outcome::Passed
}

fn judge(step: &Json, reply: &Reply, rules: &Json) -> Result<(), String> {
    let accepted = list(step, "expect").iter().filter(|expected| expected.get("product") != Some(&Json::Bool(false)));
    let mut differences = Vec::new();
    for expected in accepted {
        let status = expected.get("status").and_then(Json::as_i64).unwrap_or(200);
        if status != reply.status {
            differences.push(format!("status {} instead of {status}", reply.status));
            continue;
        }
        match expected.get("body").map_or(Ok(()), |body| compare::same(body, &reply.body, rules)) {
            Ok(()) => return Ok(()),
            Err(difference) => differences.push(difference),
        }
    }
    Err(format!("{} | {}", differences.join(" | "), reply.body))
}

#[tokio::test]
async fn the_reference_store_answers_as_recorded() {
    let fixtures = read(&corpus().join("data/fixtures.json"));
    let listed = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus-failures.txt")).unwrap_or_default();
    let expected: BTreeSet<&str> = listed.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let loaded = Server::new();
    for fixture in fixtures.as_map().unwrap().values() {
        loaded.load(&corpus().join("data"), fixture).await;
    }
    let (mut passed, mut skipped) = (0, 0);
    let mut failed: Vec<(String, String)> = Vec::new();
    for area in AREAS {
        let cases = read(&corpus().join(format!("cases/{area}.json")));
        for case in cases.as_list().unwrap() {
            match run(case, &loaded).await {
                Outcome::Passed => passed += 1,
                Outcome::Skipped => skipped += 1,
                Outcome::Failed(why) => failed.push((text(case, "name").to_owned(), why)),
            }
        }
    }
    println!("{passed} passed, {} failed, {skipped} skipped", failed.len());
    let names: BTreeSet<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    let regressions: Vec<String> =
        failed.iter().filter(|(name, _)| !expected.contains(name.as_str())).map(|(name, why)| format!("{name}: {why:.700}")).collect();
    let successes: Vec<&&str> = expected.iter().filter(|name| !names.contains(**name)).collect();
    assert!(regressions.is_empty(), "{} unexpected failures:\n{}", regressions.len(), regressions.join("\n"));
    assert!(successes.is_empty(), "no longer failing, take them off the list: {successes:?}");
    assert!(passed > 400, "the corpus was hardly read: {passed}");
}
