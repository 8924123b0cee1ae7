//! What `Cargo.toml` cannot say about the house: who may use what, how things are named, what is in step with what.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

/// The layer of each crate: it may use crates of lower layers only (ARCHITECTURE.md, "The house").
const LAYERS: &[(&str, u8)] = &[
    ("json", 0),
    ("time", 0),
    ("painless", 1),
    ("mustache", 1),
    ("watch", 1),
    ("robots", 1),
    ("store", 2),
    ("outbox", 3),
    ("engine", 4),
    ("senders", 5),
    ("store-embedded", 5),
    ("store-remote", 5),
    ("rest", 5),
    ("gateway", 5),
    ("relay", 5),
    ("robot-sim", 5),
    ("server", 6),
    ("sim", 6),
];

/// Crates of the same or a higher layer that one may use all the same, with the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[("rest", "engine", "the use cases")];

const RUNTIME_FROM: u8 = 3;
const HTTP_FROM: u8 = 5;
const HTTP_CRATES: &[&str] = &["http", "http-body", "http-body-util", "hyper", "hyper-util", "axum", "reqwest"];
const FORBIDDEN_MODULES: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc", "types"];
/// A line of code fits on a screen.
const LINE_CHARS_MAX: usize = 180;
const FILE_LINES_MAX: usize = 1200;

pub(crate) fn run() -> ExitCode {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut findings = Vec::new();
    layers(&root, &mut findings);
    sources(&root, &mut findings);
    readmes(&root, &mut findings);
    if findings.is_empty() {
        println!("tidy");
        return ExitCode::SUCCESS;
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    eprintln!("{} findings", findings.len());
    ExitCode::FAILURE
}

fn metadata(root: &Path) -> Option<Value> {
    let output = std::process::Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root).output().ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

fn layers(root: &Path, findings: &mut Vec<String>) {
    let known: BTreeMap<&str, u8> = LAYERS.iter().copied().collect();
    let Some(metadata) = metadata(root) else {
        findings.push("cargo metadata gives no answer".to_owned());
        return;
    };
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let Some(name) = package["name"].as_str().and_then(|name| name.strip_prefix("watchbell-")) else { continue };
        let Some(&layer) = known.get(name) else {
            findings.push(format!("crate {name} has no layer in xtask/src/tidy.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            if dependency["kind"].as_str() == Some("dev") {
                continue;
            }
            let Some(used) = dependency["name"].as_str() else { continue };
            if let Some(ours) = used.strip_prefix("watchbell-") {
                let excepted = EXCEPTIONS.iter().any(|(user, uses, _)| *user == name && *uses == ours);
                if known.get(ours).is_none_or(|other| *other >= layer) && !excepted {
                    findings.push(format!("crate {name} (layer {layer}) uses {ours}, which is not below it"));
                }
            }
            if layer < RUNTIME_FROM && used == "tokio" {
                findings.push(format!("crate {name} (layer {layer}) uses tokio, which starts at layer {RUNTIME_FROM}"));
            }
            if layer < HTTP_FROM && HTTP_CRATES.contains(&used) {
                findings.push(format!("crate {name} (layer {layer}) uses {used}: HTTP starts at layer {HTTP_FROM}"));
            }
        }
    }
}

fn sources(root: &Path, findings: &mut Vec<String>) {
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "fuzz"] {
        rust_files(&root.join(folder), &mut files);
    }
    for file in files {
        let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if FORBIDDEN_MODULES.contains(&stem) {
            findings.push(format!("{shown}: a module is named after what it is about, not `{stem}`"));
        }
        let Ok(text) = fs::read_to_string(&file) else {
            findings.push(format!("{shown}: cannot be read"));
            continue;
        };
        if !text.starts_with("//!") && !text.starts_with("#!") {
            findings.push(format!("{shown}: begins without a `//!` header that says what it is for"));
        }
        if text.lines().count() > FILE_LINES_MAX {
            findings.push(format!("{shown}: more than {FILE_LINES_MAX} lines: a file is one concept"));
        }
        for (at, line) in text.lines().enumerate() {
            if line.chars().count() > LINE_CHARS_MAX && !line.contains("http") && !line.contains('"') {
                findings.push(format!("{shown}:{}: longer than {LINE_CHARS_MAX} characters", at + 1));
            }
        }
    }
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                rust_files(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Both READMEs have the same headings in number and level, and the same commands.
fn readmes(root: &Path, findings: &mut Vec<String>) {
    let shape = |name: &str| -> Option<(Vec<usize>, Vec<String>)> {
        let text = fs::read_to_string(root.join(name)).ok()?;
        let (mut levels, mut code, mut fenced) = (Vec::new(), Vec::new(), false);
        for line in text.lines() {
            if line.starts_with("```") {
                fenced = !fenced;
            } else if fenced {
                let command = line.split('#').next().unwrap_or_default().trim_end();
                if !command.is_empty() {
                    code.push(command.to_owned());
                }
            } else if line.starts_with('#') {
                levels.push(line.chars().take_while(|c| *c == '#').count());
            }
        }
        Some((levels, code))
    };
    match (shape("README.md"), shape("README.zh-CN.md")) {
        (Some((levels, code)), Some((levels_zh, code_zh))) => {
            if levels != levels_zh {
                findings.push("README.md and README.zh-CN.md differ in their headings".to_owned());
            }
            for (english, chinese) in code.iter().zip(&code_zh).filter(|(english, chinese)| english != chinese) {
                findings.push(format!("README.zh-CN.md: code `{chinese}` differs from `{english}`"));
            }
            if code.len() != code_zh.len() {
                findings.push("README.md and README.zh-CN.md differ in their code blocks".to_owned());
            }
        }
        _ => findings.push("README.md or README.zh-CN.md is missing".to_owned()),
    }
}
