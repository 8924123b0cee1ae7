//! Which requests are answered with a deprecation warning, and its words (spec watcher-api §1.6).

use watchbell_watch::Generation;

use crate::request::Request;

pub(super) fn warnings(generation: Generation, request: &Request) -> Vec<String> {
    let mut warnings = Vec::new();
    let pattern = request.pattern;
    if let Some(old) = pattern.strip_suffix("/{actions}/_ack") {
        let new = if generation >= Generation::G7 { "/_watcher/watch/{id}" } else { "/_xpack/watcher/watch/{id}" };
        warnings.push(format!("[{} {old}/{{actions}}/_ack] is deprecated! Use [{} {new}/_ack/{{actions}}] instead.", request.method, request.method));
    } else if let Some(rest) = pattern.strip_prefix("/_xpack/watcher").filter(|_| generation == Generation::G7) {
        warnings.push(format!("[{} {pattern}] is deprecated! Use [{} /_watcher{rest}] instead.", request.method, request.method));
    }
    if generation >= Generation::G7 && pattern.contains("/stats") && super::service::metrics(request).iter().any(|metric| metric == "pending_watches") {
        warnings.push("The pending_watches parameter is deprecated, use queued_watches instead".to_owned());
    }
    warnings
}
