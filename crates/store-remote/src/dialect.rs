//! Every difference between the engines and their versions. Nothing else in this crate branches on one.
//!
//! | Difference | Here |
//! | --- | --- |
//! | a mapping type in paths and bulk lines before 7 | [`Dialect::typed`] |
//! | no type named `_doc` before 6.2 | [`Dialect::default_type`] |
//! | `hits.total` a number before 7 | [`object_totals`] |
//! | hidden indices from 7.7 on | [`Dialect::knows_hidden`] |
//! | no sorting by `_id` from Elasticsearch 8 on | [`Dialect::sorts_by_id`] |

use watchbell_json::Json;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    Elasticsearch,
    OpenSearch,
}

/// What a cluster speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) product: Product,
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

impl Dialect {
    /// From the answer to `GET /`.
    pub(crate) fn of(root: &Json) -> Option<Dialect> {
        let version = root.get("version")?;
        let number = version.get("number")?.as_str()?;
        let mut parts = number.split(['.', '-']);
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0);
        let product = match version.get("distribution").and_then(Json::as_str) {
            Some("opensearch") => Product::OpenSearch,
            _ => Product::Elasticsearch,
        };
        Some(Dialect { product, major, minor })
    }

    /// For a cluster that does not let us read its version: the least that every supported one of today has.
    pub(crate) fn assumed(says_elasticsearch: bool) -> Dialect {
        if says_elasticsearch {
            Dialect { product: Product::Elasticsearch, major: 8, minor: 0 }
        } else {
            Dialect { product: Product::OpenSearch, major: 1, minor: 0 }
        }
    }

    fn elasticsearch_before(self, major: u32, minor: u32) -> bool {
        self.product == Product::Elasticsearch && (self.major, self.minor) < (major, minor)
    }

    /// Whether an index has a mapping type that paths must name.
    pub(crate) fn typed(self) -> bool {
        self.elasticsearch_before(7, 0)
    }

    /// The type of an index that we make.
    pub(crate) fn default_type(self) -> &'static str {
        if self.elasticsearch_before(6, 2) { "doc" } else { "_doc" }
    }

    pub(crate) fn knows_hidden(self) -> bool {
        !self.elasticsearch_before(7, 7)
    }

    pub(crate) fn sorts_by_id(self) -> bool {
        self.product == Product::OpenSearch || self.major < 8
    }
}

/// `hits.total` as the object `{value, relation}`; a plain number is exact.
pub(crate) fn object_totals(mut answer: Json) -> Json {
    let Some(hits) = answer.get("hits") else { return answer };
    if let Some(total) = hits.get("total").filter(|total| total.is_number()) {
        let total = Json::object().with("value", total.clone()).with("relation", "eq");
        let hits = hits.clone().with("total", total);
        answer.set("hits", hits);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[test]
    fn versions_from_their_roots() {
        for (version, product, major, minor, typed, default_type, hidden, sorts) in [
            (json!({"number": "6.0.1"}), Product::Elasticsearch, 6, 0, true, "doc", false, true),
            (json!({"number": "6.7.0"}), Product::Elasticsearch, 6, 7, true, "_doc", false, true),
            (json!({"number": "7.10.2"}), Product::Elasticsearch, 7, 10, false, "_doc", true, true),
            (json!({"number": "7.6.2"}), Product::Elasticsearch, 7, 6, false, "_doc", false, true),
            (json!({"number": "8.19.3"}), Product::Elasticsearch, 8, 19, false, "_doc", true, false),
            (json!({"number": "9.1.0-SNAPSHOT"}), Product::Elasticsearch, 9, 1, false, "_doc", true, false),
            (json!({"number": "2.19.1", "distribution": "opensearch"}), Product::OpenSearch, 2, 19, false, "_doc", true, true),
            (json!({"number": "3.4.0", "distribution": "opensearch"}), Product::OpenSearch, 3, 4, false, "_doc", true, true),
        ] {
            let dialect = Dialect::of(&Json::object().with("version", version)).unwrap();
            assert_eq!(dialect, Dialect { product, major, minor });
            assert_eq!(
                (dialect.typed(), dialect.default_type(), dialect.knows_hidden(), dialect.sorts_by_id()),
                (typed, default_type, hidden, sorts),
                "{dialect:?}"
            );
        }
        assert_eq!(Dialect::of(&json!({"hello": "proxy"})), None);
    }

    #[test]
    fn totals_become_objects() {
        let old = json!({"took": 1, "hits": {"total": 3, "max_score": null, "hits": []}});
        assert_eq!(object_totals(old).to_string(), r#"{"took":1,"hits":{"total":{"value":3,"relation":"eq"},"max_score":null,"hits":[]}}"#);
        for untouched in [json!({"hits": {"total": {"value": 10000, "relation": "gte"}, "hits": []}}), json!({"hits": {"hits": []}}), json!({"responses": []})]
        {
            assert_eq!(object_totals(untouched.clone()).to_string(), untouched.to_string());
        }
    }
}
