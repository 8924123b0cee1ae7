//! The Elasticsearch-compatible API over the store: one module an API, and a few that several share.

mod bulk;
mod bulk_lines;
mod count;
mod document_get;
mod document_write;
mod expressions;
mod hidden;
mod key_position;
mod mget;
mod msearch;
mod root;
mod search;
mod search_answer;
mod search_body;
mod source_filter;
mod update;
mod update_request;
mod write_outcome;

use crate::router::Router;

/// Registers the Elasticsearch-compatible API.
pub(crate) fn routes(router: &mut Router) {
    root::routes(router);
    document_write::routes(router);
    document_get::routes(router);
    update::routes(router);
    mget::routes(router);
    bulk::routes(router);
    search::routes(router);
    msearch::routes(router);
    count::routes(router);
}
