//! How index expressions are resolved: the four parameters every API over several indices shares.

use watchbell_json::Failure;
use watchbell_store::IndicesOptions;

use crate::parameters::{Parameters, parse_boolean, split_list};
use crate::request::Request;

/// The parameters' names.
pub(super) const EXPRESSION_PARAMETERS: &[&str] = &["ignore_unavailable", "allow_no_indices", "expand_wildcards", "ignore_throttled"];

/// Reads them over an API's defaults.
///
/// # Errors
/// A value that is no boolean, or names no kind of index.
pub(super) fn read_options(params: &Parameters, mut options: IndicesOptions) -> Result<IndicesOptions, Failure> {
    if let Some(value) = flag(params, "ignore_unavailable")? {
        options.ignore_unavailable = value;
    }
    if let Some(value) = flag(params, "allow_no_indices")? {
        options.allow_no_indices = value;
    }
    if let Some(value) = flag(params, "ignore_throttled")? {
        options.ignore_throttled = Some(value);
    }
    if let Some(kinds) = params.get("expand_wildcards") {
        expand(kinds, &mut options)?;
    }
    Ok(options)
}

fn flag(params: &Parameters, name: &str) -> Result<Option<bool>, Failure> {
    let Some(value) = params.get(name) else { return Ok(None) };
    parse_boolean(value).map(Some).map_err(|cause| Failure::illegal_argument(format!("Could not convert [{name}] to boolean")).caused_by(cause))
}

fn expand(kinds: &str, options: &mut IndicesOptions) -> Result<(), Failure> {
    (options.expand_open, options.expand_closed, options.expand_hidden) = (false, false, false);
    for kind in split_list(kinds) {
        match kind.as_str() {
            "open" => options.expand_open = true,
            "closed" => options.expand_closed = true,
            "hidden" => options.expand_hidden = true,
            "none" => {}
            "all" => (options.expand_open, options.expand_closed, options.expand_hidden) = (true, true, true),
            other => return Err(Failure::illegal_argument(format!("No valid expand wildcard value [{other}]"))),
        }
    }
    Ok(())
}

/// The index expressions of the path; none means all.
///
/// # Errors
/// One begins with an underscore, as APIs do: no index is called so.
pub(super) fn names(request: &Request) -> Result<Vec<String>, Failure> {
    let names = request.indices();
    match names.iter().find(|name| name.starts_with('_')) {
        None => Ok(names),
        Some(name) => {
            let reason = format!("Invalid index name [{name}], must not start with '_'.");
            Err(Failure::new("invalid_index_name_exception", reason).with("index_uuid", "_na_").with("index", name.as_str()))
        }
    }
}

/// Missing names are errors, wildcards may match nothing: what most of the administration APIs begin with.
pub(super) fn strict_expand_open() -> IndicesOptions {
    IndicesOptions { ignore_unavailable: false, allow_no_indices: true, expand_open: true, expand_closed: false, expand_hidden: false, ignore_throttled: None }
}

/// As [`strict_expand_open`], closed indices too.
pub(super) fn strict_expand_open_and_closed() -> IndicesOptions {
    IndicesOptions { expand_closed: true, ..strict_expand_open() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_over_the_defaults() {
        let read = |query: &str| read_options(&Parameters::decode(query), IndicesOptions::search());
        assert_eq!(read(""), Ok(IndicesOptions::search()));
        assert!(read("ignore_unavailable").is_ok_and(|options| options.ignore_unavailable));
        assert!(read("expand_wildcards=closed,hidden").is_ok_and(|options| options.expand_closed && options.expand_hidden && !options.expand_open));
        assert!(read("expand_wildcards=some").is_err_and(|failure| failure.reason_text() == "No valid expand wildcard value [some]"));
        assert!(read("allow_no_indices=perhaps").is_err_and(|failure| failure.reason_text() == "Could not convert [allow_no_indices] to boolean"));
    }
}
