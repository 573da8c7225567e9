//! What holds for every file by itself: its length, its purpose line, its ends of lines, no `super::`.

use crate::code::production_code;

const MOST_LINES: usize = 500;

pub(crate) fn check_file(path: &str, text: &str) -> Vec<String> {
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

pub(crate) fn check_line_ends(path: &str, text: &str) -> Vec<String> {
    text.split('\n')
        .zip(1..)
        .filter(|(line, _)| line.ends_with([' ', '\t', '\r']))
        .map(|(_, number)| format!("{path}:{number}: white space at the end of the line"))
        .collect()
}

/// A test module in a file of its own.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.ends_with("_tests.rs") || path == "tests.rs" || path.ends_with("/tests.rs")
}

#[cfg(test)]
mod checks {
    use super::*;

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
}
