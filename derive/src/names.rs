//! `Rule`: how the names of fields become names in SQL.

use syn::LitStr;

/// A rule of `rename_all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const RULES: [(&str, Rule); 8] = [
    ("lowercase", Rule::Lower),
    ("UPPERCASE", Rule::Upper),
    ("PascalCase", Rule::Pascal),
    ("camelCase", Rule::Camel),
    ("snake_case", Rule::Snake),
    ("SCREAMING_SNAKE_CASE", Rule::ScreamingSnake),
    ("kebab-case", Rule::Kebab),
    ("SCREAMING-KEBAB-CASE", Rule::ScreamingKebab),
];

impl Rule {
    pub(crate) fn parse(literal: &LitStr) -> syn::Result<Self> {
        let value = literal.value();
        let found = RULES.iter().find(|(name, _)| *name == value).map(|(_, rule)| *rule);
        found.ok_or_else(|| {
            let names: Vec<_> = RULES.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            syn::Error::new_spanned(literal, format!("expected one of {}", names.join(", ")))
        })
    }

    /// The name that a field, in snake case, has under this rule.
    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            Self::Snake => field.to_owned(),
            Self::Lower => field.replace('_', "").to_lowercase(),
            Self::Upper => field.replace('_', "").to_uppercase(),
            Self::ScreamingSnake => field.to_uppercase(),
            Self::Kebab => field.replace('_', "-"),
            Self::ScreamingKebab => field.replace('_', "-").to_uppercase(),
            Self::Pascal => field.split('_').map(capitalized).collect(),
            Self::Camel => {
                let mut words = field.split('_').filter(|word| !word.is_empty());
                let first = words.next().unwrap_or_default().to_owned();
                words.fold(first, |name, word| name + &capitalized(word))
            }
        }
    }
}

/// The name of a type in snake case.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before = None;
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let begins = letter.is_uppercase()
            && before.is_some_and(|before: char| {
                !before.is_uppercase() && before != '_'
                    || before.is_uppercase()
                        && letters.peek().is_some_and(|next| next.is_lowercase())
            });
        snake.push_str(if begins { "_" } else { "" });
        snake.extend(letter.to_lowercase());
        before = Some(letter);
    }
    snake
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_form() {
        let names = RULES.map(|(name, rule)| (name, rule.apply("first_name")));
        let expected = [
            ("lowercase", "firstname"),
            ("UPPERCASE", "FIRSTNAME"),
            ("PascalCase", "FirstName"),
            ("camelCase", "firstName"),
            ("snake_case", "first_name"),
            ("SCREAMING_SNAKE_CASE", "FIRST_NAME"),
            ("kebab-case", "first-name"),
            ("SCREAMING-KEBAB-CASE", "FIRST-NAME"),
        ];
        assert_eq!(names, expected.map(|(name, form)| (name, form.to_owned())));
        assert_eq!(Rule::Camel.apply("_id"), "id");
    }

    #[test]
    fn types_have_a_name_in_snake_case() {
        let names = ["City", "CityWall", "HTTPServer", "Utf8Text", "A", "Ünder_Score"].map(snake);
        let expected = ["city", "city_wall", "http_server", "utf8_text", "a", "ünder_score"];
        assert_eq!(names, expected);
    }
}
