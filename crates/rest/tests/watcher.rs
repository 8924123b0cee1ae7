//! The Watcher API over HTTP, from tables: requests and the answers expected of them.
//!
//! Each file of `watcher/` is a list of scenarios; each scenario has a server of its own, over the store in memory and with a
//! clock that stands until a step moves it. In an expected answer `<any>` stands for any text, alone for any value, and an
//! object with `"<more>": true` may have further members.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod watcher_support;

use watcher_support::run_table;

macro_rules! tables {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            run_table(stringify!($name), include_str!(concat!("watcher/", stringify!($name), ".json")));
        })*

        #[test]
        fn no_table_is_forgotten() {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/watcher");
            let mut files: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".json").to_owned())
                .collect();
            files.sort();
            let mut known = vec![$(stringify!($name)),*];
            known.sort_unstable();
            assert_eq!(files, known);
        }
    };
}

tables![
    ack,
    activate,
    delete,
    disabled,
    errors_of_definitions,
    execute,
    get,
    history,
    inputs_and_actions,
    methods_and_parameters,
    put,
    query,
    running,
    schedules,
    service,
    settings,
    usage,
    versions
];
