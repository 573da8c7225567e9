//! `Values`: the key words that are set, and their values as text, as libpq keeps them.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::keyword::KeyWord;

/// What is set. A value may be empty; that is not the same as not being set.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Values(BTreeMap<KeyWord, Box<str>>);

impl Values {
    pub(crate) fn get(&self, word: KeyWord) -> Option<&str> {
        self.0.get(&word).map(|value| &**value)
    }

    /// The value unless it is empty, which for most key words means that it is to be the default.
    pub(crate) fn filled(&self, word: KeyWord) -> Option<&str> {
        self.get(word).filter(|value| !value.is_empty())
    }

    pub(crate) fn set(&mut self, word: KeyWord, value: impl Into<Box<str>>) {
        self.0.insert(word, value.into());
    }

    /// Sets what is not set yet.
    pub(crate) fn add(&mut self, word: KeyWord, value: impl Into<Box<str>>) {
        self.0.entry(word).or_insert_with(|| value.into());
    }

    /// What is set, in libpq's order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (KeyWord, &str)> {
        self.0.iter().map(|(word, value)| (*word, &**value))
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(word, value)| match word {
            word if KeyWord::is_secret(word) => (word.name(), "***"),
            word => (word.name(), value),
        };
        f.debug_map().entries(self.iter().map(shown)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_not_set_again_by_add() {
        let mut values = Values::default();
        values.set(KeyWord::Host, "");
        values.add(KeyWord::Host, "b");
        values.add(KeyWord::Port, "1");
        values.set(KeyWord::Port, "2");
        assert_eq!((values.get(KeyWord::Host), values.filled(KeyWord::Host)), (Some(""), None));
        assert_eq!(values.get(KeyWord::Port), Some("2"));
        assert_eq!(values.get(KeyWord::User), None);
    }

    #[test]
    fn debug_prints_no_secret() {
        let mut values = Values::default();
        for word in KeyWord::ALL {
            values.set(*word, if word.is_secret() { "hunter2" } else { "shown" });
        }
        let text = format!("{values:?}");
        assert!(!text.contains("hunter2") && text.contains("\"sslpassword\": \"***\""), "{text}");
        assert!(text.contains("\"host\": \"shown\""), "{text}");
    }
}
