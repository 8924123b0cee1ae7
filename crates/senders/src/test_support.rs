//! What several tests of this crate build.

use std::collections::BTreeMap;

use watchbell_watch::http_request::{HttpRequest, Method, Scheme};

pub(crate) fn request(host: &str, port: u16) -> HttpRequest {
    HttpRequest {
        scheme: Scheme::Http,
        host: host.to_owned(),
        port,
        method: Method::Post,
        path: None,
        params: BTreeMap::new(),
        headers: Vec::new(),
        auth: None,
        body: None,
        connection_timeout_millis: None,
        read_timeout_millis: None,
        proxy: None,
    }
}
