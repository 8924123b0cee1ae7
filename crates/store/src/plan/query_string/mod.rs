//! `query_string` bound to an index: its text is parsed, and each term becomes what a query on its field would be.

mod grammar;

use std::sync::Arc;

use watchbell_json::{Failure, Json};

use self::grammar::{Clause, Conjunction, Expression, ExpressionKind, Modifier, TermChar};
use super::{BoolPlan, Plan, PlanContext, PlanKind};
use crate::analysis::Analyzer;
use crate::mapping::FieldType;
use crate::names::matches_pattern;
use crate::query::{Bound, MatchQuery, Operator, PhraseQuery, QueryStringQuery, RangeQuery, TermQuery, ZeroTerms};

pub(super) fn bind(query: &QueryStringQuery, context: &PlanContext<'_>) -> Result<Plan, Failure> {
    for name in [&query.analyzer, &query.quote_analyzer].into_iter().flatten() {
        if Analyzer::named(name).is_none() {
            return Err(context.shard_failure(format!("[query_string] analyzer [{name}] not found")));
        }
    }
    if query.text.trim().is_empty() {
        return Ok(Plan::nothing());
    }
    let text = if query.escape { escape(&query.text) } else { query.text.to_string() };
    let clauses = grammar::parse(&text).map_err(|error| unreadable(&query.text, &error, context))?;
    let everything = query.fields.is_empty();
    let fields = if everything { vec![(Arc::from("*"), 1.0)] } else { query.fields.clone() };
    let binder = Binder { query, context, lenient: query.lenient.unwrap_or(everything) };
    let plan = binder.clauses(&clauses, &fields)?.unwrap_or_else(Plan::nothing);
    minimum(plan, query)
}

/// `minimum_should_match` applies to the outermost clauses.
fn minimum(plan: Plan, query: &QueryStringQuery) -> Result<Plan, Failure> {
    let Some(wanted) = &query.minimum_should_match else { return Ok(plan) };
    Ok(match plan.kind {
        PlanKind::Bool(inner) if !inner.should.is_empty() => {
            let minimum = super::needed(wanted, inner.should.len())?.max(inner.minimum);
            Plan { kind: PlanKind::Bool(BoolPlan { minimum, ..inner }), ..plan }
        }
        kind => Plan { kind, ..plan },
    })
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r#"\+-!():^[]"{}~*?|&/"#.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn unreadable(text: &str, error: &grammar::SyntaxError, context: &PlanContext<'_>) -> Failure {
    let cause = Failure::parse(format!("Cannot parse '{text}': Encountered \"{}\" at line 1, column {}.", error.what, error.at));
    context.shard_failure(format!("Failed to parse query [{text}]")).caused_by(cause)
}

type Fields = [(Arc<str>, f32)];

struct Binder<'q> {
    query: &'q QueryStringQuery,
    context: &'q PlanContext<'q>,
    lenient: bool,
}

impl Binder<'_> {
    /// Lucene's classic rules: an `AND` makes both neighbours required, an `OR` under a default of `AND` makes both optional.
    fn clauses(&self, clauses: &[Clause], fields: &Fields) -> Result<Option<Plan>, Failure> {
        #[derive(Clone, Copy, PartialEq)]
        enum Occurs {
            Must,
            Should,
            MustNot,
        }
        let and = self.query.operator == Operator::And;
        let mut placed: Vec<(Occurs, Option<Plan>)> = Vec::new();
        let mut rest = clauses;
        while let Some((clause, after)) = rest.split_first() {
            let words = run_of_words(rest);
            if let [_, _, ..] = words {
                rest = &rest[words.len()..];
                let occurs = if and { Occurs::Must } else { Occurs::Should };
                placed.push((occurs, self.term(&joined(words), fields)?));
                continue;
            }
            rest = after;
            let before = placed.last_mut().map(|(occurs, _)| occurs).filter(|occurs| **occurs != Occurs::MustNot);
            match (clause.conjunction, before) {
                (Conjunction::And, Some(before)) => *before = Occurs::Must,
                (Conjunction::Or, Some(before)) if and => *before = Occurs::Should,
                _ => {}
            }
            let required = if and { clause.conjunction != Conjunction::Or } else { clause.conjunction == Conjunction::And };
            let occurs = match clause.modifier {
                Modifier::Prohibited => Occurs::MustNot,
                Modifier::Required => Occurs::Must,
                Modifier::None if required => Occurs::Must,
                Modifier::None => Occurs::Should,
            };
            placed.push((occurs, self.expression(&clause.expression, fields)?));
        }
        // What analysis leaves nothing of is no clause at all.
        let mut placed: Vec<(Occurs, Plan)> = placed.into_iter().filter_map(|(occurs, plan)| plan.map(|plan| (occurs, plan))).collect();
        match placed.as_slice() {
            [] => return Ok(None),
            [(occurs, _)] if *occurs != Occurs::MustNot => return Ok(placed.pop().map(|(_, plan)| plan)),
            _ => {}
        }
        let mut plan = BoolPlan::default();
        for (occurs, clause) in placed {
            match occurs {
                Occurs::Must => plan.must.push(clause),
                Occurs::Should => plan.should.push(clause),
                Occurs::MustNot => plan.must_not.push(clause),
            }
        }
        plan.minimum = usize::from(plan.must.is_empty() && !plan.should.is_empty());
        Ok(Some(Plan::new(PlanKind::Bool(plan))))
    }

    fn expression(&self, expression: &Expression, inherited: &Fields) -> Result<Option<Plan>, Failure> {
        let own;
        let fields: &Fields = match &expression.field {
            Some(field) => {
                own = [(Arc::from(field.as_str()), 1.0)];
                &own
            }
            None => inherited,
        };
        let plan = match &expression.kind {
            ExpressionKind::Group(clauses) => self.clauses(clauses, fields)?,
            ExpressionKind::Term(chars) => self.term(chars, fields)?,
            ExpressionKind::Phrase { text, slop } => self.phrase(text, slop.unwrap_or(self.query.phrase_slop), fields)?,
            ExpressionKind::Range { lower, upper, include_lower, include_upper } => {
                let bound = |end: &Option<String>, inclusive| end.as_ref().map(|end| Bound { value: Json::from(end.as_str()), inclusive });
                self.range(&bound(lower, *include_lower), &bound(upper, *include_upper), fields)?
            }
            ExpressionKind::Regex => return Err(Failure::illegal_argument("regular expressions are not supported in [query_string]")),
            ExpressionKind::Fuzzy => return Err(Failure::illegal_argument("fuzzy terms are not supported in [query_string]")),
        };
        Ok(plan.map(|plan| plan.boosted(expression.boost)))
    }

    fn term(&self, chars: &[TermChar], fields: &Fields) -> Result<Option<Plan>, Failure> {
        let text: String = chars.iter().map(|(c, _)| *c).collect();
        let is_wildcard = |(c, escaped): &TermChar| !escaped && matches!(c, '*' | '?');
        if exists_field(fields) {
            return self.exists(&text).map(Some);
        }
        if chars.iter().any(is_wildcard) {
            return self.wildcard(chars, &text, fields).map(Some);
        }
        if let Some((lower, upper)) = one_sided(&text) {
            return self.range(&lower, &upper, fields);
        }
        let plan = self.over(fields, |field| {
            let query = MatchQuery {
                field: field.clone(),
                text: Json::from(text.as_str()),
                operator: self.query.operator,
                minimum_should_match: None,
                analyzer: self.query.analyzer.clone(),
                zero_terms: ZeroTerms::None,
                lenient: self.lenient,
            };
            super::text::match_query(&query, self.context)
        })?;
        Ok(self.unless_stopped(plan, &text, fields))
    }

    /// A term that no analyser finds anything in is left out of the query.
    fn unless_stopped(&self, plan: Plan, text: &str, fields: &Fields) -> Option<Plan> {
        let stopped = |(field, _): &(Arc<str>, f32)| {
            let found = self.context.mapping.field(field);
            found.is_some_and(|found| found.field.kind == FieldType::Text && found.field.search_analyzer.analyze(text).is_empty())
        };
        (plan.kind != PlanKind::Nothing || !fields.iter().all(stopped)).then_some(plan)
    }

    fn exists(&self, field: &str) -> Result<Plan, Failure> {
        super::exists(field, self.context)
    }

    fn wildcard(&self, chars: &[TermChar], text: &str, fields: &Fields) -> Result<Plan, Failure> {
        if text == "*" {
            if let [(field, _)] = fields
                && **field == *"*"
            {
                return Ok(Plan::new(PlanKind::All));
            }
            return self.over(fields, |field| Ok(Plan::new(PlanKind::Constant(Box::new(self.exists(field)?)))));
        }
        // What was escaped stays so for the pattern, which knows the same escapes.
        let pattern: String = chars.iter().flat_map(|(c, escaped)| escaped.then_some('\\').into_iter().chain([*c])).collect();
        self.over(fields, |field| {
            let query = TermQuery { field: field.clone(), value: Json::from(pattern.as_str()), case_insensitive: false };
            super::terms::wildcard(&query, self.context)
        })
    }

    fn phrase(&self, text: &str, slop: u32, fields: &Fields) -> Result<Option<Plan>, Failure> {
        if exists_field(fields) {
            return self.exists(text).map(Some);
        }
        let plan = self.over(fields, |field| {
            let query = PhraseQuery {
                field: field.clone(),
                text: Json::from(text),
                slop,
                analyzer: self.query.quote_analyzer.clone().or_else(|| self.query.analyzer.clone()),
                zero_terms: ZeroTerms::None,
                max_expansions: 1,
            };
            super::text::phrase(&query, self.context)
        })?;
        Ok(self.unless_stopped(plan, text, fields))
    }

    fn range(&self, lower: &Option<Bound>, upper: &Option<Bound>, fields: &Fields) -> Result<Option<Plan>, Failure> {
        let plan = self.over(fields, |field| {
            let time_zone = self.query.time_zone.clone().filter(|_| self.context.mapping.field(field).is_some_and(|found| found.field.kind.is_date()));
            let query = RangeQuery { field: field.clone(), lower: lower.clone(), upper: upper.clone(), format: None, time_zone };
            super::terms::range(&query, self.context)
        })?;
        Ok(Some(plan))
    }

    /// The same query on every field, the best of them counting.
    fn over(&self, fields: &Fields, plan_for: impl Fn(&Arc<str>) -> Result<Plan, Failure>) -> Result<Plan, Failure> {
        let mut plans = Vec::new();
        for (field, boost) in self.expanded(fields) {
            match plan_for(&field) {
                Ok(plan) => plans.push(plan.boosted(boost)),
                Err(_) if self.lenient => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(match plans.len() {
            0 => Plan::nothing(),
            1 => plans.pop().unwrap_or_else(Plan::nothing),
            _ => Plan::new(PlanKind::Best { plans, tie_breaker: self.query.tie_breaker }),
        })
    }

    fn expanded(&self, fields: &Fields) -> Vec<(Arc<str>, f32)> {
        let mut out = Vec::new();
        for (name, boost) in fields {
            if !name.contains('*') {
                out.push((name.clone(), *boost));
                continue;
            }
            for (path, field) in self.context.mapping.leaves() {
                if matches_pattern(name, &path) && !matches!(field.kind, FieldType::Binary | FieldType::Alias(_)) && (field.index || field.doc_values) {
                    out.push((path.into(), *boost));
                }
            }
        }
        out
    }
}

/// Plain words beside each other are one text, which an analyser sees whole; what an operator follows is not among them.
fn run_of_words(clauses: &[Clause]) -> &[Clause] {
    let plain = |clause: &Clause| {
        let expression = &clause.expression;
        let word = matches!(&expression.kind, ExpressionKind::Term(chars) if !chars.iter().any(|(c, escaped)| !escaped && matches!(c, '*' | '?')));
        word && clause.conjunction == Conjunction::None && clause.modifier == Modifier::None && expression.field.is_none() && !expression.boosted
    };
    let mut length = clauses.iter().take_while(|clause| plain(clause)).count();
    if length > 0 && clauses.get(length).is_some_and(|next| next.conjunction != Conjunction::None) {
        length -= 1;
    }
    &clauses[..length]
}

fn joined(words: &[Clause]) -> Vec<TermChar> {
    let mut out: Vec<TermChar> = Vec::new();
    for word in words {
        if let ExpressionKind::Term(chars) = &word.expression.kind {
            if !out.is_empty() {
                out.push((' ', false));
            }
            out.extend(chars);
        }
    }
    // Joined words hold no pattern: what looks like one was escaped.
    out.into_iter().map(|(c, _)| (c, true)).collect()
}

fn exists_field(fields: &Fields) -> bool {
    matches!(fields, [(field, _)] if **field == *"_exists_")
}

/// `>5`, `>=5`, `<5`, `<=5`.
fn one_sided(text: &str) -> Option<(Option<Bound>, Option<Bound>)> {
    let bound = |value: &str, inclusive| (!value.is_empty()).then(|| Bound { value: Json::from(value), inclusive });
    if let Some(rest) = text.strip_prefix(">=") {
        return bound(rest, true).map(|bound| (Some(bound), None));
    }
    if let Some(rest) = text.strip_prefix("<=") {
        return bound(rest, true).map(|bound| (None, Some(bound)));
    }
    if let Some(rest) = text.strip_prefix('>') {
        return bound(rest, false).map(|bound| (Some(bound), None));
    }
    text.strip_prefix('<').and_then(|rest| bound(rest, false)).map(|bound| (None, Some(bound)))
}
