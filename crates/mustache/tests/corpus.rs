//! The recorded behaviour of the reference engines: every case of `tests/corpus/mustache.json`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;

use watchbell_json::{Failure, Json};
use watchbell_mustache::{MediaType, Options, Template};

fn read(path: &str) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    Json::parse(&std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

fn text<'c>(case: &'c Json, path: &[&str]) -> Option<&'c str> {
    case.at(path).and_then(Json::as_str)
}

/// The dates of the context are dates, not strings.
fn with_dates(mut model: Json) -> Json {
    for path in [["execution_time"].as_slice(), &["trigger", "triggered_time"], &["trigger", "scheduled_time"]] {
        let mut full = vec!["ctx"];
        full.extend(path);
        if let Some(text) = model.at(&full).and_then(Json::as_str) {
            let at: watchbell_time::Timestamp = text.parse().unwrap();
            replace(&mut model, &full, &Json::Time(watchbell_time::epoch_nanos(at)));
        }
    }
    model
}

fn replace(value: &mut Json, path: &[&str], new: &Json) {
    match path {
        [] => *value = new.clone(),
        [first, rest @ ..] => replace(value.make_map().get_mut(first).unwrap(), rest, new),
    }
}

fn rendered(case: &Json, model: &Json) -> Result<String, Failure> {
    let media = MediaType::parse(text(case, &["media_type"]))?;
    Template::compile(text(case, &["template"]).unwrap(), media)?.render(model, &Options::default())
}

/// Version 8 says `media type` where the engines that were recorded say `MIME type`.
fn in_words_of_8(text: &str) -> String {
    text.replace("No encoder found for MIME type", "No encoder found for media type")
}

/// The chain of causes below the wrapper.
fn causes(failure: &Failure) -> Vec<(String, String)> {
    std::iter::successors(Some(failure), |failure| failure.caused_by.as_deref())
        .map(|failure| (failure.kind.to_string(), failure.reason_text().to_owned()))
        .collect()
}

fn misfit(case: &Json, model: &Json) -> Option<String> {
    let outcome = rendered(case, model);
    if let Some(expected) = text(case, &["expect"]) {
        return match outcome {
            Ok(text) if text == expected => None,
            Ok(text) => Some(format!("expected {expected:?}, got {text:?}")),
            Err(failure) => Some(format!("expected {expected:?}, failed with {failure}")),
        };
    }
    let Err(failure) = outcome else { return Some(format!("expected an error, got {outcome:?}")) };
    let wrapper = match text(case, &["expect", "error"]) {
        Some("compile") => "script_exception",
        Some("runtime") => "general_script_exception",
        other => panic!("unknown kind of error {other:?}"),
    };
    let chain = causes(&failure);
    // An unknown media type is refused before there is a script.
    let below = if chain[0].0 == wrapper { &chain[1..] } else { &chain[..] };
    let wrapped = chain[0].0 == wrapper || chain[0].0 == "illegal_argument_exception";
    let kind = text(case, &["expect", "type"]).is_none_or(|kind| below[0].0 == kind);
    let contains = below[0].1.contains(&in_words_of_8(text(case, &["expect", "contains"]).unwrap_or("")));
    let recorded = text(case, &["recorded", "reason"]).is_none_or(|reason| below[0].1 == in_words_of_8(reason));
    let causes = case.at(&["recorded", "causes"]).and_then(Json::as_list).is_none_or(|recorded| {
        let link = |cause: &Json| (text(cause, &["type"]).unwrap().to_owned(), text(cause, &["reason"]).unwrap().to_owned());
        recorded.iter().map(link).eq(below.iter().cloned())
    });
    (!(wrapped && kind && contains && recorded && causes))
        .then(|| format!("expected {:?}, recorded {:?}, got {chain:?}", case.get("expect"), case.get("recorded")))
}

#[test]
fn every_case_renders_as_recorded() {
    let corpus = read("../../tests/corpus/mustache.json");
    let cases = corpus.as_list().unwrap();
    assert!(cases.len() > 500, "the corpus is incomplete");
    let expected: BTreeSet<String> = read("tests/mustache-expected-failures.json").as_map().unwrap().keys().map(str::to_owned).collect();
    let mut failed = BTreeSet::new();
    let mut report = String::new();
    for case in cases {
        let name = text(case, &["name"]).unwrap();
        let model = with_dates(case.get("data").unwrap().clone());
        if let Some(misfit) = misfit(case, &model) {
            failed.insert(name.to_owned());
            if !expected.contains(name) {
                report.push_str(&format!("{name}: {:?}: {misfit}\n", text(case, &["template"])));
            }
        }
    }
    assert!(report.is_empty(), "{} unexpected failures:\n{report}", report.lines().count());
    let passing: Vec<_> = expected.difference(&failed).collect();
    assert!(passing.is_empty(), "listed as failing, but passing or gone: {passing:?}");
}

/// Only an accident of the reference may be listed.
#[test]
fn expected_failures_are_quirks() {
    let corpus = read("../../tests/corpus/mustache.json");
    for name in read("tests/mustache-expected-failures.json").as_map().unwrap().keys() {
        let case = corpus.as_list().unwrap().iter().find(|case| text(case, &["name"]) == Some(name)).expect("a case of that name");
        let both = case.get("verified").and_then(Json::as_list).is_some_and(|engines| engines.len() > 1);
        assert!(case.get("quirk").is_some() || !both, "{name} is neither a quirk nor disputed");
    }
}
