//! Putting a watch (spec watcher-api §2.2).

use std::sync::Arc;

use http::StatusCode;
use watchbell_engine::{PutMode, PutRequest, Watcher};
use watchbell_json::{Failure, Json};
use watchbell_store::Revision;
use watchbell_watch::Generation;

use super::request_rules::{refuse_unknown, watch_id};
use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::Handled;

const PARAMETERS: &[&str] = &["active", "version", "if_seq_no", "if_primary_term"];

/// The reference's own value for "not given".
const UNASSIGNED: i64 = -2;

pub(super) async fn put_watch(watcher: Watcher, rest: Arc<Rest>, request: Request) -> Handled {
    let parameters = PutParameters::read(&request)?;
    refuse_unknown(&request, PARAMETERS)?;
    let mut complaints = Vec::new();
    let id = watch_id(&request, &mut complaints);
    if request.body.is_empty() {
        complaints.push("request body is missing".to_owned());
    }
    parameters.check(&mut complaints);
    let Some(id) = id.filter(|_| complaints.is_empty()) else { return Err(Problem::validation(&complaints)) };
    let mode = parameters.mode(rest.generation())?;
    let body = Json::parse(&request.body).map_err(|error| rest.generation().malformed_watch(&id, &error))?;
    let put = watcher.put_watch(PutRequest { id, body, active: parameters.active, mode }).await?;
    let status = if put.created { StatusCode::CREATED } else { StatusCode::OK };
    let answer = Json::object()
        .with("_id", put.id.as_str())
        .with("_version", put.version)
        .with("_seq_no", put.revision.seq_no)
        .with("_primary_term", put.revision.primary_term)
        .with("created", put.created);
    Ok(Response::json(status, answer))
}

#[derive(Debug)]
struct PutParameters {
    active: bool,
    version: Option<i64>,
    seq_no: i64,
    primary_term: i64,
}

impl PutParameters {
    fn read(request: &Request) -> Result<PutParameters, Failure> {
        let params = &request.params;
        let active = params.flag_or("active", true)?;
        let version = params.long("version")?.filter(|version| *version > 0);
        let seq_no = params.long("if_seq_no")?.unwrap_or(UNASSIGNED);
        if seq_no < 0 && seq_no != UNASSIGNED {
            return Err(Failure::illegal_argument(format!("sequence numbers must be non negative. got [{seq_no}].")));
        }
        let primary_term = params.long("if_primary_term")?.unwrap_or(0);
        if primary_term < 0 {
            return Err(Failure::illegal_argument(format!("primary term must be non negative. got [{primary_term}]")));
        }
        Ok(PutParameters { active, version, seq_no, primary_term })
    }

    fn check(&self, complaints: &mut Vec<String>) {
        let has_seq_no = self.seq_no != UNASSIGNED;
        if has_seq_no && self.version.is_some() {
            complaints.push("compare and write operations can not use versioning".to_owned());
        }
        if has_seq_no && self.primary_term == 0 {
            complaints.push("ifSeqNo is set, but primary term is [0]".to_owned());
        }
        if !has_seq_no && self.primary_term != 0 {
            complaints.push(format!("ifSeqNo is unassigned, but primary term is [{}]", self.primary_term));
        }
    }

    /// From the seventh generation on a version never passes: the reference updates the document, and updates know none.
    fn mode(&self, generation: Generation) -> Result<PutMode, Failure> {
        match self.version {
            Some(_) if generation >= Generation::G7 => Err(Failure::new("unsupported_operation_exception", "update requests do not support versioning")),
            Some(version) => Ok(PutMode::AtVersion(version)),
            None if self.seq_no == UNASSIGNED => Ok(PutMode::Insert),
            None => Ok(PutMode::AtRevision(Revision { seq_no: self.seq_no, primary_term: self.primary_term })),
        }
    }
}
