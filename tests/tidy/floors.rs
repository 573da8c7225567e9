//! The floors of a crate: every import points down.

use std::collections::BTreeMap;

use crate::code::{crate_paths, declared_modules, production_code};
use crate::files::is_test_file;

/// Files by path, relative to the root of what is checked.
pub(crate) type Files = BTreeMap<String, String>;

/// Every import of every module against the order of the `mod` lines.
pub(crate) fn check_floors(files: &Files) -> Vec<String> {
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

#[cfg(test)]
mod checks {
    use super::*;
    use crate::files::check_file;

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
    fn each_path_of_a_group_is_checked() {
        let line =
            "use crate::{low::{self, Low}, middle::{first::First, second}, high::High as H};";
        assert_eq!(faults_with("low.rs", line).len(), 3);
        assert_eq!(faults_with("high.rs", line), [""; 0]);
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
}
