//! What the engines answered, and what the specification of the dialect says.

use proptest::prelude::*;
use watchbell_json::json;

use super::*;

fn render(template: &str, model: &Json) -> Result<String, String> {
    let template = Template::compile(template, MediaType::Text).map_err(|e| e.reason_text().to_owned())?;
    template.render(model, &Options::default()).map_err(|e| e.caused_by.unwrap().reason_text().to_owned())
}

#[test]
fn white_space_is_that_of_the_reference() {
    let model = json!({"l": [1, 2]});
    for (template, expected) in [
        ("{{#l}}\n{{.}}\n{{/l}}\nEND", "1\n2\nEND"),
        ("{{#l}}- {{.}}\n{{/l}}END", "- 1\n- 2\nEND"),
        ("{{#l}}{{.}}\n{{/l}}END", "12END"),
        ("{{#l}}{{.}}\n\n{{/l}}END", "1\n2\nEND"),
        ("A\n{{! c }}\nB", "A\n\nB"),
        ("x{{#l}}\n{{.}}{{/l}}\nEND", "x12\nEND"),
        ("A\n  {{#l}}{{.}}{{/l}}\nEND", "A\n  12\nEND"),
        ("{{#l}}\n{{.}} {{/l}}END", "1 2 END"),
    ] {
        assert_eq!(render(template, &model).as_deref(), Ok(expected), "{template:?}");
    }
}

/// Asked of OpenSearch 2.19.1 and Elasticsearch 7.10.2, beyond the corpus.
#[test]
fn corners_of_the_reference() {
    let model = json!({"t": true, "l": [1, 2], "s": "v", "e": [], "n": 5, "d": 1.5, "m": {"a": 1, "x.y": 2}, "z": null});
    for (template, expected) in [
        ("{{#t}} {{/t}}|", "|"),
        ("a\n  {{#t}} {{/t}}\n|", "a\n  \n|"),
        ("{{s}} {{#t}}\nx\n{{/t}}|", "vx\n|"),
        ("a\n{{s}} {{#t}}\nx\n {{/t}}|", "a\nvx\n|"),
        ("{{#t}}\n{{#t}} {{/t}}|{{/t}}", "|"),
        ("{{#l}} {{#t}}\nx\n{{/t}}\n{{/l}}|", "x\nx\n|"),
        (" {{#t}} x {{/t}} \n y", "  x  \n y"),
        ("{{#t}}{{#t}}\n{{/t}}{{/t}}|", "|"),
        ("{{#t}}\n {{#t}}\n x\n {{/t}} \n{{/t}}\n|", " x\n |"),
        ("{{^e}}\n x\n{{/e}} \n|", " x\n |"),
        ("  {{$b}}\n x\n  {{/b}}\n|", " x\n|"),
        ("  {{?b}}\n x\n  {{/b}}\n|", " x\n|"),
        ("  {{#url}}\n x\n  {{/url}}\n|", "+x%0A|"),
        ("  {{#join}}\nl\n  {{/join}}\n|", "l\n|"),
        ("{{#join}}\nl{{/join}}|", "1,2|"),
        ("  {{#toJson}}\nl{{/toJson}}\n|", "[1,2]|"),
        ("{{#join}}{{s}} x{{/join}}", "v x"),
        ("{{#toJson}}{{s}} x{{/toJson}}", ""),
        ("{{#join}}{{!c}}{{/join}}", ""),
        ("{{#join}}l{{!c}}{{/join}}", "l"),
        ("{{#join}}{{!c}}l{{/join}}", "l"),
        ("{{#join}}{{%p}}l{{/join}}", "1,2"),
        ("{{#join}}{{$b}}l{{/b}}{{/join}}", "l"),
        ("{{#join}}{{=<% %>=}}l<%/join%>", "1,2"),
        ("{{#toJson}}l{{!c}}{{/toJson}}", ""),
        ("{{#toJson}}{{#t}}l{{/t}}{{/toJson}}", ""),
        ("{{#join delimiter='x'  }}l{{/join delimiter='x'}}", "1x2"),
        ("{{#join delimiter=''}}l{{/join delimiter=''}}", "12"),
        ("{{#join delimiter='x' y}}l{{/join delimiter='x' y}}", ""),
        ("{{ =<% %>= }}<%s%>", "<%s%>"),
        ("{{=<%% %%>=}}<%%s%%>", ">"),
        ("{{=| |=}}|s|,|#t|x|/t|", "v,x"),
        ("{{\t s \t}}{{#\nt\n}}x{{/\nt}}{{# t}}x{{/ t}}", "vxx"),
        ("{{s}}a\r\r\n{{s}}\rb\r", "va\r\nvb"),
        ("{{s}}\r\n\r{{#t}}\r{{/t}}\r\nx", "v\r\n\r\nx"),
        ("{{#t}}\r\nx\r\n{{/t}}\r\ny", "x\r\ny"),
        ("{{#url}}{{{s}}} {{#toJson}}l{{/toJson}}{{/url}}", "v+%5B1%2C2%5D"),
        ("{{m.x.y}}|{{#m}}{{x.y}}{{/m}}|{{#m}}{{a.b}}{{/m}}", "|2|"),
        ("{{#l}}{{#l}}{{.}}{{/l}}{{/l}}|{{l.+1}}|{{l.1 }}|{{l. 1}}", "1212|2|2|"),
        ("{{#n}}{{intValue}}{{s}}{{/n}}|{{n.x}}|{{n.longValue}}|{{d.intValue}}|{{n.toString}}|{{n.hashCode}}", "5v||5|1|5|5"),
        ("{{d.isNaN}}|{{d.naN}}|{{d.NaN}}|{{n.isNaN}}", "false|false|false|"),
        ("{{l.hashCode}}|{{s.hashCode}}|{{t.toString}}|{{t.booleanValue}}", "|118|true|true"),
        ("{{s.trim}} {{s.toUpperCase}} {{s.strip}} {{s.blank}}", "v V v false"),
        ("{{s.getClass}}|{{s.getBytes}}|{{#s}}{{length}}{{/s}}", "|{0=118}|1"),
        ("{{=<< >>=}}<<s>> {{s}}", "v {{s}}"),
        ("{{=[ ]=}}[s]", "v"),
        ("{{= <% %> =}}<%s%>", "v"),
        ("{{=<%\n%>=}}<%s%>", "v"),
        ("{{=<% %>=x}}{{s}}", ""),
        ("{{{ s }}}{{& s }}{{&\ns}}", "vvv"),
        ("{{ & s }}", ""),
        ("{{ {s}}}", "}"),
        ("{{{s}}}}", "v}"),
        ("{{{{s}}}}", "}"),
        ("{{s}}}", "v}"),
        ("{{ #t }}x{{ /t }}{{ >p}}{{ %p}}", "x"),
        ("{{#t}}a{{/t}}{{! x }}\n{{#t}}\nb{{/t}}|", "a\nb|"),
        ("x{{#t}}\n\n{{/t}}|", "x\n|"),
        ("{{#t}}\n{{/t}}\n{{s}}\n{{#t}}\n\n{{/t}}|", "v\n\n|"),
        ("{{#s.length}}{{.}}{{/s.length}}", "1"),
        ("{{^t}}\n{{/t}}\n|", "|"),
        ("{{#url}}a\n{{s}}\n{{/url}}|", "a%0Av%0A|"),
        ("{{#t}}{{=<% %>=}}<%/t%>{{s}}", "v"),
        ("{{#t}}x{{/t}}{{{z}}}{{&z}}", "x"),
        ("{{m.size}}{{m.isEmpty}}|{{t.hashCode}}|{{d.hashCode}}", "|1231|1073217536"),
    ] {
        assert_eq!(render(template, &model).as_deref(), Ok(expected), "{template:?}");
    }
    for (template, expected) in [
        ("{{ ^e}}x{{/e}}", "Mismatched start/end tags: null != e in query-template:1 @[query-template:1]"),
        ("{{#t}}x{{ /t}}", "Failed to close 't' tag @[query-template:1]"),
        ("{{=}}{{s}}", "Invalid delimiter string: }}{{s}} @[query-template:1]"),
        ("{{= =}}", "Invalid delimiter string:  @[query-template:1]"),
        ("{{#join}}{{/join}}", "Mustache function [join] must contain one and only one identifier"),
        ("{{#toJson}}{{s}}{{s}}{{/toJson}}", "Mustache function [toJson] must contain one and only one identifier"),
        ("x{{{a}}", "Improperly closed variable: a in query-template:1@7 @[query-template:1]"),
        (" \n{{{s}}", "Improperly closed variable: s in query-template:2@6 @[query-template:2]"),
        ("{{{a}", "Improperly closed variable: a} in query-template:1@4 @[query-template:1]"),
        ("{{#t}}\n{{! a\nb }}{{/x}}", "Mismatched start/end tags: t != x in query-template:2 @[query-template:2]"),
        ("{{#t}}\n{{s.0}}\n{{#l.7}}\n{{/l.7}}{{/t}}", "7 @[query-template:3]"),
        ("{{\n#t\n}}x{{/t}}", "Mismatched start/end tags: null != t in query-template:1 @[query-template:1]"),
    ] {
        assert_eq!(render(template, &model), Err(expected.to_owned()), "{template:?}");
    }
}

#[test]
fn dates_print_in_the_style_of_the_generation() {
    let model = Json::object().with("t", Json::Time(1_420_329_600_000_000_000));
    let template = Template::compile("{{t}} {{#toJson}}t{{/toJson}} {{#m}}{{/m}}", MediaType::Text).unwrap();
    assert_eq!(template.render(&model, &Options::default()).unwrap(), "2015-01-04T00:00Z 2015-01-04T00:00Z ");
    let seven = Options { date_style: DateStyle::Millis };
    assert_eq!(template.render(&model, &seven).unwrap(), "2015-01-04T00:00:00.000Z 2015-01-04T00:00:00.000Z ");
}

#[test]
fn failures_carry_the_chain_of_the_reference() {
    let template = Template::compile("a\n{{hits.0._id}}", MediaType::Json).unwrap();
    assert_eq!(
        template.render(&json!({"hits": []}), &Options::default()).unwrap_err().to_exception_json(),
        json!({
            "type": "general_script_exception",
            "reason": "Error running template",
            "caused_by": {
                "type": "mustache_exception",
                "reason": "Failed to get value for hits.0._id @[query-template:2]",
                "caused_by": {
                    "type": "mustache_exception",
                    "reason": "0 @[query-template:2]",
                    "caused_by": {"type": "index_out_of_bounds_exception", "reason": "0"}
                }
            }
        })
    );
    assert_eq!(
        Template::compile("{{#a}}", MediaType::Text).unwrap_err().to_exception_json(),
        json!({
            "type": "script_exception",
            "reason": "Failed to close 'a' tag @[query-template:1]",
            "script_stack": [],
            "script": "{{#a}}",
            "lang": "mustache",
            "caused_by": {"type": "mustache_exception", "reason": "Failed to close 'a' tag @[query-template:1]"}
        })
    );
}

#[test]
fn limits_are_errors() {
    let nested = |depth: usize| format!("{}x{}", "{{#a}}".repeat(depth), "{{/a}}".repeat(depth));
    assert_eq!(render(&nested(1_000), &json!({"a": true})).as_deref(), Ok("x"));
    assert!(render(&nested(1_001), &json!({"a": true})).unwrap_err().starts_with("Sections are nested deeper than 1000"));
    assert!(render(&nested(200_000), &json!({"a": true})).is_err());

    let long = "x".repeat(1_000);
    let model = json!({"l": (0..2_000).collect::<Vec<_>>(), "long": long});
    assert_eq!(render("{{#l}}{{long}}{{/l}}", &model), Err("The rendered text is longer than 1048576 bytes".into()));
    assert_eq!(render("{{#l}}{{#l}}{{/l}}{{/l}}", &model), Err("The template went through more than 1000000 list elements".into()));

    let mut deep = json!(1);
    for _ in 0..5_000 {
        deep = Json::from(vec![deep]);
    }
    let model = Json::object().with("deep", deep);
    assert_eq!(render("{{deep}}", &model), Err("The value is nested deeper than 1000".into()));
    assert_eq!(render("{{#toJson}}deep{{/toJson}}", &model), Err("The value is nested deeper than 1000".into()));
}

#[test]
fn tags_that_are_cut_off() {
    let model = json!({"a": "v"});
    for (template, expected) in [
        ("x{{", Err("Empty mustache @[query-template:1]")),
        ("x{{a", Err("Improperly closed variable @[query-template:1]")),
        ("{{#a}}x{{/a", Ok("x")),
        ("x{{!a", Ok("x")),
        ("x{{#a", Err("Failed to close 'a' tag @[query-template:1]")),
        ("{{{}}}|{{&}}|{{#}}x{{/}}|", Ok("|||")),
        ("{ {a} }} {a", Ok("{ {a} }} {a")),
        ("{{=| |=}}|a| |{a}|", Ok("v v")),
        ("{{$b}}d{{/b}}{{?nope}}{{a}}{{/nope}}{{%pragma}}", Ok("dv")),
        ("{{#join}}a{{a}}{{/join}}", Err("Mustache function [join] must contain one and only one identifier")),
        ("\n\n{{>p}}{{/a}}", Err("Mismatched start/end tags: null != a in query-template:3 @[query-template:3]")),
        ("{{>p}}", Err("Template p not found")),
    ] {
        assert_eq!(render(template, &model), expected.map(str::to_owned).map_err(str::to_owned), "{template}");
    }
}

fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::Int),
        any::<f64>().prop_map(Json::Double),
        any::<i64>().prop_map(Json::Time),
        "\\PC{0,8}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec(("[a-c]|size|a\\.b", inner), 0..4).prop_map(|members| Json::from(members.into_iter().collect::<watchbell_json::Map>())),
        ]
    })
}

fn template() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,6}",
        "[ \t\r\n]{0,3}",
        "\\{\\{[#^/&{!$?<>=%]? ?([a-c.0-9-]|size|length|year|toJson|join|url|join delimiter='-'){0,3}\\}{0,3}",
        Just("{{=<% %>=}}".to_owned()),
        Just("{{#a}}{{.}}{{/a}}".to_owned()),
        Just("{{#toJson}}a.b{{/toJson}}".to_owned()),
        Just("{{#url}}{{#join}}a{{/join}}{{/url}}".to_owned()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_panics(template in template(), model in value()) {
        for media in [MediaType::Text, MediaType::Json, MediaType::Form] {
            if let Ok(template) = Template::compile(&template, media) {
                let _any = template.render(&model, &Options::default());
            }
        }
    }

    #[test]
    fn text_without_tags_is_kept(text in "[^{\r]{0,40}") {
        prop_assert_eq!(render(&text, &Json::object()), Ok(text));
    }

    #[test]
    fn values_in_json_templates_parse_back(text in ".{0,40}") {
        let template = Template::compile("\"{{a}}\"", MediaType::Json).unwrap();
        let rendered = template.render(&Json::object().with("a", text.as_str()), &Options::default()).unwrap();
        prop_assert_eq!(Json::parse(rendered.as_bytes()).unwrap(), Json::from(text));
    }
}
