//! Which documents of a segment come first, without reading more than must be read.
//!
//! A key's column gives each document a rank, a whole number that orders as the key does within the segment. The best are
//! selected by the first key; only where documents tie at the edge is the next key looked at, and at last the sequence number.
//! What was selected is then sorted, here and across segments, by the values themselves ([`SortPlan::compare`]).

use std::sync::Arc;

use tantivy::SegmentReader;
use tantivy::columnar::{Column as Values, StrColumn};
use watchbell_store::Value;
use watchbell_store::mapping::{Field, FieldContent, FieldType, IndexedFields};
use watchbell_store::query::{Order, SortMode};
use watchbell_store::search::{SortColumn, SortPlan, SortRow, SortValue};

use crate::columns::{Column, SEQ_NO, ip_key, ordered, unordered};

type Result<T> = tantivy::Result<T>;

/// Ranks leave room below and above for what is missing.
type Rank = u128;
const FIRST: Rank = 0;
const PRESENT: Rank = 1 << 64;
const LAST: Rank = 2 << 64;

/// A document of a segment on its way to the best.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub document: u32,
    pub seq_no: i64,
    pub score: f32,
}

enum Source {
    Score,
    SeqNo,
    Same,
    Long {
        values: Option<Values<i64>>,
        greatest: bool,
        as_double: bool,
    },
    Double {
        values: Option<Values<f64>>,
        greatest: bool,
    },
    Words {
        words: Option<StrColumn>,
        greatest: bool,
    },
    /// Through the values of the document, one by one.
    Values,
}

struct Key {
    order: Order,
    source: Source,
    missing: Rank,
}

/// The columns of one segment that a sort needs.
pub(crate) struct SegmentSort<'a> {
    plan: &'a SortPlan,
    index: &'a str,
    keys: Vec<Key>,
    columns: Vec<FieldColumn>,
}

/// A field's column, for reading whole values.
struct FieldColumn {
    path: Arc<str>,
    reads: Reads,
}

enum Reads {
    Long(Values<i64>, FieldType),
    Double(Values<f64>),
    Words(StrColumn),
    Ips(StrColumn),
}

/// The sequence numbers of a segment's documents.
pub(crate) fn seq_nos(reader: &SegmentReader) -> Result<Values<i64>> {
    reader.fast_fields().i64(SEQ_NO)
}

fn signed(value: i64) -> Rank {
    PRESENT + Rank::from(value.cast_unsigned() ^ (1 << 63))
}

fn fraction(value: f64) -> Rank {
    let bits = value.to_bits();
    PRESENT + Rank::from(if bits >> 63 == 0 { bits ^ (1 << 63) } else { !bits })
}

/// Words rank by twice their ordinal, so that one that is no word of the segment finds its place between two.
fn word(ordinal: u64) -> Rank {
    PRESENT + 2 * Rank::from(ordinal) + 1
}

impl Key {
    fn directed(&self, rank: Rank) -> Rank {
        if self.order == Order::Descending && (PRESENT..LAST).contains(&rank) { PRESENT + (LAST - 1 - rank) } else { rank }
    }
}

#[allow(clippy::cast_precision_loss)] // asked for, or only where types differ
fn rank_of(value: &SortValue, source: &Source) -> Result<Rank> {
    let in_doubles = matches!(source, Source::Double { .. } | Source::Score | Source::Long { as_double: true, .. });
    Ok(match value {
        SortValue::Null { last } => {
            if *last {
                LAST
            } else {
                FIRST
            }
        }
        SortValue::Long(value) if in_doubles => fraction(*value as f64),
        SortValue::Long(value) => signed(*value),
        SortValue::Unsigned(value) if in_doubles => fraction(*value as f64),
        SortValue::Unsigned(value) => signed(ordered(*value)),
        SortValue::Double(value) | SortValue::Float(value) => fraction(*value),
        SortValue::Text(text) => word_rank(text, source)?,
        SortValue::Ip(bits) => word_rank(&ip_key(*bits), source)?,
    })
}

fn word_rank(text: &str, source: &Source) -> Result<Rank> {
    let Source::Words { words: Some(words), .. } = source else { return Ok(PRESENT) };
    if let Some(ordinal) = words.dictionary().term_ord(text)? {
        return Ok(word(ordinal));
    }
    let (from, _) = words.dictionary().term_bounds_to_ord(std::ops::Bound::Included(text), std::ops::Bound::Unbounded)?;
    let next = match from {
        std::ops::Bound::Included(ordinal) | std::ops::Bound::Excluded(ordinal) => ordinal.min(words.num_terms() as u64),
        std::ops::Bound::Unbounded => words.num_terms() as u64,
    };
    Ok(PRESENT + 2 * Rank::from(next))
}

impl<'a> SegmentSort<'a> {
    pub(crate) fn open(plan: &'a SortPlan, index: &'a str, reader: &SegmentReader) -> Result<SegmentSort<'a>> {
        let mut keys = Vec::new();
        let mut columns = Vec::new();
        for (order, column) in plan.columns() {
            let (source, missing) = match column {
                SortColumn::Score => (Source::Score, LAST),
                SortColumn::Place | SortColumn::SeqNo => (Source::SeqNo, LAST),
                SortColumn::Index => (Source::Same, LAST),
                SortColumn::Field { path, field, mode, missing, as_double } => {
                    let source = source(reader, path, field, mode, as_double)?;
                    columns.extend(field_column(reader, path, field)?);
                    let missing = rank_of(missing, &source)?;
                    (source, missing)
                }
            };
            keys.push(Key { order, source, missing });
        }
        Ok(SegmentSort { plan, index, keys, columns })
    }

    /// The first `limit` of some documents, in no order.
    pub(crate) fn select(&self, found: Vec<Found>, limit: usize) -> Vec<Found> {
        let mut selected = Vec::with_capacity(limit.min(found.len()));
        self.select_by(0, found, limit, &mut selected);
        selected
    }

    fn select_by(&self, at: usize, mut found: Vec<Found>, limit: usize, selected: &mut Vec<Found>) {
        if found.len() <= limit {
            selected.append(&mut found);
            return;
        }
        if limit == 0 {
            return;
        }
        let Some(key) = self.keys.get(at) else {
            found.select_nth_unstable_by_key(limit - 1, |found| found.seq_no);
            found.truncate(limit);
            selected.append(&mut found);
            return;
        };
        let mut ranked: Vec<(Rank, Found)> = found.into_iter().map(|found| (self.rank(at, key, &found), found)).collect();
        let (_, (edge, _), _) = ranked.select_nth_unstable_by_key(limit - 1, |(rank, _)| *rank);
        let edge = *edge;
        let before = selected.len();
        let mut tied = Vec::new();
        for (rank, found) in ranked {
            match rank.cmp(&edge) {
                std::cmp::Ordering::Less => selected.push(found),
                std::cmp::Ordering::Equal => tied.push(found),
                std::cmp::Ordering::Greater => {}
            }
        }
        let left = limit - (selected.len() - before);
        self.select_by(at + 1, tied, left, selected);
    }

    /// Keeps what comes after the values of a `search_after`.
    pub(crate) fn keep_after(&self, found: &mut Vec<Found>, after: &[SortValue]) -> Result<()> {
        let after = self.keys.iter().zip(after).map(|(key, value)| Ok(key.directed(rank_of(value, &key.source)?))).collect::<Result<Vec<Rank>>>()?;
        found.retain(|found| self.keys.iter().enumerate().map(|(at, key)| self.rank(at, key, found)).gt(after.iter().copied()));
        Ok(())
    }

    fn rank(&self, at: usize, key: &Key, found: &Found) -> Rank {
        let rank = match &key.source {
            Source::Score => Some(fraction(f64::from(found.score))),
            Source::SeqNo => Some(signed(found.seq_no)),
            Source::Same => Some(PRESENT),
            Source::Long { values, greatest, as_double } => values.as_ref().and_then(|values| {
                let of = |value: i64| {
                    #[allow(clippy::cast_precision_loss)] // asked for
                    if *as_double { fraction(value as f64) } else { signed(value) }
                };
                extreme(values.values_for_doc(found.document).map(of), *greatest)
            }),
            Source::Double { values, greatest } => values.as_ref().and_then(|values| extreme(values.values_for_doc(found.document).map(fraction), *greatest)),
            Source::Words { words, greatest } => words.as_ref().and_then(|words| extreme(words.term_ords(found.document).map(word), *greatest)),
            Source::Values => self.values(found).get(at).and_then(|value| rank_of(value, &key.source).ok()),
        };
        key.directed(rank.unwrap_or(key.missing))
    }

    /// What a document is sorted by.
    pub(crate) fn values(&self, found: &Found) -> Vec<SortValue> {
        let mut fields = IndexedFields::default();
        for column in &self.columns {
            let values = column.values(found.document);
            if !values.is_empty() {
                fields.fields.insert(column.path.clone(), FieldContent::Values(values));
            }
        }
        let place = u64::try_from(found.seq_no).unwrap_or(0);
        self.plan.values(&SortRow { id: "", index: self.index, seq_no: found.seq_no, place, score: found.score, fields: &fields })
    }
}

fn extreme(ranks: impl Iterator<Item = Rank>, greatest: bool) -> Option<Rank> {
    if greatest { ranks.max() } else { ranks.min() }
}

fn source(reader: &SegmentReader, path: &str, field: &Field, mode: SortMode, as_double: bool) -> Result<Source> {
    let greatest = match mode {
        SortMode::Min => false,
        SortMode::Max => true,
        SortMode::Sum | SortMode::Avg | SortMode::Median => return Ok(Source::Values),
    };
    let columns = reader.fast_fields();
    Ok(match &field.kind {
        FieldType::Keyword | FieldType::Text => Source::Words { words: columns.str(&Column::Keyword.at(path))?, greatest },
        FieldType::Ip => Source::Words { words: columns.str(&Column::Ip.at(path))?, greatest },
        kind if kind.is_fraction() => Source::Double { values: columns.column_opt(&Column::Double.at(path))?, greatest },
        // SortPlan converts only signed numbers
        kind => Source::Long {
            values: columns.column_opt(&Column::Long.at(path))?,
            greatest,
            as_double: as_double && kind.is_whole_number() && *kind != FieldType::UnsignedLong,
        },
    })
}

fn field_column(reader: &SegmentReader, path: &Arc<str>, field: &Field) -> Result<Option<FieldColumn>> {
    let columns = reader.fast_fields();
    let reads = match &field.kind {
        FieldType::Keyword | FieldType::Text => columns.str(&Column::Keyword.at(path))?.map(Reads::Words),
        FieldType::Ip => columns.str(&Column::Ip.at(path))?.map(Reads::Ips),
        kind if kind.is_fraction() => columns.column_opt(&Column::Double.at(path))?.map(Reads::Double),
        kind => columns.column_opt(&Column::Long.at(path))?.map(|values| Reads::Long(values, kind.clone())),
    };
    Ok(reads.map(|reads| FieldColumn { path: path.clone(), reads }))
}

impl FieldColumn {
    fn values(&self, document: u32) -> Vec<Value> {
        match &self.reads {
            Reads::Long(values, kind) => values
                .values_for_doc(document)
                .map(|value| match kind {
                    FieldType::Boolean => Value::Bool(value != 0),
                    FieldType::UnsignedLong => Value::Unsigned(unordered(value)),
                    kind if kind.is_date() => Value::Date(value),
                    _ => Value::Long(value),
                })
                .collect(),
            Reads::Double(values) => values.values_for_doc(document).map(Value::Double).collect(),
            Reads::Words(words) => texts(words, document).map(|text| Value::Keyword(text.into())).collect(),
            Reads::Ips(words) => texts(words, document).filter_map(|text| u128::from_str_radix(&text, 16).ok()).map(Value::Ip).collect(),
        }
    }
}

fn texts(words: &StrColumn, document: u32) -> impl Iterator<Item = String> + '_ {
    words.term_ords(document).filter_map(|ordinal| {
        let mut text = String::new();
        words.ord_to_str(ordinal, &mut text).ok()?.then_some(text)
    })
}
