//! Checks the shape of the source: floors, imports, file sizes, purpose lines; and that the checks catch a breach.
//!
//! The order of the `mod` lines in `lib.rs` and in each `mod.rs` is the architecture, lowest floor first: a
//! file may import only what is declared before it. A `mod.rs` stands above its folder, the facade above all.

#![expect(clippy::expect_used, clippy::panic, reason = "a check that cannot read a file must fail")]
#![expect(clippy::string_slice, reason = "every offset was found in the same text")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const MOST_LINES: usize = 500;

/// Sources whose every file is checked.
const SOURCES: &[&str] = &[
    "src",
    "tests/src",
    "tests/it",
    "tests/scripted",
    "tests/tls",
    "benches/src",
    "runtimes/core/src",
    "runtimes/tokio/src",
    "runtimes/async-std/src",
    "runtimes/smol/src",
    "runtimes/sim/src",
];

/// Sources whose floors are checked, too.
const FLOORED: &[&str] = &["src", "tests/src"];

/// Files by path, relative to the root of what is checked.
type Files = BTreeMap<String, String>;

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
fn changelog_is_there() {
    assert!(root().join("CHANGELOG.md").exists(), "CHANGELOG.md is missing");
}

/// Every import of every module against the order of the `mod` lines.
fn check_floors(files: &Files) -> Vec<String> {
    let tree = Tree::of(files);
    let mut faults = tree.faults.clone();
    for (height, (module, file)) in tree.modules.iter().enumerate() {
        for path in crate_paths(&production_code(&files[file])) {
            let target = tree.owner_of(&path);
            if target + 1 == tree.modules.len() && height != target {
                faults.push(format!("{file}: `crate::{path}` goes through the facade"));
            } else if target > height {
                faults
                    .push(format!("{file}: `crate::{path}` is on a higher floor than `{module}`"));
            }
        }
    }
    for file in files.keys().filter(|file| !is_test_file(file)) {
        if !tree.modules.iter().any(|(_, known)| known == file) {
            faults.push(format!("{file}: no `mod` line names it"));
        }
    }
    faults
}

fn check_file(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.lines().count() > MOST_LINES {
        faults.push(format!("{path}: more than {MOST_LINES} lines"));
    }
    if !text.starts_with("//! ") {
        faults
            .push(format!("{path}: the first line does not say what the file is for (`//! ...`)"));
    }
    if !is_test_file(path) {
        // In a macro, `super::$name` means the caller's module.
        let code = production_code(text).replace("super::$", "");
        if code.contains("super::") {
            faults.push(format!("{path}: imports by `super::`, not by `crate::`"));
        }
    }
    faults
}

fn check_line_ends(path: &str, text: &str) -> Vec<String> {
    text.split('\n')
        .zip(1..)
        .filter(|(line, _)| line.ends_with([' ', '\t', '\r']))
        .map(|(_, number)| format!("{path}:{number}: white space at the end of the line"))
        .collect()
}

/// The modules of a crate, lowest floor first; the last is the crate itself, with an empty path.
#[derive(Default)]
struct Tree {
    modules: Vec<(String, String)>,
    faults: Vec<String>,
}

impl Tree {
    fn of(files: &Files) -> Self {
        let mut tree = Self::default();
        tree.visit("", "lib.rs", "", files);
        tree
    }

    /// Children first: a `mod.rs` may name what is in its folder, not the other way round.
    fn visit(&mut self, module: &str, file: &str, folder: &str, files: &Files) {
        let Some(text) = files.get(file) else {
            self.faults.push(format!("{file}: missing"));
            return;
        };
        for name in declared_modules(&production_code(text)) {
            let path = if module.is_empty() { name.clone() } else { format!("{module}::{name}") };
            let flat = format!("{folder}{name}.rs");
            let inner = format!("{folder}{name}/");
            let file = if files.contains_key(&flat) { flat } else { format!("{inner}mod.rs") };
            self.visit(&path, &file, &inner, files);
        }
        self.modules.push((module.to_owned(), file.to_owned()));
    }

    /// The height of the innermost module that `path` runs through.
    fn owner_of(&self, path: &str) -> usize {
        let leads_to = |module: &str| {
            path.strip_prefix(module)
                .is_some_and(|rest| module.is_empty() || rest.is_empty() || rest.starts_with("::"))
        };
        let owners = self.modules.iter().enumerate().filter(|(_, (module, _))| leads_to(module));
        owners.max_by_key(|(_, (module, _))| module.len()).map_or(0, |(height, _)| height)
    }
}

/// The names in `mod name;`, in order.
fn declared_modules(code: &str) -> Vec<String> {
    code.split([';', '{', '}', ']'])
        .filter_map(|item| {
            let mut words = item.split_whitespace().rev();
            let name = words.next()?;
            (words.next()? == "mod").then(|| name.to_owned())
        })
        .filter(|name| code.contains(&format!("mod {name};")))
        .collect()
}

/// Every path after `crate::`, with groups in braces taken apart.
fn crate_paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, word) in code.match_indices("crate::") {
        let before = &code[..at];
        // `$crate` is a macro's own crate; `pub(in crate::...)` is no import.
        let foreign = before.ends_with(|c: char| c == '$' || c == '_' || c.is_alphanumeric());
        if !foreign && !before.ends_with("(in ") {
            take_path("", &code[at + word.len()..], &mut paths);
        }
    }
    paths
}

/// Reads one path, or a group of them, and returns what follows.
fn take_path<'a>(prefix: &str, code: &'a str, paths: &mut Vec<String>) -> &'a str {
    let join = |name: &str| match (prefix, name) {
        (_, "self" | "*" | "") => prefix.to_owned(),
        ("", name) => name.to_owned(),
        (prefix, name) => format!("{prefix}::{name}"),
    };
    let code = code.trim_start();
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = take_path(prefix, rest, paths).trim_start();
            // What stands between two paths of a group: a comma, or a new name and a comma.
            let end = rest.find([',', '}']).unwrap_or(rest.len());
            let (comma, after) = rest[end..].split_at(rest[end..].len().min(1));
            rest = after;
            if comma != "," || rest.trim_start().starts_with('}') {
                return rest.trim_start().trim_start_matches('}');
            }
        }
    }
    let end = code.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    let path = join(name);
    match rest.strip_prefix("::") {
        Some(deeper) if !deeper.starts_with('<') => take_path(&path, deeper, paths),
        _ => {
            paths.push(path);
            rest
        }
    }
}

/// `text` without comments, literals, and whatever is compiled for tests alone.
fn production_code(text: &str) -> String {
    const TEST: &str = "#[cfg(test)]";
    let mut code = plain_code(text);
    while let Some(start) = code.find(TEST) {
        let after = start + TEST.len();
        let end = item_end(&code[after..]).map_or(code.len(), |length| after + length);
        code.replace_range(start..end, "");
    }
    code
}

/// The length of the item at the start of `code`: up to its semicolon, or the brace that closes it.
fn item_end(code: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && c == '}' {
                    return Some(at + 1);
                }
            }
            ';' if depth == 0 => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// `text` without comments and without what stands between quotes.
fn plain_code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = skip_comment(rest).or_else(|| skip_literal(rest, &code));
        if let Some(after) = skipped {
            code.push(' ');
            rest = after;
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

fn skip_comment(code: &str) -> Option<&str> {
    if code.starts_with("//") {
        return Some(code.find('\n').map_or("", |end| &code[end..]));
    }
    let inside = code.strip_prefix("/*")?;
    Some(inside.split_once("*/").map_or("", |(_, rest)| rest))
}

fn skip_literal<'a>(code: &'a str, before: &str) -> Option<&'a str> {
    let in_word = before.ends_with(|c: char| c == '_' || c.is_alphanumeric());
    if let Some(raw) = code.strip_prefix('r').filter(|_| !in_word || before.ends_with('b')) {
        let inside = raw.trim_start_matches('#');
        if let Some(inside) = inside.strip_prefix('"') {
            let end = format!("\"{}", "#".repeat(raw.len() - inside.len() - 1));
            return Some(inside.split_once(&end).map_or("", |(_, rest)| rest));
        }
    }
    if let Some(inside) = code.strip_prefix('"') {
        return Some(after_quote(inside, '"'));
    }
    // A character, not a lifetime: the quote closes after one, or after an escape.
    let inside = code.strip_prefix('\'')?;
    let is_character = inside.starts_with('\\') || inside.chars().nth(1) == Some('\'');
    is_character.then(|| after_quote(inside, '\''))
}

fn after_quote(inside: &str, quote: char) -> &str {
    let mut escaped = false;
    let end = inside.find(|c| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    end.map_or("", |end| &inside[end + 1..])
}

/// A test module in a file of its own.
fn is_test_file(path: &str) -> bool {
    path.ends_with("_tests.rs") || path == "tests.rs" || path.ends_with("/tests.rs")
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

#[cfg(test)]
mod checks {
    use super::*;

    /// A sound crate of three floors: `low`, the folder `middle`, `high`.
    fn sound() -> Files {
        files(&[
            (
                "lib.rs",
                "//! Facade.\nmod low;\npub(crate) mod middle;\nmod high;\npub use crate::high::High;\n",
            ),
            (
                "low.rs",
                "//! Low.\npub struct Low;\n#[cfg(test)]\nmod tests { use super::*; use crate::high::High; }\n",
            ),
            (
                "middle/mod.rs",
                "//! Middle.\nmod first;\nmod second;\npub use crate::middle::first::First;\n",
            ),
            (
                "middle/first.rs",
                "//! First.\nuse crate::low::{self, Low};\n// not crate::high::High\n",
            ),
            (
                "middle/second.rs",
                "//! Second.\nuse crate::{low::Low, middle::first::First as One};\n",
            ),
            (
                "high.rs",
                "//! High.\nuse crate::middle::First;\nconst NAME: &str = \"crate::nothing::here\";\n",
            ),
        ])
    }

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    /// The faults of the sound crate after `line` was added to `path`.
    fn faults_with(path: &str, line: &str) -> Vec<String> {
        let mut files = sound();
        files.get_mut(path).unwrap().push_str(line);
        check_floors(&files)
    }

    #[test]
    fn sound_crate_has_no_fault() {
        assert_eq!(check_floors(&sound()), [""; 0]);
        for (path, text) in sound() {
            assert_eq!(check_file(&path, &text), [""; 0]);
        }
    }

    #[test]
    fn import_from_above_is_a_fault() {
        assert_eq!(faults_with("low.rs", "use crate::high::High;").len(), 1);
        assert_eq!(faults_with("low.rs", "fn f() { crate::middle::first::f() }").len(), 1);
        assert_eq!(faults_with("middle/first.rs", "use crate::middle::second::Second;").len(), 1);
        assert_eq!(faults_with("middle/first.rs", "use crate::middle::First;").len(), 1);
    }

    #[test]
    fn groups_are_taken_apart() {
        let line =
            "use crate::{low::{self, Low}, middle::{first::First, second}, high::High as H};";
        assert_eq!(faults_with("low.rs", line).len(), 3);
        assert_eq!(faults_with("high.rs", line), [""; 0]);
        let paths = ["low", "low::Low", "middle::first::First", "middle::second", "high::High"];
        assert_eq!(crate_paths(line), paths);
    }

    #[test]
    fn import_through_the_facade_is_a_fault() {
        assert_eq!(faults_with("high.rs", "use crate::High;").len(), 1);
        assert_eq!(faults_with("middle/mod.rs", "use crate::{High};").len(), 1);
        assert_eq!(faults_with("high.rs", "use crate::*;").len(), 1);
    }

    #[test]
    fn code_after_a_test_module_is_checked() {
        assert_eq!(faults_with("low.rs", "use crate::high::High;\n").len(), 1);
    }

    #[test]
    fn paths_of_visibility_and_macros_are_no_imports() {
        let line = "pub(in crate::middle) fn f() { $crate::high::f() }";
        assert_eq!(faults_with("middle/first.rs", line), [""; 0]);
    }

    #[test]
    fn file_without_a_module_is_a_fault() {
        let mut files = sound();
        files.insert("lost.rs".to_owned(), "//! Lost.\n".to_owned());
        assert_eq!(check_floors(&files), ["lost.rs: no `mod` line names it"]);
        files.remove("lost.rs");
        files.remove("high.rs");
        assert!(check_floors(&files).contains(&"high/mod.rs: missing".to_owned()));
    }

    #[test]
    fn super_is_a_fault_outside_tests_and_macros() {
        assert_eq!(check_file("a.rs", "//! A.\nuse super::b::B;\n").len(), 1);
        assert_eq!(check_file("a.rs", "//! A.\nuse super::$name as body;\n"), [""; 0]);
        assert_eq!(check_file("tests.rs", "//! Tests.\nuse super::*;\n"), [""; 0]);
        assert_eq!(
            check_file("a.rs", "//! A.\n#[cfg(test)]\nmod tests { use super::*; }\n"),
            [""; 0]
        );
    }

    #[test]
    fn long_file_is_a_fault() {
        let text = |lines: usize| format!("//! Long.\n{}", "\n".repeat(lines - 1));
        assert_eq!(check_file("a.rs", &text(MOST_LINES)), [""; 0]);
        assert_eq!(check_file("a.rs", &text(MOST_LINES + 1)).len(), 1);
    }

    #[test]
    fn missing_purpose_line_is_a_fault() {
        assert_eq!(check_file("a.rs", "use std::io;\n").len(), 1);
        assert_eq!(check_file("a.rs", "").len(), 1);
    }

    #[test]
    fn white_space_at_the_end_is_a_fault() {
        assert_eq!(check_line_ends("a", "ends well\n\n"), [""; 0]);
        assert_eq!(check_line_ends("a", "one \ntwo\t\nthree\r\n").len(), 3);
    }

    #[test]
    fn literals_are_no_code() {
        let text = r##"let a = "\"super::"; let b = r#"super::"#; let c = '"'; let d = 'x'; f::<'a>(super::y);"##;
        assert_eq!(plain_code(text).matches("super::").count(), 1);
    }
}
