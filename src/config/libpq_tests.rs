//! What libpq 18 makes of some hundred connection strings, and that we make the same of them.

use crate::config::builder::Config;
use crate::config::parse::values;

/// A string on a line of its own, libpq's verdict below it, indented.
const TABLE: &str = include_str!("libpq_tests.txt");

fn cases() -> impl Iterator<Item = (String, &'static str)> {
    let mut lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    std::iter::from_fn(move || {
        let text = unescaped(lines.next()?);
        Some((text, lines.next().unwrap().trim_start()))
    })
}

fn unescaped(line: &str) -> String {
    let line = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
    let mut chars = line.chars();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        text.push(match chars.next().unwrap() {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'f' => '\x0c',
            c => c,
        });
    }
    text
}

/// What we make of a string, in the table's words.
fn verdict(text: &str) -> String {
    match values(text) {
        Err(_) => "refused".to_owned(),
        Ok(values) => {
            let config = Config { values, ..Config::new() };
            let text = config.to_connection_string_with_password();
            if text.is_empty() { "nothing".to_owned() } else { text }
        }
    }
}

#[test]
fn strings_mean_what_they_mean_to_libpq() {
    let mut count = 0;
    for (text, expected) in cases() {
        assert_eq!(verdict(&text), unescaped(expected), "{text:?}");
        count += 1;
    }
    assert!(count > 400, "{count}");
}

#[test]
fn our_own_strings_mean_the_same_again() {
    for (text, expected) in cases().filter(|(_, expected)| *expected != "refused") {
        let again = if expected == "nothing" { String::new() } else { unescaped(expected) };
        assert_eq!(values(&again).unwrap(), values(&text).unwrap(), "{text:?}");
    }
}
