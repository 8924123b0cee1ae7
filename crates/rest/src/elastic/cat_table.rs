//! The tables of `_cat`: chosen columns, order, text or JSON.

use std::cmp::Ordering;

use http::StatusCode;
use watchbell_json::{Json, Map};

use crate::filter_path::wildcard_matches;
use crate::media_type::MediaType;
use crate::problem::Problem;
use crate::render::format_parameter;
use crate::request::Request;
use crate::response::{Body, Response};

/// Parameters that every table understands.
pub(super) const TABLE_PARAMETERS: &[&str] = &["v", "h", "s", "help", "bytes", "time", "ts", "size", "local", "master_timeout", "expand_wildcards"];

#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    /// Shown when the request names no columns.
    pub(super) shown: bool,
    pub(super) number: bool,
    pub(super) description: &'static str,
}

/// A column of text that is shown by default.
pub(super) const fn text(name: &'static str, aliases: &'static [&'static str], description: &'static str) -> Column {
    Column { name, aliases, shown: true, number: false, description }
}

/// A column of numbers that is shown by default.
pub(super) const fn number(name: &'static str, aliases: &'static [&'static str], description: &'static str) -> Column {
    Column { name, aliases, shown: true, number: true, description }
}

/// A column that must be asked for.
pub(super) const fn on_request(column: Column) -> Column {
    Column { shown: false, ..column }
}

/// A cell; `None` is nothing in text and null in JSON.
pub(super) type Cell = Option<String>;

#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) columns: &'static [Column],
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(columns: &'static [Column]) -> Table {
        Table { columns, rows: Vec::new() }
    }

    /// # Errors
    /// An order by a column that does not exist, or a flag that is none.
    pub(super) fn answer(mut self, request: &Request) -> Result<Response, Problem> {
        let params = &request.params;
        if params.flag_or("help", false)? {
            return Ok(Response::text(StatusCode::OK, self.help()));
        }
        if let Some(order) = params.list("s") {
            self.sort(&order)?;
        }
        let chosen = self.chosen(params.list("h"));
        let format = format_parameter(params).or(request.accept).map_or(MediaType::Text, |format| format.media_type);
        match format {
            MediaType::Text => Ok(Response::text(StatusCode::OK, self.to_text(&chosen, params.flag_or("v", false)?))),
            MediaType::Json | MediaType::Ndjson | MediaType::Yaml => Ok(Response::new(StatusCode::OK, Body::Json(self.to_json(&chosen)))),
        }
    }

    fn help(&self) -> String {
        let line = |column: &Column| format!("{} | {} | {}\n", column.name, column.aliases.join(","), column.description);
        self.columns.iter().map(line).collect()
    }

    /// Columns by place and the name they are shown under.
    fn chosen(&self, wanted: Option<Vec<String>>) -> Vec<(usize, String)> {
        let Some(wanted) = wanted else {
            return self.columns.iter().enumerate().filter(|(_, column)| column.shown).map(|(at, column)| (at, column.name.to_owned())).collect();
        };
        let mut chosen = Vec::new();
        for pattern in wanted {
            if pattern.contains('*') {
                let matching = self.columns.iter().enumerate().filter(|(_, column)| wildcard_matches(&pattern, column.name));
                chosen.extend(matching.map(|(at, column)| (at, column.name.to_owned())));
            } else if let Some(at) = self.column(&pattern) {
                chosen.push((at, pattern));
            }
        }
        chosen
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name || column.aliases.contains(&name))
    }

    fn sort(&mut self, order: &[String]) -> Result<(), Problem> {
        let mut keys = Vec::new();
        for key in order {
            let (name, descending) = match key.rsplit_once(':') {
                Some((name, "desc")) => (name, true),
                Some((name, "asc")) => (name, false),
                _ => (key.as_str(), false),
            };
            let Some(at) = self.column(name) else {
                return Err(Problem::Failure(watchbell_json::Failure::new(
                    "unsupported_operation_exception",
                    format!("Unable to sort by unknown sort key `{name}`"),
                )));
            };
            keys.push((at, descending));
        }
        self.rows.sort_by(|a, b| {
            keys.iter().fold(Ordering::Equal, |so_far, (at, descending)| {
                so_far.then_with(|| {
                    let order = compare(a.get(*at), b.get(*at));
                    if *descending { order.reverse() } else { order }
                })
            })
        });
        Ok(())
    }

    fn to_json(&self, chosen: &[(usize, String)]) -> Json {
        let row = |cells: &Vec<Cell>| chosen.iter().map(|(at, name)| (name.as_str(), Json::from(cells.get(*at).cloned().flatten()))).collect::<Map>();
        self.rows.iter().map(row).map(Json::from).collect()
    }

    fn to_text(&self, chosen: &[(usize, String)], with_header: bool) -> String {
        let mut lines: Vec<Vec<&str>> = Vec::new();
        if with_header {
            lines.push(chosen.iter().map(|(_, name)| name.as_str()).collect());
        }
        let cell = |cells: &'_ [Cell], at: usize| -> Option<usize> { cells.get(at).map(|_| at) };
        lines.extend(self.rows.iter().map(|cells| chosen.iter().map(|(at, _)| cell(cells, *at).and_then(|at| cells[at].as_deref()).unwrap_or("")).collect()));
        let widths: Vec<usize> =
            (0..chosen.len()).map(|at| lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)).collect();
        let mut out = String::new();
        for line in &lines {
            for (place, cell) in line.iter().enumerate() {
                let number = chosen.get(place).and_then(|(at, _)| self.columns.get(*at)).is_some_and(|column| column.number);
                let width = widths.get(place).copied().unwrap_or(0);
                let last = place + 1 == line.len();
                match (number, last) {
                    (true, _) => out.push_str(&format!("{cell:>width$}")),
                    (false, true) => out.push_str(cell),
                    (false, false) => out.push_str(&format!("{cell:<width$}")),
                }
                if !last {
                    out.push(' ');
                }
            }
            out.push('\n');
        }
        out
    }
}

/// Numbers by value, everything else as text; nothing first.
fn compare(a: Option<&Cell>, b: Option<&Cell>) -> Ordering {
    let text = |cell: Option<&Cell>| cell.and_then(Clone::clone).unwrap_or_default();
    let (a, b) = (text(a), text(b));
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(&b),
    }
}

/// A size as tables show it, `3.1kb`; in plain bytes or another unit when `bytes` asks for it.
pub(super) fn size(bytes: u64, unit: Option<&str>) -> String {
    const KB: u64 = 1024;
    let divisor = match unit {
        None => return rounded_size(bytes),
        Some("k" | "kb") => KB,
        Some("m" | "mb") => KB.pow(2),
        Some("g" | "gb") => KB.pow(3),
        Some("t" | "tb") => KB.pow(4),
        Some(_) => 1,
    };
    (bytes / divisor).to_string()
}

fn rounded_size(bytes: u64) -> String {
    const UNITS: &[(&str, u64)] = &[("pb", 1 << 50), ("tb", 1 << 40), ("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)];
    for (unit, one) in UNITS {
        if bytes >= *one {
            let tenths = u128::from(bytes) * 10 / u128::from(*one);
            let (whole, rest) = (tenths / 10, tenths % 10);
            return if rest == 0 { format!("{whole}{unit}") } else { format!("{whole}.{rest}{unit}") };
        }
    }
    format!("{bytes}b")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] =
        &[text("index", &["i"], "name"), number("docs.count", &["dc"], "documents"), on_request(number("docs.deleted", &["dd"], "deleted"))];

    fn table() -> Table {
        let row = |name: &str, count: &str| vec![Some(name.to_owned()), Some(count.to_owned()), None];
        Table { columns: COLUMNS, rows: vec![row("a", "9"), row("bb", "10")] }
    }

    #[test]
    fn columns_are_chosen_ordered_and_aligned() {
        let mut table = table();
        assert_eq!(table.to_text(&table.chosen(None), true), "index docs.count\na              9\nbb            10\n");
        table.sort(&["dc:desc".to_owned()]).unwrap();
        assert_eq!(table.to_text(&table.chosen(Some(vec!["i".to_owned(), "dc".to_owned()])), false), "bb 10\na   9\n");
        assert_eq!(
            table.to_json(&table.chosen(Some(vec!["docs.*".to_owned()]))).to_string(),
            r#"[{"docs.count":"10","docs.deleted":null},{"docs.count":"9","docs.deleted":null}]"#
        );
        assert!(table.sort(&["nope".to_owned()]).is_err());
    }

    #[test]
    fn sizes() {
        assert_eq!(size(225, None), "225b");
        assert_eq!(size(3200, None), "3.1kb");
        assert_eq!(size(1024, None), "1kb");
        assert_eq!(size(3200, Some("b")), "3200");
        assert_eq!(size(3200, Some("kb")), "3");
    }
}
