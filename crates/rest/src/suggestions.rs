//! "did you mean": the near misses of a misspelt name.

/// Names whose likeness is not greater than this are not proposed.
const LIKENESS_MIN: f64 = 0.5;

/// ` -> did you mean [x]?`, ` -> did you mean any of [x, y]?`, or nothing.
#[must_use]
pub(crate) fn did_you_mean<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let mut near: Vec<(f64, &str)> =
        known.into_iter().map(|candidate| (likeness(name, candidate), candidate)).filter(|(score, _)| *score > LIKENESS_MIN).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    near.dedup();
    match near.as_slice() {
        [] => String::new(),
        [(_, one)] => format!(" -> did you mean [{one}]?"),
        several => format!(" -> did you mean any of [{}]?", several.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ")),
    }
}

/// 1 less the edit distance over the longer length.
fn likeness(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let longer = a.len().max(b.len());
    if longer == 0 {
        return 1.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "lengths of names")]
    let likeness = 1.0 - edit_distance(&a, &b) as f64 / longer as f64;
    likeness
}

fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposes_near_misses_best_first() {
        assert_eq!(did_you_mean("sizee", ["from", "size", "sort"]), " -> did you mean [size]?");
        assert_eq!(did_you_mean("tiemout", ["timeout", "master_timeout", "level"]), " -> did you mean [timeout]?");
        assert_eq!(did_you_mean("foo", ["from", "size"]), "");
        assert_eq!(did_you_mean("acitve", ["active", "actives"]), " -> did you mean any of [active, actives]?");
    }
}
