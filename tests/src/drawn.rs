//! Statements that are drawn at random, and of which all is known.

use crate::chance::Chance;

/// What literals are made of: their own ends, the beginnings of others, and what looks like a parameter.
const CHARACTERS: [&str; 22] = [
    "'", "''", "\\", "\\'", "\"", "$", "$$", "$1", ":p0", ":p1", ":", "::", "--", "/*", "*/", "\n",
    "é", "a", "E'", "$x$", ";", "x",
];

const BETWEEN: [&str; 9] = [
    "",
    " ",
    "\n",
    "/* ' :p0 */",
    "/* /* $1 */ \" */",
    "-- ' :p1 $1\n",
    "\t--\r",
    "/**/",
    " /*--*/ ",
];

/// What a value would need to become a statement, if it ever left its literal.
const HOSTILE: [&str; 8] = ["'", "\\'", "\\", "*/", "$$", "\"", "\n", "-"];

/// A SELECT of one array of texts, with the parameters `:p0`, `:p1` and `:p2`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Drawn {
    /// The text.
    pub sql: String,
    /// The values of the parameters.
    pub values: [String; 3],
    /// The elements of the array.
    pub expected: Vec<String>,
}

impl Drawn {
    /// Draws a statement for this value of `standard_conforming_strings`.
    pub fn new(seed: u64, standard_conforming_strings: &str) -> Self {
        let escapes = standard_conforming_strings == "off";
        let mut chance = Chance::new(seed);
        let values = [(); 3].map(|()| chance.text(&CHARACTERS, 5));
        let (mut sql, mut expected) = (String::from("select array["), Vec::new());
        for item in 0..=chance.below(5) {
            sql.push_str(if item == 0 { "" } else { "," });
            sql.push_str(chance.one_of(&BETWEEN));
            if chance.below(3) == 0 {
                let number = chance.below(3);
                sql.extend([":p", &number.to_string()]);
                expected.push(values[number].clone());
            } else {
                let text = chance.text(&CHARACTERS, 6);
                sql.push_str(&literal(&text, &mut chance, escapes));
                expected.push(text);
            }
            sql.push_str(chance.one_of(&BETWEEN));
        }
        sql.push_str("]::text[] || array[:p0, :p1, :p2]::text[]");
        expected.extend(values.iter().cloned());
        Self { sql, values, expected }
    }

    /// Puts a piece in somewhere, and makes the first value one that would create the table `pwned`.
    #[must_use]
    pub fn disturbed(mut self, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let places: Vec<_> = self.sql.char_indices().map(|(at, _)| at).collect();
        self.sql.insert_str(places[chance.below(places.len())], chance.one_of(&CHARACTERS));
        let (front, end) = (chance.one_of(&HOSTILE), chance.one_of(&HOSTILE));
        self.values[0] = format!("{front}]; create temp table pwned (); --{end}");
        self
    }
}

/// One way to write `text`.
fn literal(text: &str, chance: &mut Chance, escapes: bool) -> String {
    let plain = |text: &str| {
        let text = text.replace('\'', "''");
        if escapes { text.replace('\\', "\\\\") } else { text }
    };
    let by_backslash = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let half = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    let (one, two) = text.split_at(half);
    match chance.below(6) {
        0 => format!("'{}'", plain(text)),
        1 => format!("E'{}'", by_backslash(text)),
        2 if !escapes => format!("U&'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
        3 => format!("'{}' -- '\n\t-- x\n '{}'", plain(one), plain(two)),
        4 => format!("e'{}'\r'{}'", by_backslash(one), by_backslash(two)),
        _ => {
            let tag = ["$$", "$y$", "$_é1$"][chance.below(3)];
            match format!("{text}{tag}").find(tag) {
                Some(at) if at == text.len() => format!("{tag}{text}{tag}"),
                _ => format!("'{}'", plain(text)),
            }
        }
    }
}
