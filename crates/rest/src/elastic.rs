//! The Elasticsearch-compatible API over the store.

mod root;

use crate::router::Router;

/// Registers the Elasticsearch-compatible API.
pub(crate) fn routes(router: &mut Router) {
    root::routes(router);
}
