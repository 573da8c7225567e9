//! What a source says without comments, literals and tests: its modules and its imports.

/// The names in `mod name;`, in order.
pub(crate) fn declared_modules(code: &str) -> Vec<String> {
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
pub(crate) fn crate_paths(code: &str) -> Vec<String> {
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
pub(crate) fn production_code(text: &str) -> String {
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

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn groups_are_taken_apart() {
        let line =
            "use crate::{low::{self, Low}, middle::{first::First, second}, high::High as H};";
        let paths = ["low", "low::Low", "middle::first::First", "middle::second", "high::High"];
        assert_eq!(crate_paths(line), paths);
    }

    #[test]
    fn literals_are_no_code() {
        let text = r##"let a = "\"super::"; let b = r#"super::"#; let c = '"'; let d = 'x'; f::<'a>(super::y);"##;
        assert_eq!(plain_code(text).matches("super::").count(), 1);
    }
}
