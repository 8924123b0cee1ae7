//! `cargo xtask`: what the repository checks about itself, and the tools that are not part of the product.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("tidy") => tidy::run(),
        _ => {
            eprintln!("usage: cargo xtask tidy");
            ExitCode::from(2)
        }
    }
}
