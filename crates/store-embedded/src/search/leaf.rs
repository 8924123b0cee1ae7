//! What single clauses match in one segment, read from tantivy's postings and columns.

use std::ops::Bound;

use tantivy::columnar::{Column as Values, StrColumn};
use tantivy::postings::{BlockSegmentPostings, Postings};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, SegmentReader, TERMINATED, Term};

use super::bits::Bits;
use crate::columns::{Column, term_text};

type Result<T> = tantivy::Result<T>;

/// Documents of a term with how often it occurs, in ascending order.
pub(super) fn each_posting(reader: &SegmentReader, field: Field, term: &str, mut each: impl FnMut(u32, u32)) -> Result<()> {
    let inverted = reader.inverted_index(field)?;
    let Some(info) = inverted.get_term_info(&Term::from_field_text(field, term))? else { return Ok(()) };
    let mut block = inverted.read_block_postings_from_terminfo(&info, IndexRecordOption::WithFreqs)?;
    for_blocks(&mut block, |block| {
        let freqs = block.freqs();
        block.docs().iter().enumerate().for_each(|(at, document)| each(*document, freqs.get(at).copied().unwrap_or(1)));
    });
    Ok(())
}

fn for_blocks(block: &mut BlockSegmentPostings, mut each: impl FnMut(&BlockSegmentPostings)) {
    while !block.docs().is_empty() {
        each(block);
        block.advance();
    }
}

/// Documents of a term.
pub(super) fn term(reader: &SegmentReader, field: Field, term: &str) -> Result<Bits> {
    let mut bits = Bits::empty(reader.max_doc());
    let inverted = reader.inverted_index(field)?;
    if let Some(info) = inverted.get_term_info(&Term::from_field_text(field, term))? {
        let mut block = inverted.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
        for_blocks(&mut block, |block| block.docs().iter().for_each(|document| bits.insert(*document)));
    }
    Ok(bits)
}

/// How many documents have a term, deleted ones included.
pub(super) fn document_frequency(reader: &SegmentReader, field: Field, term: &str) -> Result<u32> {
    Ok(reader.inverted_index(field)?.doc_freq(&Term::from_field_text(field, term))?)
}

/// Tokens of a text field that begin with `prefix` and that `wanted` accepts, in their order.
pub(super) fn tokens(reader: &SegmentReader, field: Field, path: &str, prefix: &str, mut wanted: impl FnMut(&str) -> bool) -> Result<Vec<String>> {
    let inverted = reader.inverted_index(field)?;
    let start = term_text(path, prefix);
    let head = path.len() + 1;
    let mut found = Vec::new();
    let mut stream = inverted.terms().range().ge(start.as_bytes()).into_stream()?;
    while stream.advance() {
        let key = stream.key();
        if !key.starts_with(start.as_bytes()) {
            break;
        }
        if let Some(token) = key.get(head..).and_then(|token| std::str::from_utf8(token).ok())
            && wanted(token)
        {
            found.push(token.to_owned());
        }
    }
    Ok(found)
}

/// Documents with a whole number (date, boolean) in a range, both ends included.
pub(super) fn long_range(reader: &SegmentReader, column: Column, path: &str, low: i64, high: i64) -> Result<Bits> {
    Ok(match reader.fast_fields().column_opt::<i64>(&column.at(path))? {
        Some(values) => in_range(reader, &values, low, high),
        None => Bits::empty(reader.max_doc()),
    })
}

/// The range is cut to what the column holds first: tantivy takes one that ends below the least value for one that holds it.
fn in_range<T>(reader: &SegmentReader, values: &Values<T>, low: T, high: T) -> Bits
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
{
    let mut bits = Bits::empty(reader.max_doc());
    let (least, greatest) = (values.min_value(), values.max_value());
    let low = if low < least { least } else { low };
    let high = if high > greatest { greatest } else { high };
    if low <= high {
        let mut found = Vec::new();
        values.get_docids_for_value_range(low..=high, 0..reader.max_doc(), &mut found);
        found.into_iter().for_each(|document| bits.insert(document));
    }
    bits
}

/// Documents with a fraction that `wanted` accepts. A scan: what is not a number has no place in an order.
pub(super) fn doubles(reader: &SegmentReader, path: &str, wanted: impl Fn(f64) -> bool) -> Result<Bits> {
    let mut bits = Bits::empty(reader.max_doc());
    if let Some(values) = reader.fast_fields().column_opt::<f64>(&Column::Double.at(path))? {
        for document in 0..reader.max_doc() {
            if values.values_for_doc(document).any(&wanted) {
                bits.insert(document);
            }
        }
    }
    Ok(bits)
}

pub(super) fn words(reader: &SegmentReader, column: Column, path: &str) -> Result<Option<StrColumn>> {
    reader.fast_fields().str(&column.at(path))
}

/// Documents with a word in a range of the bytes' order.
pub(super) fn word_range(reader: &SegmentReader, column: Column, path: &str, low: Bound<&[u8]>, high: Bound<&[u8]>) -> Result<Bits> {
    let Some(words) = words(reader, column, path)? else { return Ok(Bits::empty(reader.max_doc())) };
    let (low, high) = words.dictionary().term_bounds_to_ord(low, high)?;
    let first = match low {
        Bound::Included(ord) => ord,
        Bound::Excluded(ord) => ord.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let last = match high {
        Bound::Included(ord) => Some(ord),
        Bound::Excluded(ord) => ord.checked_sub(1),
        Bound::Unbounded => Some(u64::MAX),
    };
    let end = (words.num_terms() as u64).saturating_sub(1);
    match last.map(|last| last.min(end)) {
        Some(last) if first <= last => Ok(in_range(reader, words.ords(), first, last)),
        _ => Ok(Bits::empty(reader.max_doc())),
    }
}

/// Documents with a word that begins with `prefix` and that `wanted` accepts.
pub(super) fn words_like(reader: &SegmentReader, column: Column, path: &str, prefix: &str, wanted: impl Fn(&str) -> bool) -> Result<Bits> {
    let mut bits = Bits::empty(reader.max_doc());
    let Some(words) = words(reader, column, path)? else { return Ok(bits) };
    let mut accepted = Bits::empty(u32::try_from(words.num_terms()).unwrap_or(u32::MAX));
    let mut stream = words.dictionary().range().ge(prefix.as_bytes()).into_stream()?;
    while stream.advance() {
        if !stream.key().starts_with(prefix.as_bytes()) {
            break;
        }
        if std::str::from_utf8(stream.key()).is_ok_and(&wanted)
            && let Ok(ord) = u32::try_from(stream.term_ord())
        {
            accepted.insert(ord);
        }
    }
    for document in 0..reader.max_doc() {
        if words.term_ords(document).any(|ord| u32::try_from(ord).is_ok_and(|ord| accepted.contains(ord))) {
            bits.insert(document);
        }
    }
    Ok(bits)
}

/// Documents with any value in a column.
pub(super) fn present(reader: &SegmentReader, column: Column, path: &str) -> Result<Bits> {
    let mut bits = Bits::empty(reader.max_doc());
    for handle in reader.fast_fields().dynamic_column_handles(&column.at(path))? {
        let opened = handle.open()?;
        let index = opened.column_index();
        (0..reader.max_doc()).filter(|document| index.has_value(*document)).for_each(|document| bits.insert(document));
    }
    Ok(bits)
}

/// Positions of a term in the documents of a set, all of which have it: in ascending order, one entry a document.
pub(super) fn positions(reader: &SegmentReader, field: Field, term: &str, among: &Bits) -> Result<Vec<Vec<u32>>> {
    let inverted = reader.inverted_index(field)?;
    let mut found = Vec::new();
    let Some(mut postings) = inverted.read_postings(&Term::from_field_text(field, term), IndexRecordOption::WithFreqsAndPositions)? else { return Ok(found) };
    let mut document = postings.doc();
    while document != TERMINATED {
        if among.contains(document) {
            let mut places = Vec::new();
            postings.positions(&mut places);
            found.push(places);
        }
        document = postings.advance();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::ops::Bound::{Excluded, Included, Unbounded};

    use watchbell_store::Value;

    use super::*;
    use crate::columns::{Columns, ID_PATH, IndexedDocument, IndexedText};
    use crate::derived::Derived;

    fn document(seq_no: i64) -> IndexedDocument {
        let text = |path: &str, tokens: &[(u32, &str)]| IndexedText {
            path: path.to_owned(),
            tokens: tokens.iter().map(|(at, token)| (*at, (*token).to_owned())).collect(),
        };
        let n = seq_no;
        let texts = vec![text("message", &[(0, "error"), (1, "in"), (2, if n % 2 == 0 { "even" } else { "odd" }), (110, "error")]), text("a.b", &[])];
        let values = vec![
            ("level.keyword".to_owned(), Value::Keyword(if n % 3 == 0 { "error" } else { "info" }.into())),
            ("status".to_owned(), Value::Long(n - 5)),
            ("status".to_owned(), Value::Long(1_000)),
            ("took".to_owned(), Value::Double(f64::from(i32::try_from(n).unwrap()))),
            ("at".to_owned(), Value::Date(1_700_000_000_000 + n)),
            ("big".to_owned(), Value::Unsigned(u64::MAX - n.unsigned_abs())),
            ("from".to_owned(), Value::ip(format!("10.0.0.{n}").parse().unwrap())),
            ("odd\\name".to_owned(), Value::Bool(n % 2 == 1)),
        ];
        IndexedDocument { seq_no, id: format!("id{n}"), texts, values }
    }

    fn found(bits: &Bits) -> Vec<u32> {
        bits.iter().collect()
    }

    #[test]
    fn clauses_find_what_was_put_in() {
        let folder = tempfile::tempdir().unwrap();
        let columns = Columns::new();
        let (mut derived, _) = Derived::open(folder.path(), &columns, 100).unwrap();
        (0..10).for_each(|n| derived.put(&columns, document(n), false).unwrap());
        derived.commit().unwrap();
        let searcher = derived.search_side().searcher();
        let reader = searcher.segment_reader(0);
        let even: Vec<u32> = vec![0, 2, 4, 6, 8];
        assert_eq!(found(&term(reader, columns.text, &term_text("message", "even")).unwrap()), even);
        assert_eq!(found(&term(reader, columns.term, &term_text("level.keyword", "error")).unwrap()), [0, 3, 6, 9]);
        assert_eq!(found(&term(reader, columns.term, &term_text(ID_PATH, "id7")).unwrap()), [7]);
        assert_eq!(document_frequency(reader, columns.text, &term_text("message", "error")).unwrap(), 10);
        let mut postings = Vec::new();
        each_posting(reader, columns.text, &term_text("message", "error"), |document, freq| postings.push((document, freq))).unwrap();
        assert_eq!(postings[3], (3, 2));
        assert_eq!(tokens(reader, columns.text, "message", "e", |_| true).unwrap(), ["error", "even"]);
        assert_eq!(found(&long_range(reader, Column::Long, "status", -2, 1).unwrap()), [3, 4, 5, 6]);
        assert_eq!(found(&long_range(reader, Column::Long, "at", 1_700_000_000_009, i64::MAX).unwrap()), [9]);
        let shifted = crate::columns::ordered;
        assert_eq!(found(&long_range(reader, Column::Long, "big", shifted(u64::MAX - 1), shifted(u64::MAX)).unwrap()), [0, 1]);
        assert_eq!(found(&long_range(reader, Column::Long, "status", -900, -6).unwrap()), [0_u32; 0], "below the least value");
        assert_eq!(found(&long_range(reader, Column::Long, "status", 1_001, i64::MAX).unwrap()), [0_u32; 0]);
        assert_eq!(found(&doubles(reader, "took", |value| value > 7.5).unwrap()), [8, 9]);
        let ip = |text: &str| match Value::ip(text.parse().unwrap()) {
            Value::Ip(bits) => crate::columns::ip_key(bits),
            other => panic!("{other:?}"),
        };
        let (low, high) = (ip("10.0.0.7"), ip("10.0.0.9"));
        assert_eq!(found(&word_range(reader, Column::Ip, "from", Included(low.as_bytes()), Excluded(high.as_bytes())).unwrap()), [7, 8]);
        assert_eq!(found(&word_range(reader, Column::Keyword, "level.keyword", Unbounded, Included(b"f")).unwrap()), [0, 3, 6, 9]);
        assert_eq!(found(&word_range(reader, Column::Keyword, "level.keyword", Excluded(b"info"), Unbounded).unwrap()), [0_u32; 0]);
        assert_eq!(found(&words_like(reader, Column::Keyword, "level.keyword", "e", |word| word.ends_with('r')).unwrap()), [0, 3, 6, 9]);
        assert_eq!(present(reader, Column::Length, "a.b").unwrap().count(), 10, "a text of no tokens is there");
        assert_eq!(present(reader, Column::Long, "odd\\name").unwrap().count(), 10);
        assert_eq!(present(reader, Column::Long, "took").unwrap().count(), 0);
        let all = Bits::full(reader.max_doc());
        let at = positions(reader, columns.text, &term_text("message", "error"), &all).unwrap();
        let (first, second) = (at[0][0], at[0][1]);
        assert_eq!(second - first, 110, "gaps are kept");
    }

    #[test]
    fn a_replaced_document_is_gone_after_the_commit() {
        let folder = tempfile::tempdir().unwrap();
        let columns = Columns::new();
        let (mut derived, _) = Derived::open(folder.path(), &columns, 100).unwrap();
        derived.put(&columns, document(0), false).unwrap();
        derived.commit().unwrap();
        derived.put(&columns, IndexedDocument { id: "id0".to_owned(), ..document(1) }, true).unwrap();
        derived.put(&columns, IndexedDocument { id: "id0".to_owned(), ..document(2) }, true).unwrap();
        derived.commit().unwrap();
        assert_eq!(derived.search_side().searcher().num_docs(), 1);
        derived.delete(&columns, "id0", 3).unwrap();
        derived.commit().unwrap();
        assert_eq!(derived.search_side().searcher().num_docs(), 0);
        drop(derived);
        let (derived, thrown_away) = Derived::open(folder.path(), &columns, 3).unwrap();
        assert_eq!((derived.committed_seq, thrown_away), (3, None));
        drop(derived);
        let (derived, thrown_away) = Derived::open(folder.path(), &columns, 2).unwrap();
        assert_eq!((derived.committed_seq, thrown_away.is_some()), (-1, true), "an index ahead of its rows is of no use");
    }
}
