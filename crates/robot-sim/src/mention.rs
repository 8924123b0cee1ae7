//! Which mentions take effect: those listed in `at` and, in markdown, also standing in the text (spec robots §1.3).

use watchbell_json::Json;
use watchbell_robots::dingtalk::{Kind, Message};

use crate::robot::Robot;

/// Somebody who was really notified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// As it stands after the `@`: a number, a user or `all`.
    pub id: String,
    /// The name the page shows.
    pub name: String,
}

impl Mention {
    pub(crate) fn to_json(&self) -> Json {
        Json::object().with("id", &self.id).with("name", &self.name)
    }
}

pub(crate) fn resolve(robot: &Robot, message: &Message) -> Vec<Mention> {
    if !message.kind().takes_mentions() {
        return Vec::new();
    }
    let text = message.text().unwrap_or_default();
    let listed = message.listed_mentions().into_iter().filter(|mention| message.kind() == Kind::Text || text.contains(mention.as_str()));
    let people = listed.filter_map(|mention| member(robot, mention.trim_start_matches('@')));
    let everybody = message.mentions_all().then(|| Mention { id: "all".to_owned(), name: "所有人".to_owned() });
    people.chain(everybody).collect()
}

fn member(robot: &Robot, id: &str) -> Option<Mention> {
    let found = robot.members.iter().find(|member| !id.is_empty() && (member.mobile == id || member.user_id == id));
    match found {
        Some(member) if !member.name.is_empty() => Some(Mention { id: id.to_owned(), name: member.name.clone() }),
        Some(_) => Some(Mention { id: id.to_owned(), name: id.to_owned() }),
        None if robot.members.is_empty() => Some(Mention { id: id.to_owned(), name: id.to_owned() }),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robot::Member;
    use watchbell_json::json;

    fn ids(body: &Json) -> Vec<String> {
        let mut robot = Robot::dingtalk("r", "t");
        robot.members = vec![Member { mobile: "138".into(), user_id: "zhang".into(), name: "张三".into() }];
        resolve(&robot, &Message::parse(body).unwrap()).into_iter().map(|mention| mention.name).collect()
    }

    #[test]
    fn markdown_needs_the_name_in_the_text_too() {
        let markdown = |text: &str| json!({"msgtype": "markdown", "markdown": {"title": "t", "text": text}, "at": {"atMobiles": ["138"]}});
        assert_eq!(ids(&markdown("hello")), Vec::<String>::new());
        assert_eq!(ids(&markdown("hello @138")), ["张三"]);
        assert_eq!(ids(&json!({"msgtype": "text", "text": {"content": "hello"}, "at": {"atUserIds": ["zhang", "stranger"]}})), ["张三"]);
        assert_eq!(ids(&json!({"msgtype": "text", "text": {"content": "hello @138"}})), Vec::<String>::new());
        assert_eq!(ids(&json!({"msgtype": "markdown", "markdown": {"title": "t", "text": "x"}, "at": {"isAtAll": true}})), ["所有人"]);
    }
}
