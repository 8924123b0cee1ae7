//! The messages a DingTalk robot takes (spec robots §1.3), checked before they are sent.
//!
//! A message stays the JSON its author wrote: DingTalk spells its fields differently from type to type (`messageUrl`,
//! `messageURL`, `singleURL`), so nothing is normalised. What is checked is what the robot would refuse for certain.

use watchbell_json::Json;

/// Unknown or missing `msgtype`.
pub const ERRCODE_TYPE: i64 = 400_105;
/// A required field is missing or empty.
pub const ERRCODE_FIELD: i64 = 400_403;
/// The body is no JSON object.
pub const ERRCODE_JSON: i64 = 40_035;
/// The body is too large.
pub const ERRCODE_SIZE: i64 = 460_101;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Markdown,
    Link,
    ActionCard,
    FeedCard,
}

impl Kind {
    /// The `msgtype`, and the name of the object with the fields.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Markdown => "markdown",
            Kind::Link => "link",
            Kind::ActionCard => "actionCard",
            Kind::FeedCard => "feedCard",
        }
    }

    fn parse(name: &str) -> Option<Kind> {
        [Kind::Text, Kind::Markdown, Kind::Link, Kind::ActionCard, Kind::FeedCard].into_iter().find(|kind| kind.name() == name)
    }

    /// Fields every message of this type needs, all of them strings.
    fn required(self) -> &'static [&'static str] {
        match self {
            Kind::Text => &["content"],
            Kind::Markdown | Kind::ActionCard => &["title", "text"],
            Kind::Link => &["title", "text", "messageUrl"],
            Kind::FeedCard => &[],
        }
    }

    /// The field with the long text, if the type has one.
    #[must_use]
    pub fn text_field(self) -> Option<&'static str> {
        match self {
            Kind::Text => Some("content"),
            Kind::Markdown | Kind::ActionCard | Kind::Link => Some("text"),
            Kind::FeedCard => None,
        }
    }

    #[must_use]
    pub fn has_title(self) -> bool {
        matches!(self, Kind::Markdown | Kind::ActionCard | Kind::Link)
    }

    /// Whether DingTalk renders the text as markdown.
    #[must_use]
    pub fn is_markdown(self) -> bool {
        matches!(self, Kind::Markdown | Kind::ActionCard)
    }

    /// Whether `at` is documented to work.
    #[must_use]
    pub fn takes_mentions(self) -> bool {
        matches!(self, Kind::Text | Kind::Markdown)
    }
}

/// Why a message can never pass, as DingTalk itself would say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invalid {
    NotAnObject,
    /// What stood in `msgtype`.
    Type(Option<String>),
    /// The path, `markdown->text`.
    Field(String),
}

impl Invalid {
    #[must_use]
    pub fn errcode(&self) -> i64 {
        match self {
            Invalid::NotAnObject => ERRCODE_JSON,
            Invalid::Type(_) => ERRCODE_TYPE,
            Invalid::Field(_) => ERRCODE_FIELD,
        }
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Invalid::NotAnObject => f.write_str("the message is not a JSON object"),
            Invalid::Type(None) => f.write_str("miss param : msgtype"),
            // the value is the caller's: quoted short and printable
            Invalid::Type(Some(name)) => {
                let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
                write!(f, "unsupported msgtype [{shown}]; a robot takes text, markdown, link, actionCard and feedCard")
            }
            Invalid::Field(path) => write!(f, "miss param : {path}"),
        }
    }
}

impl std::error::Error for Invalid {}

/// A message that has a known type and all its required fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    kind: Kind,
    body: Json,
}

impl Message {
    /// # Errors
    /// [`Invalid`]: the robot would refuse it.
    pub fn parse(body: &Json) -> Result<Message, Invalid> {
        if body.as_map().is_none() {
            return Err(Invalid::NotAnObject);
        }
        let kind = match body.get("msgtype") {
            None | Some(Json::Null) => return Err(Invalid::Type(None)),
            Some(Json::Str(name)) => Kind::parse(name).ok_or_else(|| Invalid::Type(Some(name.to_string())))?,
            Some(other) => return Err(Invalid::Type(Some(other.to_string()))),
        };
        let name = kind.name();
        let Some(fields) = body.get(name).filter(|fields| fields.as_map().is_some()) else {
            return Err(Invalid::Field(name.to_owned()));
        };
        require(fields, kind.required(), name)?;
        match kind {
            Kind::ActionCard => check_buttons(fields)?,
            Kind::FeedCard => require_items(fields, "links", &["title", "messageURL", "picURL"], name)?,
            Kind::Text | Kind::Markdown | Kind::Link => {}
        }
        Ok(Message { kind, body: body.clone() })
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    #[must_use]
    pub fn body(&self) -> &Json {
        &self.body
    }

    fn fields(&self) -> &Json {
        self.body.get(self.kind.name()).unwrap_or(&Json::Null)
    }

    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.fields().get(self.kind.text_field()?)?.as_str()
    }

    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.fields().get("title")?.as_str()
    }

    /// The strings DingTalk looks for keywords in: titles and texts.
    #[must_use]
    pub fn keyword_fields(&self) -> Vec<&str> {
        match self.kind {
            Kind::FeedCard => {
                let links = self.fields().get("links").and_then(Json::as_list).unwrap_or_default();
                links.iter().filter_map(|link| link.get("title")?.as_str()).collect()
            }
            kind => {
                let title = if kind.has_title() { self.title() } else { None };
                title.into_iter().chain(self.text()).collect()
            }
        }
    }

    /// Rewrites every title (a feed card: of its first link only).
    pub(super) fn edit_title(&mut self, edit: impl Fn(&str) -> String) {
        let name = self.kind.name();
        let Some(fields) = self.body.make_map().get_mut(name) else {
            return;
        };
        if self.kind == Kind::FeedCard {
            let Some(Json::List(links)) = fields.make_map().get_mut("links") else {
                return;
            };
            if let Some(first) = std::sync::Arc::make_mut(links).first_mut() {
                edit_string(first, "title", edit);
            }
        } else if self.kind.has_title() {
            edit_string(fields, "title", edit);
        }
    }

    pub(super) fn edit_text(&mut self, edit: impl Fn(&str) -> String) {
        let Some(field) = self.kind.text_field() else {
            return;
        };
        let name = self.kind.name();
        if let Some(fields) = self.body.make_map().get_mut(name) {
            edit_string(fields, field, edit);
        }
    }

    pub(super) fn set(&mut self, member: &'static str, value: impl Into<Json>) {
        self.body.set(member, value);
    }

    /// The people listed in `at`, as they must stand in the text: `@<number>` or `@<user>`.
    #[must_use]
    pub fn listed_mentions(&self) -> Vec<String> {
        let lists = ["atMobiles", "atUserIds"].into_iter().filter_map(|list| self.body.at(&["at", list])?.as_list());
        lists.flatten().filter_map(plain_text).map(|id| format!("@{id}")).collect()
    }

    #[must_use]
    pub fn mentions_all(&self) -> bool {
        match self.body.at(&["at", "isAtAll"]) {
            Some(Json::Bool(all)) => *all,
            Some(Json::Str(text)) => &**text == "true",
            _ => false,
        }
    }
}

/// A string or whole number as text: people write phone numbers both ways.
fn plain_text(value: &Json) -> Option<String> {
    match value {
        Json::Str(text) if !text.is_empty() => Some(text.to_string()),
        Json::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

fn edit_string(object: &mut Json, field: &'static str, edit: impl Fn(&str) -> String) {
    if let Some(text) = object.get(field).and_then(Json::as_str).map(edit) {
        object.set(field, text);
    }
}

fn is_filled(object: &Json, field: &str) -> bool {
    object.get(field).and_then(Json::as_str).is_some_and(|text| !text.is_empty())
}

fn require(object: &Json, fields: &[&str], path: &str) -> Result<(), Invalid> {
    match fields.iter().find(|field| !is_filled(object, field)) {
        Some(field) => Err(Invalid::Field(format!("{path}->{field}"))),
        None => Ok(()),
    }
}

fn require_items(object: &Json, list: &str, fields: &[&str], path: &str) -> Result<(), Invalid> {
    let items = object.get(list).and_then(Json::as_list).unwrap_or_default();
    if items.is_empty() {
        return Err(Invalid::Field(format!("{path}->{list}")));
    }
    items.iter().enumerate().try_for_each(|(at, item)| require(item, fields, &format!("{path}->{list}[{at}]")))
}

/// An action card has one button of its own (`singleTitle`, `singleURL`) or a list of them.
fn check_buttons(card: &Json) -> Result<(), Invalid> {
    let name = Kind::ActionCard.name();
    if card.get("btns").and_then(Json::as_list).is_some_and(|list| !list.is_empty()) {
        return require_items(card, "btns", &["title", "actionURL"], name);
    }
    require(card, &["singleTitle", "singleURL"], name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchbell_json::json;

    #[track_caller]
    fn refused(body: &Json, errcode: i64, says: &str) {
        let error = Message::parse(body).unwrap_err();
        assert_eq!((error.errcode(), error.to_string().contains(says)), (errcode, true), "{error}");
    }

    #[test]
    fn every_type_passes_in_its_documented_form() {
        for (body, kind, strings) in [
            (json!({"msgtype": "text", "text": {"content": "a"}}), Kind::Text, vec!["a"]),
            (json!({"msgtype": "markdown", "markdown": {"title": "t", "text": "# x"}, "at": {}}), Kind::Markdown, vec!["t", "# x"]),
            (json!({"msgtype": "link", "link": {"title": "t", "text": "x", "messageUrl": "https://a"}}), Kind::Link, vec!["t", "x"]),
            (
                json!({"msgtype": "actionCard", "actionCard": {"title": "t", "text": "x", "singleTitle": "go", "singleURL": "https://a"}}),
                Kind::ActionCard,
                vec!["t", "x"],
            ),
            (
                json!({"msgtype": "actionCard", "actionCard": {"title": "t", "text": "x", "btns": [{"title": "a", "actionURL": "https://a"}]}}),
                Kind::ActionCard,
                vec!["t", "x"],
            ),
            (
                json!({"msgtype": "feedCard", "feedCard": {"links": [{"title": "1", "messageURL": "u", "picURL": "p"}, {"title": "2", "messageURL": "u", "picURL": "p"}]}}),
                Kind::FeedCard,
                vec!["1", "2"],
            ),
        ] {
            let message = Message::parse(&body).unwrap();
            assert_eq!(message.kind(), kind);
            assert_eq!(message.body(), &body, "nothing is normalised");
            assert_eq!(message.keyword_fields(), strings);
        }
    }

    #[test]
    fn what_the_robot_would_refuse_is_refused_with_the_path() {
        refused(&json!([1]), 40035, "not a JSON object");
        refused(&json!({"text": {"content": "a"}}), 400_105, "msgtype");
        refused(&json!({"msgtype": "Text", "text": {"content": "a"}}), 400_105, "[Text]");
        refused(&json!({"msgtype": 7}), 400_105, "[7]");
        refused(&json!({"msgtype": "image", "image": {}}), 400_105, "[image]");
        refused(&json!({"msgtype": "text"}), 400_403, "miss param : text");
        refused(&json!({"msgtype": "text", "text": "a"}), 400_403, "miss param : text");
        refused(&json!({"msgtype": "text", "text": {"content": ""}}), 400_403, "text->content");
        refused(&json!({"msgtype": "markdown", "markdown": {"title": "t"}}), 400_403, "markdown->text");
        refused(&json!({"msgtype": "markdown", "markdown": {"text": "t"}}), 400_403, "markdown->title");
        refused(&json!({"msgtype": "link", "link": {"title": "t", "text": "x", "messageURL": "https://a"}}), 400_403, "link->messageUrl");
        refused(&json!({"msgtype": "actionCard", "actionCard": {"title": "t", "text": "x"}}), 400_403, "actionCard->singleTitle");
        refused(
            &json!({"msgtype": "actionCard", "actionCard": {"title": "t", "text": "x", "btns": [{"title": "a", "actionUrl": "u"}]}}),
            400_403,
            "actionCard->btns[0]->actionURL",
        );
        refused(&json!({"msgtype": "feedCard", "feedCard": {"links": []}}), 400_403, "feedCard->links");
        refused(&json!({"msgtype": "feedCard", "feedCard": {"links": [{"title": "a", "messageURL": "b"}]}}), 400_403, "feedCard->links[0]->picURL");
    }
}
