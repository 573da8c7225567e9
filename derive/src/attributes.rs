//! `#[aiopg(...)]` on a struct and on its fields, the same for every derive.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitInt, LitStr, Path, Type, parse_quote};

use crate::names::Rule;

/// What stands at a struct.
pub(crate) struct StructAttributes {
    /// Where aiopg is found.
    pub(crate) krate: Path,
    pub(crate) rename_all: Option<Rule>,
    pub(crate) by_position: Option<Span>,
}

/// What stands at a field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) rename: Option<LitStr>,
    pub(crate) position: Option<LitInt>,
    pub(crate) prefix: Option<LitStr>,
    pub(crate) try_from: Option<Type>,
    pub(crate) default: Option<Span>,
    pub(crate) flatten: Option<Span>,
    pub(crate) json: Option<Span>,
    pub(crate) skip: Option<Span>,
}

impl StructAttributes {
    pub(crate) fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let (mut krate, mut rename_all, mut by_position) = (None, None, None);
        each(attributes, "aiopg", |meta, name| match name {
            "crate" => once(meta, name, &mut krate, value::<LitStr>(meta)?.parse()?),
            "rename_all" => once(meta, name, &mut rename_all, Rule::parse(&value(meta)?)?),
            "by_position" => flag(meta, name, &mut by_position),
            _ => Err(meta.error("a struct can have `crate`, `rename_all` and `by_position`")),
        })?;
        let krate = krate.unwrap_or_else(|| parse_quote!(::aiopg));
        Ok(Self { krate, rename_all, by_position })
    }
}

impl FieldAttributes {
    pub(crate) fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut this = Self::default();
        each(attributes, "aiopg", |meta, name| {
            match name {
            "rename" => once(meta, name, &mut this.rename, value(meta)?),
            "position" => once(meta, name, &mut this.position, value(meta)?),
            "prefix" => once(meta, name, &mut this.prefix, value(meta)?),
            "try_from" => once(meta, name, &mut this.try_from, value::<LitStr>(meta)?.parse()?),
            "default" => flag(meta, name, &mut this.default),
            "flatten" => flag(meta, name, &mut this.flatten),
            "json" => flag(meta, name, &mut this.json),
            "skip" => flag(meta, name, &mut this.skip),
            _ => Err(meta.error(
                "a field can have `rename`, `position`, `default`, `flatten`, `prefix`, `json`, `try_from` and `skip`",
            )),
        }
        })?;
        this.check()?;
        Ok(this)
    }

    /// Refuses what cannot hold at once.
    fn check(&self) -> syn::Result<()> {
        let rename = self.rename.as_ref().map(LitStr::span);
        let position = self.position.as_ref().map(LitInt::span);
        let prefix = self.prefix.as_ref().map(LitStr::span);
        let try_from = self.try_from.as_ref().map(syn::spanned::Spanned::span);
        let refused = [
            ("skip", self.skip, "rename", rename),
            ("skip", self.skip, "position", position),
            ("skip", self.skip, "default", self.default),
            ("skip", self.skip, "flatten", self.flatten),
            ("skip", self.skip, "json", self.json),
            ("skip", self.skip, "try_from", try_from),
            ("flatten", self.flatten, "rename", rename),
            ("flatten", self.flatten, "position", position),
            ("flatten", self.flatten, "default", self.default),
            ("flatten", self.flatten, "json", self.json),
            ("flatten", self.flatten, "try_from", try_from),
            ("position", position, "rename", rename),
            ("json", self.json, "try_from", try_from),
        ];
        for (one, first, other, second) in refused {
            if let (Some(_), Some(span)) = (first, second) {
                let text = format!("`{other}` cannot stand beside `{one}`");
                return Err(syn::Error::new(span, text));
            }
        }
        match (prefix, self.flatten) {
            (Some(span), None) => Err(syn::Error::new(span, "`prefix` belongs to `flatten`")),
            _ => Ok(()),
        }
    }
}

/// Calls `handle` for each item of each `#[wanted(...)]`.
pub(crate) fn each(
    attributes: &[Attribute],
    wanted: &str,
    mut handle: impl FnMut(&ParseNestedMeta<'_>, &str) -> syn::Result<()>,
) -> syn::Result<()> {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(wanted)) {
        attribute.parse_nested_meta(|meta| {
            let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            handle(&meta, &name)
        })?;
    }
    Ok(())
}

pub(crate) fn value<T: syn::parse::Parse>(meta: &ParseNestedMeta<'_>) -> syn::Result<T> {
    meta.value()?.parse()
}

pub(crate) fn flag(
    meta: &ParseNestedMeta<'_>,
    name: &str,
    flag: &mut Option<Span>,
) -> syn::Result<()> {
    let span = syn::spanned::Spanned::span(&meta.path);
    once(meta, name, flag, span)
}

pub(crate) fn once<T>(
    meta: &ParseNestedMeta<'_>,
    name: &str,
    place: &mut Option<T>,
    value: T,
) -> syn::Result<()> {
    match place.replace(value) {
        Some(_) => Err(meta.error(format!("`{name}` is given twice"))),
        None => Ok(()),
    }
}
