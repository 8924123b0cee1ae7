//! Template text to nodes.
//!
//! One pass with a stack of open sections, no recursion. White space follows mustache.java, not the Mustache specification: each
//! section's text is read for itself, tags do not count as text on a line, and the first newline of a section is swallowed if
//! only blanks and tags stand before it.

use watchbell_json::Failure;

use crate::node::{Node, Path};

/// Deepest nesting of sections. The reference renders 1,000 and dies of its stack at 2,000.
pub(crate) const DEPTH_MAX: usize = 1_000;

/// How errors call the template.
const FILE: &str = "query-template";

/// Where an exception of the template library happened.
pub(crate) fn at_line(message: &str, line: usize) -> Failure {
    Failure::new("mustache_exception", format!("{message} @[{FILE}:{line}]"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Section,
    Inverted,
    /// `{{$name}}` and `{{?name}}`.
    Always,
    /// `{{<name}}`, which is never found.
    Parent,
}

/// The text of the template, or of a section that is still open.
#[derive(Debug)]
struct Level {
    kind: Kind,
    name: String,
    /// Where it was opened.
    line: usize,
    /// The delimiters of the text around it, in force again behind it.
    delimiters: (String, String),
    nodes: Vec<Node>,
    /// Text that is not yet a node.
    pending: String,
    /// Only blanks and tags so far on this line.
    blank: bool,
    /// The next newline is swallowed if the line is blank.
    skip: bool,
    /// No tag so far on this line, but section tags that only blanks stand before.
    tagless: bool,
    /// A comment stands in it: as the argument of a function it is no plain path.
    commented: bool,
}

impl Level {
    fn new(kind: Kind, name: &str, line: usize, delimiters: (String, String)) -> Level {
        Level { kind, name: name.into(), line, delimiters, nodes: Vec::new(), pending: String::new(), blank: true, skip: true, tagless: true, commented: false }
    }

    fn emit(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        match self.nodes.last_mut() {
            Some(Node::Text(text)) => text.push_str(&self.pending),
            _ => self.nodes.push(Node::Text(std::mem::take(&mut self.pending))),
        }
        self.pending.clear();
    }

    fn newline(&mut self, newline: &str) {
        if !(self.skip && self.blank) {
            self.pending.push_str(newline);
        }
        self.emit();
        self.skip = false;
        self.blank = true;
        self.tagless = true;
    }

    fn character(&mut self, c: char) {
        self.pending.push(c);
        self.blank &= matches!(c, ' ' | '\t');
    }

    fn emit_unless(&mut self, dropped: bool) {
        if dropped {
            self.pending.clear();
        } else {
            self.emit();
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    open: String,
    close: String,
    root: Level,
    sections: Vec<Level>,
    /// A partial or parent: reported only if nothing else is wrong.
    not_found: Option<Failure>,
}

/// The nodes of a template.
///
/// # Errors
/// The exception of the template library, without the `script_exception` around it.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, Failure> {
    let mut root = Level::new(Kind::Always, "", 1, (String::new(), String::new()));
    root.skip = false;
    let mut parser = Parser { text, at: 0, line: 1, open: "{{".into(), close: "}}".into(), root, sections: Vec::new(), not_found: None };
    parser.run()?;
    match parser.not_found {
        Some(failure) => Err(failure),
        None => Ok(parser.root.nodes),
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

impl Parser<'_> {
    fn level(&mut self) -> &mut Level {
        self.sections.last_mut().unwrap_or(&mut self.root)
    }

    fn fail(&self, message: &str) -> Failure {
        at_line(message, self.line)
    }

    fn run(&mut self) -> Result<(), Failure> {
        while let Some(rest) = self.text.get(self.at..).filter(|rest| !rest.is_empty()) {
            if rest.starts_with(&self.open) {
                self.at += self.open.len();
                self.tag()?;
            } else if rest.starts_with("\r\n") || rest.starts_with('\n') {
                let newline = if rest.starts_with('\r') { "\r\n" } else { "\n" };
                self.at += newline.len();
                self.line += 1;
                self.level().newline(newline);
            } else if let Some(c) = rest.chars().next() {
                self.at += c.len_utf8();
                // A carriage return alone is lost.
                if c != '\r' {
                    self.level().character(c);
                }
            }
        }
        self.level().emit();
        match self.sections.last() {
            Some(level) => Err(self.fail(&format!("Failed to close '{}' tag", level.name))),
            None => Ok(()),
        }
    }

    /// The tag's inside, up to the closing delimiter or the end of the text, which the flag tells.
    fn command(&mut self) -> (String, bool) {
        let rest = self.text.get(self.at..).unwrap_or("");
        match rest.find(&self.close) {
            Some(length) => {
                self.at += length + self.close.len();
                (rest[..length].to_owned(), false)
            }
            None => {
                self.at = self.text.len();
                (rest.to_owned(), true)
            }
        }
    }

    fn tag(&mut self) -> Result<(), Failure> {
        let depth = self.sections.len();
        self.command_of_tag()?;
        // A section's opening has seen to this itself.
        if self.sections.len() <= depth {
            self.level().tagless = false;
        }
        Ok(())
    }

    fn command_of_tag(&mut self) -> Result<(), Failure> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with('=')) {
            return self.delimiters();
        }
        let (command, cut) = self.command();
        if command.is_empty() {
            return Err(self.fail("Empty mustache"));
        }
        // The sign stands right behind the delimiter: `{{ #a }}` is a value called `#a`.
        let name = trim(command.get(1..).unwrap_or(""));
        match command.as_bytes().first() {
            Some(b'#') => self.section(Kind::Section, name),
            Some(b'^') => self.section(Kind::Inverted, name),
            Some(b'$' | b'?') => self.section(Kind::Always, name),
            Some(b'<') => self.section(Kind::Parent, name),
            Some(b'/') => self.end(name),
            Some(b'>') => {
                self.level().emit();
                self.lacks(name);
                Ok(())
            }
            Some(b'{') => self.triple(name, cut),
            Some(b'&') => {
                self.value(name, true);
                Ok(())
            }
            Some(sign @ (b'%' | b'!')) => {
                let level = self.level();
                level.emit();
                level.commented |= *sign == b'!';
                Ok(())
            }
            _ if cut => Err(self.fail("Improperly closed variable")),
            _ => {
                self.value(trim(&command), false);
                Ok(())
            }
        }
    }

    fn value(&mut self, name: &str, raw: bool) {
        let line = self.line;
        let level = self.level();
        level.emit();
        level.nodes.push(Node::Value { path: Path::new(name), raw, line });
    }

    /// `{{{name}}}`, and `<%{name}%>` with other delimiters.
    fn triple(&mut self, name: &str, cut: bool) -> Result<(), Failure> {
        if !self.close.get(1..).is_some_and(|rest| rest.starts_with('}')) {
            self.value(name.strip_suffix('}').unwrap_or(name), true);
            return Ok(());
        }
        if cut || !self.text.get(self.at..).is_some_and(|rest| rest.starts_with('}')) {
            let read = self.text.get(..self.at).unwrap_or("");
            let position = read.rsplit('\n').next().map_or(0, |line| line.chars().count()).saturating_sub(usize::from(cut));
            return Err(self.fail(&format!("Improperly closed variable: {name} in {FILE}:{}@{position}", self.line)));
        }
        self.at += 1;
        self.value(name, true);
        Ok(())
    }

    /// `{{=<% %>=}}`; what is never closed swallows the rest.
    fn delimiters(&mut self) -> Result<(), Failure> {
        self.level().emit();
        self.at += 1;
        let rest = self.text.get(self.at..).unwrap_or("");
        let end = format!("={}", self.close);
        let both = match rest.find(&end) {
            Some(length) => {
                self.at += length + end.len();
                trim(&rest[..length])
            }
            None => {
                self.at = self.text.len();
                rest
            }
        };
        let mut words = both.split_ascii_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(open), Some(close), None) => {
                // The reference looks at two characters of each; what is longer is text.
                (self.open, self.close) = (open.chars().take(2).collect(), close.chars().take(2).collect());
                Ok(())
            }
            _ => Err(self.fail(&format!("Invalid delimiter string: {both}"))),
        }
    }

    fn lacks(&mut self, name: &str) {
        self.not_found.get_or_insert_with(|| Failure::new("mustache_not_found_exception", format!("Template {name} not found")));
    }

    fn section(&mut self, kind: Kind, name: &str) -> Result<(), Failure> {
        if self.sections.len() >= DEPTH_MAX {
            return Err(self.fail(&format!("Sections are nested deeper than {DEPTH_MAX}")));
        }
        let mut level = Level::new(kind, name, self.line, (self.open.clone(), self.close.clone()));
        let outer = self.level();
        level.tagless = outer.tagless && outer.blank;
        outer.tagless = false;
        self.sections.push(level);
        Ok(())
    }

    fn end(&mut self, name: &str) -> Result<(), Failure> {
        let level = self.level();
        level.emit_unless(level.blank && level.tagless);
        let opened = self.sections.last().map_or("null", |level| level.name.as_str());
        if self.sections.is_empty() || opened != name {
            return Err(self.fail(&format!("Mismatched start/end tags: {opened} != {name} in {FILE}:{}", self.line)));
        }
        let Some(level) = self.sections.pop() else { return Ok(()) };
        let several_lines = self.line > level.line;
        (self.open, self.close) = level.delimiters.clone();
        let node = self.finished(level)?;
        let outer = self.level();
        outer.emit_unless(several_lines && outer.blank);
        outer.skip = several_lines;
        outer.nodes.extend(node);
        Ok(())
    }

    fn finished(&mut self, level: Level) -> Result<Option<Node>, Failure> {
        let Level { kind, name, line, nodes: body, commented, .. } = level;
        Ok(Some(match kind {
            Kind::Always => Node::Always(body),
            Kind::Parent => {
                self.lacks(&name);
                return Ok(None);
            }
            Kind::Inverted => Node::Inverted { path: Path::new(&name), line, body },
            Kind::Section if name.eq_ignore_ascii_case("url") => Node::Url(body),
            Kind::Section if name.eq_ignore_ascii_case("toJson") => return Ok(to_json(line, argument(&name, &body, commented)?)),
            Kind::Section => match join_delimiter(&name) {
                Some(delimiter) => join(delimiter, line, argument(&name, &body, commented)?, &body),
                None => Node::Section { path: Path::new(&name), line, body },
            },
        }))
    }
}

/// The delimiter, if the name is that of the function.
fn join_delimiter(name: &str) -> Option<&str> {
    if name.eq_ignore_ascii_case("join") {
        return Some(",");
    }
    name.strip_prefix("join delimiter='")?.strip_suffix('\'').filter(|delimiter| !delimiter.contains('\n'))
}

/// What a function is given.
enum Argument {
    Path(Path),
    /// A tag, or a comment beside the text: names nothing.
    Other,
}

/// Functions take one piece. Text behind a tag belongs to that tag, and a comment to what stands beside it.
fn argument(function: &str, body: &[Node], commented: bool) -> Result<Argument, Failure> {
    match body {
        [Node::Text(path)] if !commented => Ok(Argument::Path(Path::new(path))),
        [] if commented => Ok(Argument::Other),
        [_] => Ok(Argument::Other),
        [first, Node::Text(_)] if !matches!(first, Node::Text(_)) => Ok(Argument::Other),
        _ => Err(Failure::new("mustache_exception", format!("Mustache function [{function}] must contain one and only one identifier"))),
    }
}

fn to_json(line: usize, argument: Argument) -> Option<Node> {
    match argument {
        Argument::Path(path) => Some(Node::ToJson { path, line }),
        Argument::Other => None,
    }
}

/// What names nothing is rendered as ever.
fn join(delimiter: &str, line: usize, argument: Argument, body: &[Node]) -> Node {
    match argument {
        Argument::Path(path) => Node::Join { path, delimiter: delimiter.into(), line },
        Argument::Other => Node::Always(body.to_vec()),
    }
}
