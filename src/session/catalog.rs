//! `Catalog`: what is known of the types of a database that are not built in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use postgres_types::{Field, Kind, Oid, Type};

use crate::types::type_of;

/// The most types that are kept. A database has as many row types as tables, but few are ever read as values.
const MOST_TYPES: usize = 10_000;

/// The most types that one type is made of, counted as often as they occur: what it costs to walk through it.
const MOST_PARTS: usize = 10_000;

/// The most types inside one another.
const MOST_DEPTH: usize = 50;

/// The types of one database, shared by the connections of a pool.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    known: Mutex<HashMap<Oid, Known>>,
    /// The server does not let us look: it is not asked again.
    closed: AtomicBool,
}

/// What is known of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) r#type: Type,
    /// How many types it is made of.
    parts: usize,
    /// Whether it, or a type inside, has no binary form: its values are asked for as text.
    pub(crate) is_text: bool,
}

impl Known {
    /// What is known of every type from the start.
    fn built_in(oid: Oid) -> Option<Self> {
        let r#type = Type::from_oid(oid)?;
        // Those of the built-in types that have no send function, and arrays of them.
        let is_text = matches!(
            r#type,
            Type::ACLITEM | Type::ACLITEM_ARRAY | Type::GTS_VECTOR | Type::GTS_VECTOR_ARRAY
        );
        Some(Self { r#type, parts: 1, is_text })
    }

    fn unknown(oid: Oid) -> Self {
        Self { r#type: type_of(oid), parts: 1, is_text: false }
    }
}

impl Catalog {
    /// What is known of the type with this OID, if anything is.
    pub(crate) fn find(&self, oid: Oid) -> Option<Known> {
        Known::built_in(oid).or_else(|| self.lock().get(&oid).cloned())
    }

    /// The type with this OID: with a name that says so where nothing else is known.
    pub(crate) fn find_or_unknown(&self, oid: Oid) -> Known {
        self.find(oid).unwrap_or_else(|| Known::unknown(oid))
    }

    /// Whether it makes sense to ask the server.
    pub(crate) fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Keeps what the server has said.
    pub(crate) fn learn(&self, described: HashMap<Oid, Description>) {
        let mut assembly = Assembly { described, done: HashMap::new(), open: Vec::new() };
        let oids: Vec<_> = assembly.described.keys().copied().collect();
        for oid in oids {
            assembly.assemble(oid);
        }
        let mut known = self.lock();
        if known.len().saturating_add(assembly.done.len()) > MOST_TYPES {
            known.clear();
        }
        known.extend(assembly.done.into_iter().take(MOST_TYPES));
    }

    /// Forgets types that may have changed.
    pub(crate) fn forget(&self, oids: impl IntoIterator<Item = Oid>) {
        let mut known = self.lock();
        for oid in oids {
            known.remove(&oid);
        }
    }

    pub(crate) fn forget_all(&self) {
        self.lock().clear();
        self.closed.store(false, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Oid, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the server says of a type.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) schema: String,
    pub(crate) form: Form,
    /// It has no send function.
    pub(crate) is_text: bool,
}

/// What kind of type it is, and which types are inside.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    Simple,
    Pseudo,
    Enum(Vec<String>),
    Array(Oid),
    Domain(Oid),
    Range(Oid),
    Multirange(Oid),
    Composite(Vec<(String, Oid)>),
}

/// Puts descriptions together.
struct Assembly {
    described: HashMap<Oid, Description>,
    done: HashMap<Oid, Known>,
    /// Those that are being put together, so that a type inside itself is no way to hang us.
    open: Vec<Oid>,
}

impl Assembly {
    fn assemble(&mut self, oid: Oid) -> Known {
        if let Some(known) = Known::built_in(oid).or_else(|| self.done.get(&oid).cloned()) {
            return known;
        }
        let Some(description) = self.described.get(&oid).cloned() else {
            return Known::unknown(oid);
        };
        if self.open.len() >= MOST_DEPTH || self.open.contains(&oid) {
            return Known::unknown(oid);
        }
        self.open.push(oid);
        let (mut parts, mut is_text) = (1_usize, description.is_text);
        let mut inside = |oid| {
            let known = self.assemble(oid);
            parts = parts.saturating_add(known.parts);
            is_text |= known.is_text;
            known.r#type
        };
        let kind = match description.form {
            Form::Simple => Kind::Simple,
            Form::Pseudo => Kind::Pseudo,
            Form::Enum(labels) => Kind::Enum(labels),
            Form::Array(member) => Kind::Array(inside(member)),
            Form::Domain(base) => Kind::Domain(inside(base)),
            Form::Range(subtype) => Kind::Range(inside(subtype)),
            Form::Multirange(subtype) => Kind::Multirange(inside(subtype)),
            Form::Composite(fields) => Kind::Composite(
                fields.into_iter().map(|(name, oid)| Field::new(name, inside(oid))).collect(),
            ),
        };
        self.open.pop();
        if parts > MOST_PARTS {
            return Known::unknown(oid);
        }
        let r#type = Type::new(description.name, oid, kind, description.schema);
        let known = Known { r#type, parts, is_text };
        self.done.insert(oid, known.clone());
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(name: &str, form: Form) -> Description {
        Description { name: name.into(), schema: "public".into(), form, is_text: false }
    }

    #[test]
    fn types_are_put_together_from_the_inside() {
        let catalog = Catalog::default();
        let fields = vec![("a".to_owned(), 70_001), ("b".to_owned(), 23), ("c".to_owned(), 99_999)];
        catalog.learn(HashMap::from([
            (70_000, described("pair", Form::Composite(fields))),
            (70_001, described("_positive", Form::Array(70_002))),
            (70_002, described("positive", Form::Domain(23))),
        ]));
        let pair = catalog.find(70_000).unwrap();
        let Kind::Composite(fields) = pair.r#type.kind() else { panic!("{pair:?}") };
        let positive = catalog.find(70_002).unwrap().r#type;
        assert_eq!(fields[0].type_().kind(), &Kind::Array(positive));
        assert_eq!(fields[1].type_(), &Type::INT4);
        assert_eq!(fields[2].type_().name(), "oid 99999");
        catalog.forget([70_000]);
        assert!(catalog.find(70_000).is_none() && catalog.find(70_001).is_some());
    }

    #[test]
    fn what_holds_a_type_without_binary_form_has_none_either() {
        let catalog = Catalog::default();
        let shell = Description { is_text: true, ..described("shell", Form::Simple) };
        catalog.learn(HashMap::from([
            (70_000, shell),
            (70_001, described("_shell", Form::Array(70_000))),
            (70_002, described("d", Form::Domain(1033))),
            (70_003, described("e", Form::Enum(vec![]))),
        ]));
        assert!([70_000, 70_001, 70_002].iter().all(|oid| catalog.find(*oid).unwrap().is_text));
        assert!(!catalog.find(70_003).unwrap().is_text);
        assert!(catalog.find(1034).unwrap().is_text);
    }

    #[test]
    fn a_type_inside_itself_comes_to_an_end() {
        let catalog = Catalog::default();
        let twice = |oid| Form::Composite(vec![("a".into(), oid), ("b".into(), oid)]);
        let mut types: HashMap<_, _> =
            (0..40).map(|at| (70_000 + at, described("t", twice(70_001 + at)))).collect();
        types.insert(80_000, described("self", twice(80_000)));
        types.insert(80_001, described("there", Form::Array(80_002)));
        types.insert(80_002, described("back", Form::Array(80_001)));
        catalog.learn(types);
        // What would take for ever to walk through ends in a type that is left unknown.
        for oid in (70_000..70_040).chain(80_000..80_003) {
            assert!(catalog.find_or_unknown(oid).parts <= MOST_PARTS, "{oid}");
        }
        assert!(catalog.find(70_039).is_some() && catalog.find(80_000).is_some());
    }
}
