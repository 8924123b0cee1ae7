//! Names in paths.

use std::fmt::Write as _;

/// One segment of a path or one query value: everything but the unreserved characters encoded, so that names with date math
/// (`<logs-{now/d}>`) arrive whole.
pub(crate) fn segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    push(name, &mut out);
    out
}

/// Index expressions, separated by commas; `None` for all.
pub(crate) fn expressions(names: &[String]) -> Option<String> {
    let mut out = String::new();
    for name in names {
        if !out.is_empty() {
            out.push(',');
        }
        push(name, &mut out);
    }
    (!out.is_empty()).then_some(out)
}

fn push(name: &str, out: &mut String) {
    for byte in name.bytes() {
        // a star stays readable in access logs
        if byte.is_ascii_alphanumeric() || b"-._~*".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_date_math_are_encoded_whole() {
        assert_eq!(segment("<logs-{now/d{yyyy.MM.dd|+01:00}}>"), "%3Clogs-%7Bnow%2Fd%7Byyyy.MM.dd%7C%2B01%3A00%7D%7D%3E");
        assert_eq!(expressions(&["logs-*".into(), "-logs-old".into(), "<a-{now}>".into()]).unwrap(), "logs-*,-logs-old,%3Ca-%7Bnow%7D%3E");
        assert_eq!(expressions(&[]), None);
    }
}
