//! Who answers on a port that is taken, so that the message can say it.

use std::net::SocketAddr;
use std::time::Duration;

/// How long the stranger may take to introduce itself.
const ASK_FOR: Duration = Duration::from_secs(2);

/// A sentence for the person who started us: who listens there, and what to do.
/// `option` is what the port is written behind, `-E http.port=`.
pub(crate) async fn explain(address: SocketAddr, option: &str, error: &std::io::Error) -> String {
    if error.kind() != std::io::ErrorKind::AddrInUse {
        return format!("cannot listen on {address}: {error}");
    }
    let other = address.port().checked_add(80).unwrap_or(9280);
    format!("{address} is taken: {}. Choose another port with {option}{other}, or stop what runs there", who(address).await)
}

async fn who(address: SocketAddr) -> String {
    let client = reqwest::Client::builder().no_proxy().timeout(ASK_FOR).build();
    let Ok(client) = client else { return "something listens there".to_owned() };
    match client.get(format!("http://{address}/")).send().await {
        Ok(answer) => {
            let watchbell = answer.headers().contains_key("x-watchbell");
            let text = answer.text().await.unwrap_or_default();
            introduce(watchbell, &text)
        }
        Err(_) => "something that does not speak HTTP listens there".to_owned(),
    }
}

/// What the answer to `GET /` says of its sender.
fn introduce(watchbell: bool, text: &str) -> String {
    let json = watchbell_json::Json::parse(text.as_bytes()).unwrap_or_default();
    let text_at = |keys: &[&str]| json.at(keys).and_then(watchbell_json::Json::as_str).unwrap_or("").to_owned();
    let (version, cluster) = (text_at(&["version", "number"]), text_at(&["cluster_name"]));
    if watchbell {
        return format!("another Watchbell answers there (cluster [{cluster}])");
    }
    match text_at(&["version", "distribution"]).as_str() {
        "opensearch" => format!("an OpenSearch {version} answers there (cluster [{cluster}]); to watch it, add --attach"),
        _ if !version.is_empty() => format!("an Elasticsearch {version} answers there (cluster [{cluster}]); to watch it, add --attach"),
        _ => "an HTTP server that is no Elasticsearch answers there".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_told_apart() {
        let elasticsearch = r#"{"cluster_name":"prod","version":{"number":"7.10.2"}}"#;
        let opensearch = r#"{"cluster_name":"prod","version":{"distribution":"opensearch","number":"2.19.1"}}"#;
        assert_eq!(introduce(false, elasticsearch), "an Elasticsearch 7.10.2 answers there (cluster [prod]); to watch it, add --attach");
        assert_eq!(introduce(false, opensearch), "an OpenSearch 2.19.1 answers there (cluster [prod]); to watch it, add --attach");
        assert_eq!(introduce(true, elasticsearch), "another Watchbell answers there (cluster [prod])");
        assert_eq!(introduce(false, "<html>"), "an HTTP server that is no Elasticsearch answers there");
    }
}
