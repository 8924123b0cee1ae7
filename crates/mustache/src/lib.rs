#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod media;
mod member;
mod node;
mod parse;
mod print;
mod render;

use watchbell_json::{Failure, Json};

pub use media::{MediaType, split_prefix};

/// Longest rendered text in bytes. The reference has no limit; a message or search body is never longer.
pub const OUTPUT_MAX: usize = 1 << 20;

/// Most list elements that one rendering goes through, in all sections together. Nested lists multiply.
pub const ITERATIONS_MAX: usize = 1_000_000;

/// How dates print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateStyle {
    /// As Elasticsearch 8 and later: `2015-01-04T00:00Z`, seconds and fraction only if they are not zero.
    #[default]
    Java8,
    /// As Elasticsearch 6 and 7: always with milliseconds, `2015-01-04T00:00:00.000Z`.
    Millis,
}

/// How a template is rendered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub date_style: DateStyle,
}

/// A compiled template.
#[derive(Clone, Debug)]
pub struct Template {
    nodes: Vec<node::Node>,
    media: MediaType,
}

impl Template {
    /// Compiles a template for one kind of text.
    ///
    /// # Errors
    /// `script_exception`, with the template and what the reference says about it.
    pub fn compile(text: &str, media: MediaType) -> Result<Template, Failure> {
        match parse::parse(text) {
            Ok(nodes) => Ok(Template { nodes, media }),
            Err(cause) => Err(Failure::new("script_exception", cause.reason_text())
                .with("script_stack", Vec::<Json>::new())
                .with("script", text)
                .with("lang", "mustache")
                .caused_by(cause)),
        }
    }

    /// Whether a text has any tag; one without need not be compiled.
    #[must_use]
    pub fn has_tags(text: &str) -> bool {
        text.contains("{{")
    }

    /// Renders the template over a model.
    ///
    /// # Errors
    /// `general_script_exception`: a list index that does not exist, a null in a joined list, a limit.
    pub fn render(&self, model: &Json, options: &Options) -> Result<String, Failure> {
        render::render(&self.nodes, model, self.media, options.date_style)
            .map_err(|cause| Failure::new("general_script_exception", "Error running template").caused_by(cause))
    }
}

#[cfg(test)]
mod tests;
