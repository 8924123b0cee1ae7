//! What Elasticsearch calls an exception, as data.
//!
//! Answers, history records and delivery errors all show the same object (`type`, `reason`, members of its own, `caused_by`),
//! so it is a value here; which HTTP status belongs to a type is known to the edge alone.

use std::borrow::Cow;

use crate::Json;

/// Longest chain of causes that is printed.
const CAUSES_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The exception's name in snake case, `parse_exception`.
    pub kind: Cow<'static, str>,
    pub reason: Option<String>,
    /// Members of its own, printed beside `reason` (`index`, `script_stack`, …).
    pub members: Vec<(Cow<'static, str>, Json)>,
    pub caused_by: Option<Box<Failure>>,
}

/// Names of exceptions that are not Elasticsearch's own: one of these as a cause does not become the root cause.
const FOREIGN: &[&str] = &[
    "illegal_argument_exception",
    "illegal_state_exception",
    "number_format_exception",
    "null_pointer_exception",
    "index_out_of_bounds_exception",
    "array_index_out_of_bounds_exception",
    "class_cast_exception",
    "i_o_exception",
    "json_parse_exception",
    "x_content_parse_exception",
    "json_e_o_f_exception",
    "named_object_not_found_exception",
    "input_coercion_exception",
    "not_x_content_exception",
    "no_viable_alt_exception",
    "connect_exception",
    "unknown_host_exception",
    "socket_timeout_exception",
    "connect_timeout_exception",
    "s_s_l_exception",
    "s_s_l_handshake_exception",
    "timeout_exception",
    "date_time_exception",
    "date_time_parse_exception",
    "zone_rules_exception",
    "unsupported_operation_exception",
    "action_request_validation_exception",
    "mustache_exception",
    "runtime_exception",
    "arithmetic_exception",
    "file_already_exists_exception",
];

impl Failure {
    #[must_use]
    pub fn new(kind: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Failure {
        Failure { kind: kind.into(), reason: Some(reason.into()), members: Vec::new(), caused_by: None }
    }

    /// `parse_exception`: the definition error of watches.
    #[must_use]
    pub fn parse(reason: impl Into<String>) -> Failure {
        Failure::new("parse_exception", reason)
    }

    #[must_use]
    pub fn illegal_argument(reason: impl Into<String>) -> Failure {
        Failure::new("illegal_argument_exception", reason)
    }

    #[must_use]
    pub fn illegal_state(reason: impl Into<String>) -> Failure {
        Failure::new("illegal_state_exception", reason)
    }

    #[must_use]
    pub fn with(mut self, member: impl Into<Cow<'static, str>>, value: impl Into<Json>) -> Failure {
        self.members.push((member.into(), value.into()));
        self
    }

    #[must_use]
    pub fn caused_by(mut self, cause: Failure) -> Failure {
        self.caused_by = Some(Box::new(cause));
        self
    }

    #[must_use]
    pub fn reason_text(&self) -> &str {
        self.reason.as_deref().unwrap_or("")
    }

    /// Whether it is none of Elasticsearch's own exceptions.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        FOREIGN.contains(&&*self.kind)
    }

    /// The innermost cause reached through Elasticsearch's own exceptions (spec watcher-api §1.4).
    #[must_use]
    pub fn root_cause(&self) -> &Failure {
        let mut root = self;
        while let Some(cause) = &root.caused_by {
            // What a parser wraps round the errors of what it parses is looked through.
            let wraps = root.kind == "x_content_parse_exception";
            let goes_on = if wraps { !cause.is_foreign() || cause.kind == root.kind } else { !root.is_foreign() && !cause.is_foreign() };
            // Lucene's parser of query strings has an exception of the same name as Elasticsearch's own.
            let of_lucene = root.kind == "query_shard_exception" && cause.kind == "parse_exception";
            if !goes_on || of_lucene {
                break;
            }
            root = cause;
        }
        root
    }

    /// The object of answers and of records: with `root_cause`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let with_root = Json::object().with("root_cause", self.root_causes());
        self.chain(with_root, 0)
    }

    /// One for each failed shard of a search, otherwise the one of [`Failure::root_cause`].
    fn root_causes(&self) -> Vec<Json> {
        let shards = self.members.iter().find(|(name, _)| name == "failed_shards").and_then(|(_, shards)| shards.as_list());
        match shards {
            Some(shards) if !shards.is_empty() => {
                let reasons = shards.iter().filter_map(|shard| shard.get("reason"));
                reasons.map(|reason| Failure::read(reason, 0).root_cause().own_members(Json::object())).collect()
            }
            _ => vec![self.root_cause().own_members(Json::object())],
        }
    }

    /// The object of a record's `exception`: without `root_cause`.
    #[must_use]
    pub fn to_exception_json(&self) -> Json {
        self.chain(Json::object(), 0)
    }

    /// Reads back what [`Failure::to_json`] or [`Failure::to_exception_json`] printed.
    #[must_use]
    pub fn from_json(printed: &Json) -> Failure {
        Failure::read(printed, 0)
    }

    fn read(printed: &Json, depth: usize) -> Failure {
        let text = |member: &str| printed.get(member).and_then(Json::as_str).map(str::to_owned);
        let own = |name: &str| !matches!(name, "type" | "reason" | "caused_by" | "root_cause");
        let members = printed.as_map().into_iter().flat_map(crate::Map::iter).filter(|(name, _)| own(name));
        Failure {
            kind: text("type").map_or(Cow::Borrowed("exception"), Cow::Owned),
            reason: text("reason"),
            members: members.map(|(name, value)| (Cow::Owned(name.to_string()), value.clone())).collect(),
            caused_by: printed.get("caused_by").filter(|_| depth < CAUSES_MAX).map(|cause| Box::new(Failure::read(cause, depth + 1))),
        }
    }

    fn own_members(&self, object: Json) -> Json {
        let mut object = object.with("type", &*self.kind).with("reason", self.reason.clone());
        for (name, value) in &self.members {
            object.set(&**name, value.clone());
        }
        object
    }

    fn chain(&self, object: Json, depth: usize) -> Json {
        let object = self.own_members(object);
        match &self.caused_by {
            Some(cause) if depth < CAUSES_MAX => object.with("caused_by", cause.chain(Json::object(), depth + 1)),
            _ => object,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind, self.reason_text())?;
        if let Some(cause) = &self.caused_by {
            write!(f, "; caused by {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_printed_reads_back() {
        let failure = Failure::parse("outer").with("line", 3).caused_by(Failure::illegal_argument("inner"));
        assert_eq!(Failure::from_json(&failure.to_json()), failure);
        assert_eq!(Failure::from_json(&failure.to_exception_json()), failure);
    }

    #[test]
    fn root_cause_looks_through_parsers() {
        let wrapped = |kind: &'static str, cause: Failure| Failure::new(kind, "outer").caused_by(cause);
        let query = Failure::new("parsing_exception", "unknown query [x]").caused_by(Failure::new("named_object_not_found_exception", "inner"));
        assert_eq!(query.root_cause().kind, "parsing_exception");
        assert_eq!(wrapped("x_content_parse_exception", wrapped("x_content_parse_exception", query.clone())).root_cause(), &query);
        let plain = wrapped("x_content_parse_exception", Failure::illegal_argument("inner"));
        assert_eq!(plain.root_cause().kind, "x_content_parse_exception");
    }

    #[test]
    fn root_cause_walks_through_own_exceptions_only() {
        let failure = Failure::parse("outer").caused_by(Failure::parse("middle").caused_by(Failure::illegal_argument("inner")));
        assert_eq!(
            failure.to_json().to_string(),
            r#"{"root_cause":[{"type":"parse_exception","reason":"middle"}],"type":"parse_exception","reason":"outer","caused_by":{"type":"parse_exception","reason":"middle","caused_by":{"type":"illegal_argument_exception","reason":"inner"}}}"#
        );
    }
}
