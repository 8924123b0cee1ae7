//! A compiled template: a list of nodes.

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Text(String),
    Value {
        path: Path,
        raw: bool,
        line: usize,
    },
    Section {
        path: Path,
        line: usize,
        body: Vec<Node>,
    },
    Inverted {
        path: Path,
        line: usize,
        body: Vec<Node>,
    },
    /// Printed once, in the scope around it.
    Always(Vec<Node>),
    ToJson {
        path: Path,
        line: usize,
    },
    Join {
        path: Path,
        delimiter: String,
        line: usize,
    },
    Url(Vec<Node>),
}

/// A dotted name, taken apart once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    /// As it was written: also tried as one key, and shown by errors.
    pub(crate) whole: Part,
    /// Empty unless there is a dot; then at least two.
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) text: String,
    /// What a list makes of it; a number too large for 32 bits is a word.
    pub(crate) index: Option<i32>,
}

impl Part {
    fn new(text: &str) -> Part {
        let number = text.strip_prefix(['-', '+']).unwrap_or(text);
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        Part { text: text.into(), index: if is_number { text.parse().ok() } else { None } }
    }
}

impl Path {
    pub(crate) fn new(text: &str) -> Path {
        let parts = if text != "." && text.contains('.') { text.split('.').map(Part::new).collect() } else { Vec::new() };
        Path { whole: Part::new(text), parts }
    }

    /// `.`, the innermost scope.
    pub(crate) fn is_here(&self) -> bool {
        self.whole.text == "."
    }
}
