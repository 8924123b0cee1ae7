//! Request validation as the reference reports it.

use watchbell_json::Failure;

/// `action_request_validation_exception` with every complaint, numbered.
#[must_use]
pub fn failed<T: AsRef<str>>(complaints: impl IntoIterator<Item = T>) -> Failure {
    let mut reason = String::from("Validation Failed: ");
    for (at, complaint) in complaints.into_iter().enumerate() {
        reason.push_str(&format!("{}: {};", at + 1, complaint.as_ref()));
    }
    Failure::new("action_request_validation_exception", reason)
}

#[cfg(test)]
mod tests {
    #[test]
    fn complaints_are_numbered_without_blanks_between() {
        assert_eq!(super::failed(["a", "b"]).reason_text(), "Validation Failed: 1: a;2: b;");
    }
}
