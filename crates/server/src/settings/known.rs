//! The names that are known, and what a wrong name was probably meant to be.

/// What a setting is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It has its meaning here.
    Used,
    /// A secret; `<name>_file` is known too.
    Secret,
    /// The reference's; without meaning here, accepted and warned about once.
    Ignored,
}

/// One table: `*` stands for one part of a name, a final `**` for any rest.
const TABLE: &[(&str, Known)] = &[
    ("http.host", Known::Used),
    ("http.port", Known::Used),
    ("http.max_content_length", Known::Used),
    ("network.host", Known::Used),
    ("path.data", Known::Used),
    ("node.name", Known::Used),
    ("cluster.name", Known::Used),
    ("xpack.watcher.enabled", Known::Used),
    ("xpack.watcher.encrypt_sensitive_data", Known::Used),
    ("xpack.watcher.execution.default_throttle_period", Known::Used),
    ("xpack.watcher.input.search.default_timeout", Known::Used),
    ("xpack.watcher.actions.index.default_timeout", Known::Used),
    ("xpack.watcher.actions.bulk.default_timeout", Known::Used),
    ("xpack.watcher.thread_pool.size", Known::Used),
    ("xpack.watcher.thread_pool.queue_size", Known::Used),
    ("xpack.watcher.max.history.record.size", Known::Used),
    ("xpack.http.default_connection_timeout", Known::Used),
    ("xpack.http.default_read_timeout", Known::Used),
    ("xpack.http.max_response_size", Known::Used),
    ("xpack.http.whitelist", Known::Used),
    ("xpack.http.proxy.host", Known::Used),
    ("xpack.http.proxy.port", Known::Used),
    ("xpack.http.proxy.scheme", Known::Used),
    ("xpack.http.ssl.certificate_authorities", Known::Used),
    ("xpack.notification.dingtalk.default_account", Known::Used),
    ("xpack.notification.dingtalk.account.*.secure_webhook", Known::Secret),
    ("xpack.notification.dingtalk.account.*.secure_secret", Known::Secret),
    ("xpack.notification.dingtalk.account.*.keywords", Known::Used),
    ("watchbell.compatibility.generation", Known::Used),
    ("watchbell.missed_runs", Known::Used),
    ("watchbell.missed_runs_max_age", Known::Used),
    ("watchbell.history.retention", Known::Used),
    ("watchbell.clusters.*.hosts", Known::Used),
    ("watchbell.clusters.*.username", Known::Used),
    ("watchbell.clusters.*.password", Known::Secret),
    ("watchbell.clusters.*.api_key", Known::Secret),
    ("watchbell.clusters.*.ca", Known::Used),
    ("watchbell.clusters.*.insecure", Known::Used),
    ("watchbell.relay.enabled", Known::Used),
    ("watchbell.relay.http.host", Known::Used),
    ("watchbell.relay.http.port", Known::Used),
    ("watchbell.relay.default", Known::Used),
    ("watchbell.relay.allow", Known::Used),
    ("watchbell.relay.mode", Known::Used),
    ("watchbell.relay.sync_timeout", Known::Used),
    ("watchbell.robots.allow_hosts", Known::Used),
    ("watchbell.webhook.robot_aware", Known::Used),
    ("watchbell.webhook.allow_link_local", Known::Used),
    ("watchbell.security.allow_anonymous", Known::Used),
    // the reference's, without meaning here
    ("xpack.watcher.trigger.**", Known::Ignored),
    ("xpack.watcher.execution.scroll.**", Known::Ignored),
    ("xpack.watcher.watch.scroll.**", Known::Ignored),
    ("xpack.watcher.internal.ops.**", Known::Ignored),
    ("xpack.watcher.bulk.**", Known::Ignored),
    ("xpack.watcher.stop.timeout", Known::Ignored),
    ("xpack.watcher.require_manual_start", Known::Ignored),
    ("xpack.watcher.use_ilm_index_management", Known::Ignored),
    ("xpack.watcher.history.cleaner_service.enabled", Known::Ignored),
    ("xpack.watcher.index.rest.direct_access", Known::Ignored),
    ("xpack.watcher.transform.search.default_timeout", Known::Ignored),
    ("xpack.http.tcp.keep_alive", Known::Ignored),
    ("xpack.http.connection_pool_ttl", Known::Ignored),
    ("xpack.security.**", Known::Ignored),
    ("xpack.monitoring.**", Known::Ignored),
    ("xpack.ml.**", Known::Ignored),
    ("xpack.license.**", Known::Ignored),
    ("discovery.**", Known::Ignored),
    ("cluster.initial_master_nodes", Known::Ignored),
    ("cluster.routing.**", Known::Ignored),
    ("node.roles", Known::Ignored),
    ("node.master", Known::Ignored),
    ("node.data", Known::Ignored),
    ("node.ingest", Known::Ignored),
    ("node.attr.**", Known::Ignored),
    ("transport.**", Known::Ignored),
    ("bootstrap.memory_lock", Known::Ignored),
    ("action.auto_create_index", Known::Ignored),
    ("action.destructive_requires_name", Known::Ignored),
    ("indices.**", Known::Ignored),
    ("gateway.**", Known::Ignored),
    ("path.logs", Known::Ignored),
    ("path.repo", Known::Ignored),
    ("http.cors.**", Known::Ignored),
    ("http.compression", Known::Ignored),
    ("http.publish_port", Known::Ignored),
];

fn matches(pattern: &str, name: &str) -> bool {
    if let Some(prefix) = pattern.strip_suffix(".**") {
        return name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.') && rest.len() > 1);
    }
    let (mut pattern, mut name) = (pattern.split('.'), name.split('.'));
    loop {
        match (pattern.next(), name.next()) {
            (None, None) => return true,
            (Some("*"), Some(part)) if !part.is_empty() => {}
            (Some(expected), Some(part)) if expected == part => {}
            _ => return false,
        }
    }
}

pub(crate) fn known(name: &str) -> Option<Known> {
    TABLE.iter().find(|(pattern, _)| matches(pattern, name)).map(|(_, known)| *known)
}

/// Whether `<name>_file` may give the value.
pub(crate) fn takes_file(name: &str) -> bool {
    known(name) == Some(Known::Secret)
}

/// The known name with the fewest edits to this one, if it is near enough to be a slip.
pub(crate) fn nearest(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    TABLE
        .iter()
        .filter(|(pattern, _)| !pattern.ends_with("**"))
        .map(|(pattern, _)| {
            // a wildcard part is taken from the name itself, so that only the fixed parts count
            let filled: Vec<&str> =
                pattern.split('.').enumerate().map(|(at, part)| if part == "*" { parts.get(at).copied().unwrap_or(part) } else { part }).collect();
            filled.join(".")
        })
        .map(|candidate| (edits(name, &candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 3.max(candidate.len() / 4))
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name() {
        for (name, meant) in [
            ("http.prot", Some("http.port")),
            ("xpack.watcher.enable", Some("xpack.watcher.enabled")),
            ("xpack.notification.dingtalk.account.ops.secure_webhok", Some("xpack.notification.dingtalk.account.ops.secure_webhook")),
            ("watchbell.relay.allow_list", Some("watchbell.relay.allow")),
            ("completely.different.thing.altogether", None),
        ] {
            assert_eq!(nearest(name).as_deref(), meant, "{name}");
        }
    }

    #[test]
    fn patterns_match_by_parts() {
        assert_eq!(known("watchbell.clusters.default.hosts"), Some(Known::Used));
        assert_eq!(known("watchbell.clusters.hosts"), None);
        assert_eq!(known("xpack.security.http.ssl.enabled"), Some(Known::Ignored));
        assert_eq!(known("xpack.security"), None);
        assert!(takes_file("watchbell.clusters.default.password"));
    }
}
