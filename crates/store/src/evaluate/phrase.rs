//! How often a phrase stands in a document.

use std::collections::BTreeSet;

use crate::analysis::Token;
use crate::plan::PhraseToken;

/// Most alignments of a sloppy phrase that are looked at in one document; repeated words multiply them.
const ALIGNMENTS_MAX: usize = 100_000;

/// Exact occurrences count one, sloppy ones the less the further their tokens are moved.
pub(super) fn frequency(tokens: &[Token], phrase: &[PhraseToken], slop: u32) -> f32 {
    // Where the phrase would begin if a token were in place.
    let starts: Vec<Vec<i64>> = phrase
        .iter()
        .map(|wanted| {
            let places = tokens.iter().filter(|token| *token.text == *wanted.token);
            places.map(|token| i64::from(token.position) - i64::from(wanted.position)).collect()
        })
        .collect();
    frequency_of_starts(&starts, phrase, slop)
}

/// As [`frequency`], given where the phrase would begin if each of its tokens were in place, in ascending order.
#[must_use]
pub fn frequency_of_starts(starts: &[Vec<i64>], phrase: &[PhraseToken], slop: u32) -> f32 {
    if starts.iter().any(Vec::is_empty) {
        return 0.0;
    }
    if slop == 0 { exact(starts) } else { sloppy(starts, phrase, slop) }
}

fn exact(starts: &[Vec<i64>]) -> f32 {
    let Some((first, rest)) = starts.split_first() else { return 0.0 };
    #[allow(clippy::cast_precision_loss)] // a document's tokens
    let count = first.iter().filter(|start| rest.iter().all(|other| other.contains(start))).count() as f32;
    count
}

/// Greedy along the document, as Lucene's matcher walks it: the lagging token moves on, every span narrow enough counts.
fn sloppy(starts: &[Vec<i64>], phrase: &[PhraseToken], slop: u32) -> f32 {
    let mut at = vec![0_usize; starts.len()];
    let mut frequency = 0.0;
    let mut last_lagging: Option<i64> = None;
    for _ in 0..ALIGNMENTS_MAX {
        let now: Vec<i64> = starts.iter().zip(&at).filter_map(|(places, at)| places.get(*at).copied()).collect();
        let (Some(least), Some(most)) = (now.iter().min().copied(), now.iter().max().copied()) else { break };
        let distance = most - least;
        if distance <= i64::from(slop) && places_differ(&now, phrase) && last_lagging != Some(least) {
            #[allow(clippy::cast_precision_loss)] // at most the slop
            let weight = 1.0 / (1.0 + distance as f32);
            frequency += weight;
            last_lagging = Some(least);
        }
        let Some(lagging) = now.iter().position(|start| *start == least) else { break };
        at[lagging] += 1;
        if at[lagging] >= starts[lagging].len() {
            break;
        }
    }
    frequency
}

/// One token of the document cannot be two of the phrase.
fn places_differ(starts: &[i64], phrase: &[PhraseToken]) -> bool {
    let mut places = BTreeSet::new();
    starts.iter().zip(phrase).all(|(start, wanted)| places.insert(start + i64::from(wanted.position)))
}

pub(super) fn prefix_frequency(tokens: &[Token], phrase: &[PhraseToken], prefix: &PhraseToken, slop: u32, expansions: usize) -> f32 {
    // The reference expands over the whole index's terms; over one document's the bound only ever takes more.
    let endings: BTreeSet<&str> = tokens.iter().filter(|token| token.text.starts_with(&*prefix.token)).map(|token| token.text.as_str()).collect();
    let with_ending = |ending: &str| {
        let last = PhraseToken { token: ending.into(), position: prefix.position };
        frequency(tokens, &phrase.iter().cloned().chain([last]).collect::<Vec<_>>(), slop)
    };
    endings.into_iter().take(expansions).map(with_ending).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analyzer;

    fn phrase(text: &str) -> Vec<PhraseToken> {
        text.split(' ').zip(0..).map(|(token, position)| PhraseToken { token: token.into(), position }).collect()
    }

    #[test]
    fn phrases_in_order_and_with_slop() {
        let tokens = Analyzer::Standard.analyze("the quick brown fox jumps over the lazy dog the quick fox");
        for (text, slop, matches) in [
            ("quick brown", 0, true),
            ("brown quick", 0, false),
            ("quick fox", 0, true),
            ("fox brown", 2, true),
            ("fox brown", 1, false),
            ("the dog", 1, true),
            ("lazy fox", 3, true),
            ("lazy fox", 2, false),
        ] {
            assert_eq!(frequency(&tokens, &phrase(text), slop) > 0.0, matches, "{text} ~{slop}");
        }
        assert_eq!(frequency(&tokens, &phrase("the quick"), 0), 2.0);
    }
}
