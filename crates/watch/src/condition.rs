//! Conditions (spec watcher-parts §4).

use watchbell_json::Json;

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Always,
    Never,
    Compare(Compare),
    ArrayCompare(ArrayCompare),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Compare {
    pub path: String,
    pub op: CompareOp,
    pub value: Json,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ArrayCompare {
    pub array_path: String,
    /// `""` is the element itself.
    pub path: String,
    pub op: CompareOp,
    pub value: Json,
    pub quantifier: Quantifier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    Eq,
    NotEq,
    Gt,
    Gte,
    Lt,
    Lte,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    Some,
    All,
}
