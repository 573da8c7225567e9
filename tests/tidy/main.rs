//! Checks the shape of the source: floors, imports, file sizes, purpose lines, the files that documents name, and the
//! tests that the acceptance table names; and that the checks catch a breach.
//!
//! The order of the `mod` lines in `lib.rs` and in each `mod.rs` is the architecture, lowest floor first: a
//! file may import only what is declared before it. A `mod.rs` stands above its folder, the facade above all.

#![expect(clippy::expect_used, clippy::panic, reason = "a check that cannot read a file must fail")]
#![expect(clippy::string_slice, reason = "every offset was found in the same text")]

mod acceptance;
mod code;
mod documents;
mod files;
mod floors;

use std::fs;
use std::path::Path;

use crate::acceptance::check_acceptance;
use crate::documents::check_names;
use crate::files::{check_file, check_line_ends};
use crate::floors::{Files, check_floors};

/// Sources whose every file is checked, these checks among them.
const SOURCES: &[&str] = &["src", "tests", "benches", "examples", "runtimes", "refinery"];

/// Sources whose floors are checked, too.
const FLOORED: &[&str] = &["src", "tests/src", "refinery/src"];

#[test]
fn imports_point_down() {
    for folder in FLOORED {
        report(folder, &check_floors(&read(folder, &|name| has_extension(name, "rs"))));
    }
}

#[test]
fn files_are_small_and_introduced() {
    for folder in SOURCES {
        let files = read(folder, &|name| has_extension(name, "rs"));
        assert!(!files.is_empty(), "{folder} has no source");
        report(
            folder,
            &files.iter().flat_map(|(path, text)| check_file(path, text)).collect::<Vec<_>>(),
        );
    }
}

#[test]
fn lines_end_where_their_text_does() {
    let written_by_hand = |name: &str| {
        ["rs", "toml", "md", "yml", "sql", "txt", "sh"].iter().any(|kind| has_extension(name, kind))
            || !name.contains('.')
    };
    let files = read(".", &written_by_hand);
    report(
        ".",
        &files.iter().flat_map(|(path, text)| check_line_ends(path, text)).collect::<Vec<_>>(),
    );
}

#[cfg(unix)]
#[test]
fn scripts_can_be_run() {
    use std::os::unix::fs::PermissionsExt;

    let mut scripts = read("ci", &|_| true);
    scripts.insert("../.ci/run".to_owned(), fs::read_to_string(root().join(".ci/run")).unwrap());
    let mut faults = Vec::new();
    for (name, text) in scripts {
        let mode = fs::metadata(root().join("ci").join(&name)).unwrap().permissions().mode();
        if mode & 0o111 == 0 {
            faults.push(format!("{name}: not executable (chmod +x)"));
        }
        if !text.starts_with("#!") {
            faults.push(format!("{name}: no interpreter in the first line"));
        }
    }
    report("ci", &faults);
}

#[test]
fn documents_name_files_that_exist() {
    let documents = read(".", &|name| has_extension(name, "md"));
    let exists = |name: &str| root().join(name).exists();
    let check = |(path, text): (&String, &String)| check_names(path, text, &exists);
    report(".", &documents.iter().flat_map(check).collect::<Vec<_>>());
}

#[test]
fn the_acceptance_table_names_tests_that_run() {
    let read = |path: &str| fs::read_to_string(root().join(path)).ok();
    let table = read("tests/acceptance.txt").expect("the table");
    report("tests/acceptance.txt", &check_acceptance(&table, &read));
}

#[test]
fn changelog_is_there() {
    assert!(root().join("CHANGELOG.md").exists(), "CHANGELOG.md is missing");
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository")
}

/// The text files in `folder`, at any depth, whose name is `wanted`.
fn read(folder: &str, wanted: &dyn Fn(&str) -> bool) -> Files {
    let mut files = Files::new();
    let mut folders = vec![(root().join(folder), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries =
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let entry = entry.expect("an entry of a directory");
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if entry.file_type().expect("the type of a file").is_dir() {
                if !matches!(name.as_str(), "target" | ".git" | "node_modules") {
                    folders.push((entry.path(), format!("{path}/")));
                }
            } else if wanted(&name)
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                files.insert(path, text);
            }
        }
    }
    files
}

#[track_caller]
fn report(folder: &str, faults: &[String]) {
    assert!(faults.is_empty(), "in {folder}:\n{}", faults.join("\n"));
}
