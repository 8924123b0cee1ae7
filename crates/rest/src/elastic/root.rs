//! `GET /`: what clients read to learn whom they talk to.

use std::sync::Arc;

use http::Method;
use watchbell_json::{Json, json};
use watchbell_watch::Generation;

use crate::problem::Problem;
use crate::request::Request;
use crate::response::Response;
use crate::rest::Rest;
use crate::router::{Handled, Route, Router};

pub(super) fn routes(router: &mut Router) {
    router.add(Route::new(&[Method::GET, Method::HEAD], "/", root));
    router.add(Route::new(&[Method::DELETE], "/", delete_nothing));
}

/// We are no build of theirs: clients read these two only to print them.
pub(crate) const BUILD_HASH: &str = "0000000000000000000000000000000000000000";
pub(super) const BUILD_DATE: &str = "1970-01-01T00:00:00.000000000Z";

/// What a node of one generation says about its own compatibility.
struct Build {
    lucene: &'static str,
    wire: &'static str,
    index: &'static str,
}

fn build(generation: Generation) -> Build {
    match generation {
        Generation::G6 => Build { lucene: "7.7.3", wire: "5.6.0", index: "5.0.0" },
        Generation::G7 => Build { lucene: "8.11.3", wire: "6.8.0", index: "6.0.0-beta1" },
        Generation::G8 => Build { lucene: "9.12.2", wire: "7.17.0", index: "7.0.0" },
        Generation::G9 => Build { lucene: "10.2.2", wire: "8.19.0", index: "8.0.0" },
    }
}

async fn root(rest: Arc<Rest>, _request: Request) -> Handled {
    let build = build(rest.generation());
    let version = json!({"number": (rest.version()), "build_flavor": "default", "build_type": "tar", "build_hash": (BUILD_HASH), "build_date": (BUILD_DATE),
        "build_snapshot": false, "lucene_version": (build.lucene), "minimum_wire_compatibility_version": (build.wire), "minimum_index_compatibility_version": (build.index)});
    let answer = Json::object()
        .with("name", rest.settings.node_name.as_str())
        .with("cluster_name", rest.settings.cluster_name.as_str())
        .with("cluster_uuid", rest.cluster_uuid.as_str())
        .with("version", version)
        .with("tagline", "You Know, for Search");
    Ok(Response::ok(answer))
}

/// Java clients took `DELETE /` for "delete all indices" once; the reference refuses it.
async fn delete_nothing(_rest: Arc<Rest>, _request: Request) -> Handled {
    Err(Problem::validation(&["index / indices is missing"]))
}
