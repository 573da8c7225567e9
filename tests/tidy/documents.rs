//! What the documents say of the repository: every file and script that they name is there.

/// The top folders; a path begins with one of them.
const FOLDERS: [&str; 7] =
    ["src/", "tests/", "ci/", "runtimes/", "refinery/", "examples/", "benches/"];

pub(crate) fn check_names(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    named(text)
        .into_iter()
        .filter(|name| !exists(name))
        .map(|name| format!("{path}: `{name}` does not exist"))
        .collect()
}

/// The paths in `text`: what stands between backticks on one line, without arguments and without patterns.
fn named(text: &str) -> Vec<&str> {
    let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let first_words = quoted.filter_map(|quoted| quoted.split_whitespace().next());
    first_words
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)) && !word.contains('*'))
        .collect()
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn paths_are_found_between_backticks() {
        let text = "`ci/test`, src/none and `ci/matrix ROW`\n| `runtimes/*/tests` | `src/lib.rs` |";
        assert_eq!(named(text), ["ci/test", "ci/matrix", "src/lib.rs"]);
    }

    #[test]
    fn missing_file_is_a_fault() {
        let text = "See `src/lib.rs` and `src/gone.rs`.";
        let faults = check_names("A.md", text, &|name| name == "src/lib.rs");
        assert_eq!(faults, ["A.md: `src/gone.rs` does not exist"]);
    }
}
