//! The process may die at any moment, and the contract holds.
//!
//! A scenario is run once to count its calls to the ports. Then it is run again for every call, and for every way in which that
//! call can be the last one: before it took effect, after it, or (a sequence of writes) half way. Another engine is started on
//! what is left, and goes on. Checkers named as in the design look at every run, and each is shown to see something: a store
//! that breaks one rule of the protocol is caught by the same checkers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub, missing_debug_implementations)]

mod checkers;
mod scenario;
#[expect(dead_code, reason = "the other tests use more of it")]
mod world;

use checkers::Violation;
use scenario::{Mutation, Way, run};

/// Runs the scenario without a crash, then with one at every call, until `enough`. Returns what was violated, and how many runs
/// crashed.
async fn campaign(ways: &[Way], mutation: Mutation, enough: impl Fn(&Violation) -> bool) -> (Vec<Violation>, usize) {
    let plain = run(None, mutation).await;
    assert!(plain.calls > 50, "the scenario makes {} calls: it does nothing", plain.calls);
    let (mut violations, mut crashed) = (plain.violations, 0);
    for at in 1..=plain.calls {
        for way in ways.iter().copied() {
            if violations.iter().any(&enough) {
                return (violations, crashed);
            }
            let outcome = run(Some((at, way)), mutation).await;
            crashed += usize::from(outcome.crashed);
            violations.extend(outcome.violations.into_iter().map(|violation| violation.at(at, way)));
        }
    }
    (violations, crashed)
}

#[tokio::test]
async fn a_crash_at_any_write_loses_nothing_and_repeats_only_under_the_same_key() {
    nothing_is_violated(&Way::DEADLY).await;
}

/// The store does not know, or does not answer, and the process lives on: then nothing is even repeated.
#[tokio::test]
async fn a_write_that_fails_loses_nothing_and_repeats_nothing() {
    nothing_is_violated(&Way::HARMLESS).await;
}

async fn nothing_is_violated(ways: &[Way]) {
    let (violations, runs) = campaign(ways, Mutation::None, |_| false).await;
    let shown: Vec<String> = violations.iter().take(20).map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{} violations in {runs} runs:\n{}", violations.len(), shown.join("\n"));
    assert!(runs > 100, "only {runs} runs met their fault");
}

/// Each rule, switched off, is missed by no checker.
#[tokio::test]
async fn every_rule_switched_off_is_caught() {
    for (mutation, checker) in [
        (Mutation::SendsBeforeTheManifestIsDurable, "D2"),
        (Mutation::SendsBeforeTheRowIsDurable, "D4"),
        (Mutation::SequencesRunBackwards, "D5"),
        (Mutation::SequencesDoNotStop, "D5"),
        (Mutation::NothingIsCompared, "D6"),
        (Mutation::EndsAreNotRecorded, "D4"),
        (Mutation::PositionsAreLost, "D5"),
    ] {
        let (violations, runs) = campaign(&Way::DEADLY, mutation, |violation| violation.checker == checker).await;
        assert!(
            violations.iter().any(|violation| violation.checker == checker),
            "{mutation:?} was not caught by {checker} in {runs} runs: {:?}",
            violations.first()
        );
    }
}
