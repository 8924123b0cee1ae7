//! The binary `watchbell`.
fn main() {}
