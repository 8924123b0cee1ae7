//! Nodes and a model to text.
//!
//! An explicit stack instead of recursion: how deep a template nests costs memory that is counted, not the thread's stack.

use watchbell_json::{Failure, Json};

use crate::member::{NoSuchElement, Value, look_up};
use crate::node::{Node, Path};
use crate::parse::at_line;
use crate::print::{self, Overflow};
use crate::{DateStyle, ITERATIONS_MAX, MediaType, OUTPUT_MAX};

/// A list of nodes being rendered.
struct Frame<'a> {
    nodes: &'a [Node],
    at: usize,
    then: Then<'a>,
}

/// What happens when its end is reached.
enum Then<'a> {
    Return,
    /// The innermost scope is left.
    Leave,
    /// The next element, in a scope of its own unless it is null.
    Next {
        list: Value<'a>,
        next: usize,
        scopes: usize,
    },
    /// What was written since is form-encoded.
    Encode {
        since: usize,
    },
}

struct Renderer<'a> {
    out: String,
    scopes: Vec<Value<'a>>,
    frames: Vec<Frame<'a>>,
    iterations: usize,
    media: MediaType,
    dates: DateStyle,
}

/// # Errors
/// The cause of a `general_script_exception`.
pub(crate) fn render(nodes: &[Node], model: &Json, media: MediaType, dates: DateStyle) -> Result<String, Failure> {
    let mut renderer = Renderer {
        out: String::new(),
        scopes: vec![Value::Model(model)],
        frames: vec![Frame { nodes, at: 0, then: Then::Return }],
        iterations: 0,
        media,
        dates,
    };
    renderer.run()?;
    Ok(renderer.out)
}

impl<'a> Renderer<'a> {
    fn run(&mut self) -> Result<(), Failure> {
        while let Some(frame) = self.frames.last_mut() {
            match frame.nodes.get(frame.at) {
                Some(node) => {
                    frame.at += 1;
                    self.node(node)?;
                    if self.out.len() > OUTPUT_MAX {
                        return Err(Overflow::Output.failure());
                    }
                }
                None => self.end_of_nodes()?,
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &'a Node) -> Result<(), Failure> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Value { path, raw, line } => self.value(path, *raw, *line)?,
            Node::Section { path, line, body } => {
                if let Some(value) = self.find(path, *line)? {
                    self.section(value, body)?;
                }
            }
            Node::Inverted { path, line, body } => {
                if self.find(path, *line)?.is_none_or(|value| is_empty(value.json())) {
                    self.enter(body, Then::Return);
                }
            }
            Node::Always(body) => self.enter(body, Then::Return),
            Node::ToJson { path, line } => self.json(path, *line)?,
            Node::Join { path, delimiter, line } => self.join(path, delimiter, *line)?,
            Node::Url(body) => {
                let since = self.out.len();
                self.enter(body, Then::Encode { since });
            }
        }
        Ok(())
    }

    fn enter(&mut self, nodes: &'a [Node], then: Then<'a>) {
        self.frames.push(Frame { nodes, at: 0, then });
    }

    fn find(&self, path: &Path, line: usize) -> Result<Option<Value<'a>>, Failure> {
        look_up(&self.scopes, path).map_err(|missing| missing.failure(line))
    }

    fn value(&mut self, path: &Path, raw: bool, line: usize) -> Result<(), Failure> {
        let explain = |missing: NoSuchElement| at_line(&format!("Failed to get value for {}", path.whole.text), line).caused_by(missing.failure(line));
        let Some(value) = look_up(&self.scopes, path).map_err(explain)? else { return Ok(()) };
        match value.json() {
            Json::Null => Ok(()),
            Json::Str(text) if !raw => {
                self.media.escape(text, &mut self.out);
                Ok(())
            }
            other if raw || self.media == MediaType::Text => print::print(other, self.dates, &mut self.out).map_err(Overflow::failure),
            other => {
                let mut text = String::new();
                print::print(other, self.dates, &mut text).map_err(Overflow::failure)?;
                self.media.escape(&text, &mut self.out);
                Ok(())
            }
        }
    }

    fn section(&mut self, value: Value<'a>, body: &'a [Node]) -> Result<(), Failure> {
        if is_empty(value.json()) {
            return Ok(());
        }
        if matches!(value.json(), Json::List(_)) {
            let scopes = self.scopes.len();
            self.enter(body, Then::Next { list: value, next: 0, scopes });
            return self.next_element();
        }
        self.scopes.push(value);
        self.enter(body, Then::Leave);
        Ok(())
    }

    /// Goes on with the next element of the list that the innermost frame stands for, or leaves it.
    fn next_element(&mut self) -> Result<(), Failure> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let Then::Next { list, next, scopes } = &mut frame.then else { return Ok(()) };
        self.scopes.truncate(*scopes);
        let Some(element) = list.element(*next) else {
            self.frames.pop();
            return Ok(());
        };
        *next += 1;
        frame.at = 0;
        if !element.json().is_null() {
            self.scopes.push(element);
        }
        self.iterations += 1;
        if self.iterations > ITERATIONS_MAX {
            return Err(Failure::illegal_state(format!("The template went through more than {ITERATIONS_MAX} list elements")));
        }
        Ok(())
    }

    fn end_of_nodes(&mut self) -> Result<(), Failure> {
        match self.frames.last().map(|frame| &frame.then) {
            Some(Then::Next { .. }) => return self.next_element(),
            Some(Then::Leave) => {
                self.scopes.pop();
            }
            Some(Then::Encode { since }) => {
                let plain = self.out.split_off(*since);
                crate::media::form_encode(&plain, &mut self.out);
                if self.out.len() > OUTPUT_MAX {
                    return Err(Overflow::Output.failure());
                }
            }
            Some(Then::Return) | None => {}
        }
        self.frames.pop();
        Ok(())
    }

    /// Objects and lists as JSON, everything else as it prints; never escaped.
    fn json(&mut self, path: &Path, line: usize) -> Result<(), Failure> {
        let Some(value) = self.find(path, line)? else { return Ok(()) };
        match value.json() {
            Json::Null => Ok(()),
            whole @ (Json::List(_) | Json::Map(_)) => print::json(whole, 0, &mut self.out),
            scalar => print::print(scalar, self.dates, &mut self.out),
        }
        .map_err(Overflow::failure)
    }

    /// What is no list prints the path itself; never escaped.
    fn join(&mut self, path: &Path, delimiter: &str, line: usize) -> Result<(), Failure> {
        let found = self.find(path, line)?;
        let Some(items) = found.as_ref().and_then(|value| value.json().as_list()) else {
            self.out.push_str(&path.whole.text);
            return Ok(());
        };
        for (index, item) in items.iter().enumerate() {
            if item.is_null() {
                let cause = Failure::new("null_pointer_exception", "Cannot invoke \"Object.toString()\" because \"object\" is null");
                return Err(at_line("Function failure", line).caused_by(cause));
            }
            if index > 0 {
                self.out.push_str(delimiter);
            }
            print::nested(item, self.dates, 0, &mut self.out).map_err(Overflow::failure)?;
        }
        Ok(())
    }
}

/// What a section skips and an inverted section renders. Zero is not empty, nor is an empty object.
fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Str(text) => text.is_empty(),
        Json::List(items) => items.is_empty(),
        Json::Int(_) | Json::Big(_) | Json::Double(_) | Json::Time(_) | Json::Map(_) => false,
    }
}
