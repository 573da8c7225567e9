//! What `tests/acceptance.txt` says: every line well-formed, no function twice, and every test that it names runs.

use std::collections::BTreeSet;

/// aiopg's test functions.
const FUNCTIONS: usize = 275;

const MARKS: [&str; 5] = ["K", "A", "S", "P", "X"];

/// The faults of the table `text`; `read` gives the file at a path from the root of the repository.
pub(crate) fn check_acceptance(text: &str, read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut functions, mut all) = (BTreeSet::new(), 0);
    let mut section = Section::default();
    for (line, number) in text.lines().zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(heading) = line.strip_prefix('[') {
            faults.extend(section.check());
            section = Section::read(heading);
            continue;
        }
        section.counted += 1;
        all += 1;
        let found = check_line(line, read);
        let function = line.split(" | ").next().unwrap_or_default();
        let again = !functions.insert((section.file.clone(), function));
        let again = again.then(|| "stands there twice".to_owned());
        faults.extend(
            found.into_iter().chain(again).map(|fault| format!("{number}: {function}: {fault}")),
        );
    }
    faults.extend(section.check());
    if all != FUNCTIONS {
        faults.push(format!("{all} functions instead of {FUNCTIONS}"));
    }
    faults
}

/// A file of aiopg's tests: how many functions it has, and how many lines stand under its name.
#[derive(Default)]
struct Section {
    file: String,
    announced: usize,
    counted: usize,
}

impl Section {
    fn read(heading: &str) -> Self {
        let (file, count) = heading
            .strip_suffix(']')
            .and_then(|heading| heading.split_once(' '))
            .unwrap_or_default();
        Self { file: file.to_owned(), announced: count.parse().unwrap_or(0), counted: 0 }
    }

    fn check(&self) -> Option<String> {
        (self.counted != self.announced).then(|| {
            format!("{}: {} functions instead of {}", self.file, self.counted, self.announced)
        })
    }
}

fn check_line(line: &str, read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let fields: Vec<_> = line.split(" | ").collect();
    let [function, judged, tests, remark] = *fields else {
        return vec!["not four fields".to_owned()];
    };
    let (mark, verdict) = judged.split_once(' ').unwrap_or_default();
    let tests: Vec<_> = tests.split(", ").filter(|test| *test != "-").collect();
    let explained = remark != "-" && !remark.is_empty();
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault: &str| {
        if !holds {
            faults.push(fault.to_owned());
        }
    };
    must(function.starts_with("test_"), "not the name of a test");
    must(MARKS.contains(&mark), "no such mark");
    match verdict {
        "kept" => must(!tests.is_empty(), "kept by which test?"),
        "adapted" => must(!tests.is_empty(), "adapted by which test?"),
        "otherwise" => must(explained, "decided otherwise without a reason"),
        "missing" => must(explained && tests.is_empty(), "missing: a reason, and no test"),
        _ => must(false, "no such verdict"),
    }
    faults.extend(tests.into_iter().filter_map(|test| check_test(test, read)));
    faults
}

/// Tells what keeps the test of the name `binary::module::function` from being run.
fn check_test(name: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let path: Vec<_> = name.split("::").collect();
    let [binary, modules @ .., function] = &*path else {
        return Some(format!("{name}: not binary::module::function"));
    };
    let path = modules.join("/");
    let text = match (*binary, &*path) {
        ("aiopg", path) => {
            read(&format!("src/{path}.rs")).or_else(|| read(&format!("src/{path}/mod.rs")))
        }
        (binary, "") => read(&format!("tests/{binary}.rs")),
        (binary, path) => {
            let main = read(&format!("tests/{binary}/main.rs")).unwrap_or_default();
            let declared =
                modules.first().is_some_and(|name| main.contains(&format!("\nmod {name};")));
            declared.then(|| read(&format!("tests/{binary}/{path}.rs"))).flatten()
        }
    };
    let Some(text) = text else { return Some(format!("{name}: no such module")) };
    if text.contains(&format!("async fn {function}<")) {
        let run = runs_everywhere(&text, function);
        return (!run).then(|| format!("{name}: not under on_every_runtime!"));
    }
    let declared = format!("#[test]\nfn {function}(");
    // Unit tests are indented.
    let lines: Vec<_> = text.lines().map(str::trim_start).collect();
    (!lines.join("\n").contains(&declared)).then(|| format!("{name}: no such test"))
}

/// Whether `function` is in a list of `on_every_runtime!`.
fn runs_everywhere(text: &str, function: &str) -> bool {
    text.split("\non_every_runtime!(").skip(1).any(|rest| {
        let list = rest.split(')').next().unwrap_or_default();
        list.split(',').any(|name| name.trim() == function)
    })
}

#[cfg(test)]
mod checks {
    use super::*;

    /// A binary of tests with one that runs everywhere, one that was forgotten, and a plain one.
    fn source(path: &str) -> Option<String> {
        let text = match path {
            "tests/it/main.rs" => "//! Main.\nmod connect;\n",
            "tests/it/connect.rs" => {
                "async fn works<R: Runtime>(rt: R) {}\nasync fn forgotten<R: Runtime>(rt: R) {}\n\
                 #[test]\nfn plain() {}\nfn none() {}\n\non_every_runtime!(\n    works,\n);\n"
            }
            "tests/it/undeclared.rs" => "#[test]\nfn plain() {}\n",
            "src/config/mod.rs" => "mod tests {\n    #[test]\n    fn inner() {}\n}\n",
            _ => return None,
        };
        Some(text.to_owned())
    }

    fn faults(line: &str) -> usize {
        check_line(line, &source).len()
    }

    #[test]
    fn tests_that_run_are_found() {
        let tests = "it::connect::works, it::connect::plain, aiopg::config::inner";
        assert_eq!(faults(&format!("test_a | K kept | {tests} | -")), 0);
    }

    #[test]
    fn a_test_that_does_not_run_is_a_fault() {
        for test in ["forgotten", "none", "gone"] {
            assert_eq!(faults(&format!("test_a | K kept | it::connect::{test} | -")), 1, "{test}");
        }
        for test in ["it::undeclared::plain", "it::gone::works", "works", "aiopg::config::gone"] {
            assert_eq!(faults(&format!("test_a | K kept | {test} | -")), 1, "{test}");
        }
    }

    #[test]
    fn a_verdict_without_what_it_needs_is_a_fault() {
        for line in [
            "test_a | K kept | - | a reason",
            "test_a | A adapted | - | a reason",
            "test_a | K otherwise | it::connect::works | -",
            "test_a | K missing | - | -",
            "test_a | K missing | it::connect::works | a reason",
            "test_a | K maybe | - | a reason",
            "test_a | Z missing | - | a reason",
            "a | K missing | - | a reason",
            "test_a | K missing | -",
        ] {
            assert_eq!(faults(line), 1, "{line}");
        }
        assert_eq!(faults("test_a | K otherwise | - | a reason"), 0);
        assert_eq!(faults("test_a | K missing | - | a reason"), 0);
    }

    #[test]
    fn functions_are_counted() {
        let line = |name: usize| format!("test_{name} | K missing | - | a reason\n");
        let lines: String = (0..FUNCTIONS).map(line).collect();
        let sound = format!("# A remark.\n\n[test_a.py {FUNCTIONS}]\n{lines}");
        assert_eq!(check_acceptance(&sound, &source), [""; 0]);
        assert_eq!(check_acceptance(&sound.replace(&line(7), ""), &source).len(), 2);
        assert_eq!(check_acceptance(&sound.replace(&line(7), &line(8)), &source).len(), 1);
    }
}
