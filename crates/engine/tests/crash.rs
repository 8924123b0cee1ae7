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
async fn campaign(mutation: Mutation, enough: impl Fn(&Violation) -> bool) -> (Vec<Violation>, usize) {
    let plain = run(None, mutation).await;
    assert!(plain.calls > 50, "the scenario makes {} calls: it does nothing", plain.calls);
    let (mut violations, mut crashed) = (plain.violations, 0);
    for at in 1..=plain.calls {
        for way in [Way::Before, Way::After, Way::Half] {
            if violations.iter().any(&enough) {
                return (violations, crashed);
            }
            let outcome = run(Some((at, way)), mutation).await;
            crashed += usize::from(outcome.crashed); // not every call knows every way
            violations.extend(outcome.violations.into_iter().map(|violation| violation.at(at, way)));
        }
    }
    (violations, crashed)
}

#[tokio::test]
async fn a_crash_at_any_call_loses_nothing_and_repeats_only_under_the_same_key() {
    let (violations, runs) = campaign(Mutation::None, |_| false).await;
    assert!(violations.is_empty(), "{} of {runs} runs:\n{}", violations.len(), violations.iter().take(20).map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    assert!(runs > 100, "only {runs} runs crashed");
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
        let (violations, runs) = campaign(mutation, |violation| violation.checker == checker).await;
        assert!(violations.iter().any(|violation| violation.checker == checker), "{mutation:?} was not caught by {checker} in {runs} runs: {:?}", violations.first());
    }
}
