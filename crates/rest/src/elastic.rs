//! The Elasticsearch-compatible API over the store: one module an API, and a few that several share.

mod alias;
mod analyze;
mod bulk;
mod bulk_lines;
mod cat;
mod cat_table;
mod count;
mod document_get;
mod document_write;
mod expressions;
mod health;
mod hidden;
mod index_admin;
mod index_settings;
mod key_position;
mod mapping;
mod mget;
mod msearch;
mod node;
mod registry;
mod root;
mod search;
mod search_answer;
mod search_body;
mod source_filter;
mod template_merge;
mod templates;
mod update;
mod update_request;
mod write_outcome;

pub(crate) use registry::Registry;

pub(crate) use root::BUILD_HASH;

use crate::router::Router;

/// Registers the Elasticsearch-compatible API.
pub(crate) fn routes(router: &mut Router) {
    root::routes(router);
    node::routes(router);
    health::routes(router);
    cat::routes(router);
    index_admin::routes(router);
    index_settings::routes(router);
    mapping::routes(router);
    alias::routes(router);
    templates::routes(router);
    document_write::routes(router);
    document_get::routes(router);
    update::routes(router);
    mget::routes(router);
    bulk::routes(router);
    search::routes(router);
    msearch::routes(router);
    count::routes(router);
    analyze::routes(router);
}
