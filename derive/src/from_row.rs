//! `#[derive(FromRow)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    DeriveInput, GenericParam, Lifetime, LifetimeParam, LitStr, Type, WherePredicate, parse_quote,
};

use crate::fields::{Field, Struct};

/// The implementation of `FromRow` for a struct.
pub(crate) fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let item = Struct::parse(input)?;
    let krate = &item.krate;
    let row = row_lifetime(&item)?;
    let parts = parts(&item)?;

    let mut generics = item.generics.clone();
    if item.generics.lifetimes().next().is_none() {
        generics.params.insert(0, GenericParam::Lifetime(LifetimeParam::new(row.clone())));
    }
    let bounds = parts.iter().filter(|part| item.depends_on_parameter(&part.field.r#type));
    let bounds: Vec<_> = bounds.flat_map(|part| part.bounds(&item, &row)).collect();
    generics.make_where_clause().predicates.extend(bounds);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = item.generics.split_for_impl();

    let ident = &item.ident;
    let plan_types = parts.iter().filter_map(|part| part.plan_type(krate));
    let places = has_places(&item, &parts);
    let plans = parts.iter().filter_map(|part| part.plan(&item));
    let (mut values, mut nulls, mut next) = (Vec::new(), Vec::new(), 0);
    for part in &parts {
        let index = syn::Index::from(next);
        values.push(part.value(&item, &index));
        nulls.extend(part.null(krate, &index));
        next += usize::from(part.plan_type(krate).is_some());
    }
    let nulls = if nulls.is_empty() { quote!(false) } else { quote!(#(#nulls)&&*) };
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::FromRow<#row> for #ident #type_generics #where_clause {
            type Plan = (#(#plan_types,)*);

            fn plan(
                columns: &[#krate::Column],
            ) -> ::core::result::Result<Self::Plan, #krate::Error> {
                let _ = columns;
                #places
                ::core::result::Result::Ok((#(#plans,)*))
            }

            fn from_row(
                plan: &Self::Plan,
                row: #krate::Row<#row>,
            ) -> ::core::result::Result<Self, #krate::Error> {
                let _ = (plan, row);
                ::core::result::Result::Ok(Self { #(#values,)* })
            }

            fn is_null(plan: &Self::Plan, row: #krate::Row<#row>) -> bool {
                let _ = (plan, row);
                #nulls
            }
        }
    })
}

/// The lifetime of the row: the struct's own, if it has one.
pub(crate) fn row_lifetime(item: &Struct) -> syn::Result<Lifetime> {
    let mut lifetimes = item.generics.lifetimes();
    match (lifetimes.next(), lifetimes.next()) {
        (None, _) => Ok(parse_quote!('__row)),
        (Some(only), None) => Ok(only.lifetime.clone()),
        (Some(_), Some(second)) => {
            let text = "a row lends its values for one lifetime: there can be no second";
            Err(syn::Error::new_spanned(&second.lifetime, text))
        }
    }
}

/// A field and where its value comes from.
struct Part<'a> {
    field: &'a Field,
    source: Source<'a>,
}

enum Source<'a> {
    /// `Default`, without a column.
    Skip,
    /// A struct that reads the same columns, or those with a prefix.
    Flatten(Option<&'a LitStr>),
    Name,
    Position(usize),
}

/// Where each field's value comes from.
fn parts(item: &Struct) -> syn::Result<Vec<Part<'_>>> {
    let placed = item.fields.iter().any(|field| field.attributes.position.is_some());
    let mut parts = Vec::new();
    let mut next = 0_usize;
    for field in &item.fields {
        let attributes = &field.attributes;
        let source = if attributes.skip.is_some() {
            Source::Skip
        } else if attributes.flatten.is_some() {
            Source::Flatten(attributes.prefix.as_ref())
        } else if let Some(position) = &attributes.position {
            Source::Position(position.base10_parse()?)
        } else if !item.is_positional {
            Source::Name
        } else if let Some(name) = &attributes.rename {
            let text = "a column that is found by position needs no name";
            return Err(syn::Error::new_spanned(name, text));
        } else if placed {
            let text = "other fields have a `position`: this one needs one too";
            return Err(syn::Error::new(field.span, text));
        } else {
            next += 1;
            Source::Position(next - 1)
        };
        parts.push(Part { field, source });
    }
    Ok(parts)
}

/// The check that a result has as many columns as the fields, where these go by position and nothing else reads it.
fn has_places(item: &Struct, parts: &[Part<'_>]) -> Option<TokenStream> {
    let by_order = item.is_positional
        && parts.iter().all(|part| {
            part.field.attributes.position.is_none() && !matches!(part.source, Source::Flatten(_))
        });
    let columns: Vec<_> =
        parts.iter().filter(|part| matches!(part.source, Source::Position(_))).collect();
    // What comes after the last field that has no default may be missing.
    let needed = columns.iter().rposition(|part| part.field.attributes.default.is_none());
    let (least, most) = (needed.map_or(0, |last| last + 1), columns.len());
    let (krate, name) = (&item.krate, item.name());
    by_order.then(|| quote!(#krate::derived::has_places(#name, columns, #least, #most)?;))
}

impl Part<'_> {
    fn is_optional(&self) -> bool {
        self.field.attributes.default.is_some()
    }

    /// The type as which the column is read.
    fn read_as(&self, item: &Struct) -> Type {
        let (r#type, krate) = (&self.field.r#type, &item.krate);
        let attributes = &self.field.attributes;
        if let Some(span) = attributes.json {
            let json = quote_spanned!(span => #krate::postgres_types::Json);
            // NULL is `None`, in SQL as in JSON.
            return if self.field.is_option() {
                parse_quote!(::core::option::Option<#json<#r#type>>)
            } else {
                parse_quote!(#json<#r#type>)
            };
        }
        attributes.try_from.clone().unwrap_or_else(|| r#type.clone())
    }

    /// The type of its part of the plan.
    fn plan_type(&self, krate: &syn::Path) -> Option<TokenStream> {
        match self.source {
            Source::Skip => None,
            Source::Flatten(_) => Some(quote!(#krate::derived::Part)),
            _ if self.is_optional() => Some(quote!(::core::option::Option<usize>)),
            Source::Name | Source::Position(_) => Some(quote!(usize)),
        }
    }

    /// The expression that makes its part of the plan.
    fn plan(&self, item: &Struct) -> Option<TokenStream> {
        let (krate, described) = (&item.krate, self.described(item));
        let r#type = &self.field.r#type;
        let place = match self.source {
            Source::Skip => return None,
            Source::Flatten(Some(prefix)) => {
                return Some(quote!(#described.plan_with_prefix::<#r#type>(columns, #prefix)?));
            }
            Source::Flatten(None) => return Some(quote!(#described.plan::<#r#type>(columns)?)),
            Source::Name => {
                let name = &self.field.name;
                quote!(#krate::derived::Place::Name(#name))
            }
            Source::Position(position) => quote!(#krate::derived::Place::Position(#position)),
        };
        let read_as = self.read_as(item);
        let find = if self.is_optional() { quote!(find_or_default) } else { quote!(find) };
        Some(quote!(#described.#find::<#read_as>(columns, #place)?))
    }

    /// The field with its value, as in the expression of a struct; its plan is at `index`.
    fn value(&self, item: &Struct, index: &syn::Index) -> TokenStream {
        let (described, member, r#type) =
            (self.described(item), &self.field.member, &self.field.r#type);
        let default =
            quote_spanned!(self.field.span => <#r#type as ::core::default::Default>::default());
        match self.source {
            Source::Skip => quote!(#member: #default),
            Source::Flatten(_) => quote!(#member: #described.part::<#r#type>(&plan.#index, row)?),
            Source::Name | Source::Position(_) if self.is_optional() => {
                let read = self.read(item, &quote!(position));
                quote!(#member: match plan.#index {
                    ::core::option::Option::Some(position) => #read,
                    ::core::option::Option::None => #default,
                })
            }
            Source::Name | Source::Position(_) => {
                let read = self.read(item, &quote!(plan.#index));
                quote!(#member: #read)
            }
        }
    }

    /// The expression that reads the value at `position`.
    fn read(&self, item: &Struct, position: &TokenStream) -> TokenStream {
        let (described, read_as) = (self.described(item), self.read_as(item));
        let (r#type, attributes) = (&self.field.r#type, &self.field.attributes);
        let value = quote!(#described.value::<#read_as>(row, #position)?);
        if attributes.json.is_some() {
            let is_option = self.field.is_option();
            let inner = is_option.then(|| quote!(.and_then(|json| json.0)));
            let inner = inner.unwrap_or_else(|| quote!(.0));
            return quote!(#value #inner);
        }
        if attributes.try_from.is_some() {
            return quote!(#described.convert::<#read_as, #r#type>(row, #position, #value)?);
        }
        value
    }

    /// The expression that tells whether what it reads is NULL.
    fn null(&self, krate: &syn::Path, index: &syn::Index) -> Option<TokenStream> {
        let (field, r#type) = (quote!(#krate::derived::Field), &self.field.r#type);
        match self.source {
            Source::Skip => None,
            Source::Flatten(_) => Some(quote!(#field::part_is_null::<#r#type>(&plan.#index, row))),
            _ if self.is_optional() => {
                Some(quote!(plan.#index.is_none_or(|position| #field::is_null(row, position))))
            }
            Source::Name | Source::Position(_) => Some(quote!(#field::is_null(row, plan.#index))),
        }
    }

    /// What must hold of a type that depends on a parameter of the struct.
    fn bounds(&self, item: &Struct, row: &Lifetime) -> Vec<WherePredicate> {
        let (krate, r#type, read_as) = (&item.krate, &self.field.r#type, self.read_as(item));
        let from_sql = parse_quote!(#read_as: #krate::postgres_types::FromSql<#row>);
        let default = parse_quote!(#r#type: ::core::default::Default);
        match self.source {
            Source::Skip => vec![default],
            Source::Flatten(_) => vec![parse_quote!(#r#type: #krate::FromRow<#row>)],
            _ if self.is_optional() => vec![from_sql, default],
            Source::Name | Source::Position(_) => vec![from_sql],
        }
    }

    fn described(&self, item: &Struct) -> TokenStream {
        let (krate, owner, label) = (&item.krate, item.name(), self.field.label());
        quote!(#krate::derived::Field::new(#owner, #label))
    }
}
