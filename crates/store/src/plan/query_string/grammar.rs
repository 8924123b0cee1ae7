//! The grammar of `query_string`: Lucene's classic parser, with its odd precedence (`a AND b OR c` is `+a +b c`).

/// Deepest nesting of parentheses: the parser recurses.
const NESTING_MAX: usize = 100;
/// Most clauses of one query string.
const CLAUSES_MAX: usize = 1024;

/// Why a text is no query: where, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) what: String,
    pub(super) at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conjunction {
    None,
    And,
    Or,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modifier {
    None,
    Required,
    Prohibited,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clause {
    pub(super) conjunction: Conjunction,
    pub(super) modifier: Modifier,
    pub(super) expression: Expression,
}

/// A character of a term, and whether it was escaped.
pub(super) type TermChar = (char, bool);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expression {
    /// The field it names, unescaped.
    pub(super) field: Option<String>,
    pub(super) kind: ExpressionKind,
    pub(super) boost: f32,
    /// A boost was written.
    pub(super) boosted: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ExpressionKind {
    Group(Vec<Clause>),
    Term(Vec<TermChar>),
    Phrase { text: String, slop: Option<u32> },
    Range { lower: Option<String>, upper: Option<String>, include_lower: bool, include_upper: bool },
    Regex,
    Fuzzy,
}

pub(super) fn parse(text: &str) -> Result<Vec<Clause>, SyntaxError> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0, clauses: 0 };
    let clauses = parser.clauses(0)?;
    if parser.at < parser.chars.len() {
        return Err(parser.unexpected());
    }
    Ok(clauses)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    clauses: usize,
}

impl Parser {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek(0).is_some_and(|c| c.is_whitespace() || c == '\u{3000}') {
            self.at += 1;
        }
    }

    fn unexpected(&self) -> SyntaxError {
        let what = self.peek(0).map_or_else(|| "<EOF>".to_owned(), |c| c.to_string());
        SyntaxError { what, at: self.at }
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek(0) == Some(c);
        if found {
            self.at += 1;
        }
        found
    }

    /// A word that stands alone.
    fn eat_word(&mut self, word: &str) -> bool {
        let length = word.chars().count();
        let fits = word.chars().enumerate().all(|(ahead, c)| self.peek(ahead) == Some(c));
        let ends = self.peek(length).is_none_or(|c| !is_term_char(c) && c != '\\');
        if fits && (ends || !word.starts_with(char::is_alphabetic)) {
            self.at += length;
            return true;
        }
        false
    }

    fn clauses(&mut self, depth: usize) -> Result<Vec<Clause>, SyntaxError> {
        if depth > NESTING_MAX {
            return Err(self.unexpected());
        }
        let mut clauses = Vec::new();
        loop {
            self.skip_blanks();
            if matches!(self.peek(0), None | Some(')')) {
                if clauses.is_empty() && depth > 0 {
                    return Err(self.unexpected());
                }
                return Ok(clauses);
            }
            let conjunction = if clauses.is_empty() { Conjunction::None } else { self.conjunction() };
            self.skip_blanks();
            let modifier = self.modifier();
            self.skip_blanks();
            let expression = self.expression(depth)?;
            self.clauses += 1;
            if self.clauses > CLAUSES_MAX {
                return Err(self.unexpected());
            }
            clauses.push(Clause { conjunction, modifier, expression });
        }
    }

    fn conjunction(&mut self) -> Conjunction {
        if self.eat_word("AND") || self.eat_word("&&") {
            Conjunction::And
        } else if self.eat_word("OR") || self.eat_word("||") {
            Conjunction::Or
        } else {
            Conjunction::None
        }
    }

    fn modifier(&mut self) -> Modifier {
        let operator_alone = self.peek(1).is_some_and(char::is_whitespace);
        if self.peek(0) == Some('+') && !operator_alone {
            self.at += 1;
            return Modifier::Required;
        }
        let negates = matches!(self.peek(0), Some('-' | '!')) && !operator_alone;
        if negates {
            self.at += 1;
        }
        if negates || self.eat_word("NOT") { Modifier::Prohibited } else { Modifier::None }
    }

    fn expression(&mut self, depth: usize) -> Result<Expression, SyntaxError> {
        let begun = self.at;
        let field = self.field();
        if field.is_none() {
            self.at = begun;
        }
        self.skip_blanks();
        let kind = match self.peek(0) {
            Some('(') => {
                self.at += 1;
                let clauses = self.clauses(depth + 1)?;
                if !self.eat(')') {
                    return Err(self.unexpected());
                }
                ExpressionKind::Group(clauses)
            }
            Some('"') => self.phrase()?,
            Some('[' | '{') => self.range()?,
            Some('/') => self.regex()?,
            _ => self.term()?,
        };
        let boosted = self.peek(0) == Some('^');
        let boost = self.boost()?;
        Ok(Expression { field, kind, boost, boosted })
    }

    /// `name:`, if that is what stands here.
    fn field(&mut self) -> Option<String> {
        let name = if self.peek(0) == Some('*') && self.peek(1) == Some(':') {
            self.at += 1;
            "*".to_owned()
        } else {
            self.term_chars().ok()?.into_iter().map(|(c, _)| c).collect::<String>()
        };
        if name.is_empty() || matches!(name.as_str(), "AND" | "OR" | "NOT") {
            return None;
        }
        self.skip_blanks();
        self.eat(':').then_some(name)
    }

    /// The characters of a term up to where it ends; wildcards are not among them.
    fn term_chars(&mut self) -> Result<Vec<TermChar>, SyntaxError> {
        let mut out = Vec::new();
        while let Some(c) = self.peek(0) {
            if c == '\\' {
                out.push((self.escaped()?, true));
            } else if is_term_char(c) && (!out.is_empty() || !matches!(c, '+' | '-' | '!')) {
                out.push((c, false));
                self.at += 1;
            } else {
                break;
            }
        }
        Ok(out)
    }

    fn escaped(&mut self) -> Result<char, SyntaxError> {
        self.at += 1;
        let Some(c) = self.peek(0) else { return Err(self.unexpected()) };
        self.at += 1;
        if c != 'u' {
            return Ok(c);
        }
        let digits: String = (0..4).filter_map(|ahead| self.peek(ahead)).collect();
        let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.chars().count() == 4 && !digits.starts_with('+')).and_then(char::from_u32);
        let code = code.ok_or_else(|| self.unexpected())?;
        self.at += 4;
        Ok(code)
    }

    fn term(&mut self) -> Result<ExpressionKind, SyntaxError> {
        if matches!(self.peek(0), Some('+' | '-' | '!')) && self.peek(1).is_some_and(char::is_whitespace) {
            let alone = self.peek(0).map(|c| (c, true));
            self.at += 1;
            return Ok(ExpressionKind::Term(alone.into_iter().collect()));
        }
        let begun = self.at;
        let mut chars: Vec<TermChar> = Vec::new();
        loop {
            match self.peek(0) {
                Some(c @ ('*' | '?')) => {
                    chars.push((c, false));
                    self.at += 1;
                }
                Some('\\') => chars.push((self.escaped()?, true)),
                Some(c) if is_term_char(c) && (!chars.is_empty() || !matches!(c, '+' | '-' | '!')) => {
                    chars.push((c, false));
                    self.at += 1;
                }
                _ => break,
            }
        }
        let word: String = chars.iter().map(|(c, _)| *c).collect();
        let plain = chars.iter().all(|(_, escaped)| !escaped);
        if chars.is_empty() || (plain && matches!(word.as_str(), "AND" | "OR" | "NOT" | "&&" | "||")) {
            self.at = begun;
            return Err(self.unexpected());
        }
        if self.eat('~') {
            while self.peek(0).is_some_and(|c| c.is_ascii_digit() || c == '.') {
                self.at += 1;
            }
            return Ok(ExpressionKind::Fuzzy);
        }
        Ok(ExpressionKind::Term(chars))
    }

    fn phrase(&mut self) -> Result<ExpressionKind, SyntaxError> {
        self.at += 1;
        let text = self.quoted()?;
        let slop = if self.eat('~') {
            let digits = self.number();
            Some(digits.split('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(0))
        } else {
            None
        };
        Ok(ExpressionKind::Phrase { text, slop })
    }

    fn quoted(&mut self) -> Result<String, SyntaxError> {
        let mut text = String::new();
        loop {
            match self.peek(0) {
                None => return Err(self.unexpected()),
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => text.push(self.escaped()?),
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn number(&mut self) -> String {
        let mut digits = String::new();
        while let Some(c) = self.peek(0).filter(|c| c.is_ascii_digit() || *c == '.') {
            digits.push(c);
            self.at += 1;
        }
        digits
    }

    fn boost(&mut self) -> Result<f32, SyntaxError> {
        if !self.eat('^') {
            return Ok(1.0);
        }
        let digits = self.number();
        digits.parse().map_err(|_| self.unexpected())
    }

    fn range(&mut self) -> Result<ExpressionKind, SyntaxError> {
        let include_lower = self.peek(0) == Some('[');
        self.at += 1;
        let lower = self.range_end()?;
        self.skip_blanks();
        if !self.eat_word("TO") {
            return Err(self.unexpected());
        }
        let upper = self.range_end()?;
        self.skip_blanks();
        let include_upper = match self.peek(0) {
            Some(']') => true,
            Some('}') => false,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        let open = |end: String| (end != "*").then_some(end);
        Ok(ExpressionKind::Range { lower: open(lower), upper: open(upper), include_lower, include_upper })
    }

    fn range_end(&mut self) -> Result<String, SyntaxError> {
        self.skip_blanks();
        if self.eat('"') {
            return self.quoted();
        }
        let mut text = String::new();
        while let Some(c) = self.peek(0).filter(|c| !c.is_whitespace() && !matches!(c, ']' | '}')) {
            if c == '\\' {
                text.push(self.escaped()?);
            } else {
                text.push(c);
                self.at += 1;
            }
        }
        if text.is_empty() { Err(self.unexpected()) } else { Ok(text) }
    }

    fn regex(&mut self) -> Result<ExpressionKind, SyntaxError> {
        self.at += 1;
        loop {
            match self.peek(0) {
                None => return Err(self.unexpected()),
                Some('/') => {
                    self.at += 1;
                    return Ok(ExpressionKind::Regex);
                }
                Some('\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
    }
}

/// What a term goes on with; `+`, `-` and `!` cannot begin it.
fn is_term_char(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '(' | ')' | ':' | '^' | '[' | ']' | '"' | '{' | '}' | '~' | '*' | '?' | '\\' | '/' | '\u{3000}' | '!')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_classic_forms() {
        let clauses = parse(r#"level:ERROR AND -message:"disk full"~2 (a OR b^2) status:[400 TO *} x\:y pay*"#).unwrap();
        let kinds: Vec<_> = clauses.iter().map(|clause| (&clause.conjunction, &clause.modifier, clause.expression.field.as_deref())).collect();
        assert_eq!(kinds[0], (&Conjunction::None, &Modifier::None, Some("level")));
        assert_eq!(kinds[1], (&Conjunction::And, &Modifier::Prohibited, Some("message")));
        assert_eq!(clauses[1].expression.kind, ExpressionKind::Phrase { text: "disk full".to_owned(), slop: Some(2) });
        assert!(matches!(&clauses[2].expression.kind, ExpressionKind::Group(inner) if inner.len() == 2 && inner[1].expression.boost == 2.0));
        assert!(matches!(&clauses[3].expression.kind, ExpressionKind::Range { upper: None, include_lower: true, include_upper: false, .. }));
        assert_eq!(clauses.len(), 6);
    }

    #[test]
    fn what_is_no_query() {
        for text in [
            "slow)",
            "status:[400 TO",
            "status:[400]",
            "AND",
            "slow AND",
            "OR slow",
            "a AND AND b",
            "level:",
            ":slow",
            "a:b:c",
            "slow\\",
            "\\u00zz",
            "+",
            "-",
            "{slow}",
            "[slow",
            "page/search",
            "(",
            "\"a",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
