//! `#[derive(Table)]`.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, DeriveInput, Ident, LitStr, Visibility};

use crate::attributes::{each, once, value};
use crate::column::{Column, check_identifier};
use crate::fields::Struct;
use crate::names::snake;

/// `#[table(...)]` on a struct.
#[derive(Default)]
struct Attributes {
    name: Option<LitStr>,
    schema: Option<LitStr>,
}

impl Attributes {
    fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut this = Self::default();
        each(attributes, "table", |meta, name| match name {
            "name" => once(meta, name, &mut this.name, value(meta)?),
            "schema" => once(meta, name, &mut this.schema, value(meta)?),
            _ => Err(meta.error("a table can have `name` and `schema`")),
        })?;
        for name in [&this.name, &this.schema].into_iter().flatten() {
            check_identifier(&name.value(), name.span())?;
        }
        Ok(this)
    }
}

/// The implementations of `Table` and `RowValues`, and the names of the columns.
pub(crate) fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let attributes = Attributes::parse(&input.attrs)?;
    let visibility = input.vis.clone();
    let item = Struct::parse(input)?;
    check(&item)?;
    let fields = item.fields.iter().filter(|field| field.attributes.skip.is_none());
    let columns: Vec<_> = fields.map(Column::parse).collect::<syn::Result<_>>()?;
    check_names(&columns)?;
    let name = attributes.name.as_ref().map_or_else(|| snake(&item.name()), LitStr::value);
    if attributes.name.is_none() {
        check_identifier(&name, item.ident.span())?;
    }
    let table = table(&item, &attributes, &name, &columns);
    let values = row_values(&item, &columns);
    let names = column_names(&item, &visibility, &attributes, &name, &columns);
    Ok(quote!(#table #values #names))
}

fn check(item: &Struct) -> syn::Result<()> {
    if !item.has_names {
        let text = "a table's columns have names: its struct needs fields with names";
        return Err(syn::Error::new(item.ident.span(), text));
    }
    let mut parameters = item.generics.params.iter();
    let refused =
        |parameter: &&syn::GenericParam| !matches!(parameter, syn::GenericParam::Lifetime(_));
    match parameters.find(refused) {
        Some(parameter) => {
            let text = "a table has the same columns always: its struct can have no such parameter";
            Err(syn::Error::new_spanned(parameter, text))
        }
        None => Ok(()),
    }
}

/// Refuses a name that two columns have, in the database or in results, or one here and the other there: a column is
/// called by either.
fn check_names(columns: &[Column<'_>]) -> syn::Result<()> {
    let (mut names, mut keys) = (HashSet::new(), HashSet::new());
    for column in columns {
        let (name, key) = (&column.name, &column.field.name);
        for (known, name) in [(&mut names, name), (&mut keys, key)] {
            if !known.insert(name) {
                let text = format!("there is another column with the name \"{name}\"");
                return Err(syn::Error::new(column.field.span, text));
            }
        }
    }
    for column in columns {
        let key = &column.field.name;
        if *key != column.name && names.contains(key) {
            let text = format!(
                "\"{key}\" is the name of another column in the database: give this one another key by `rename`"
            );
            return Err(syn::Error::new(column.field.span, text));
        }
    }
    Ok(())
}

/// The implementation of `Table`.
fn table(
    item: &Struct,
    attributes: &Attributes,
    name: &str,
    columns: &[Column<'_>],
) -> TokenStream {
    let (krate, ident) = (&item.krate, &item.ident);
    let (impl_generics, type_generics, where_clause) = item.generics.split_for_impl();
    let schema = attributes.schema.as_ref().map(|schema| quote!(.schema(#schema)));
    let columns = columns.iter().map(|column| column.definition(krate));
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::sea_query::Table for #ident #type_generics #where_clause {
            fn table() -> &'static #krate::sea_query::TableDef {
                static TABLE: ::std::sync::OnceLock<#krate::sea_query::TableDef> =
                    ::std::sync::OnceLock::new();
                TABLE.get_or_init(|| {
                    #krate::sea_query::TableDef::new(#name) #schema #(.column(#columns))*
                })
            }
        }
    }
}

/// The implementation of `RowValues`.
fn row_values(item: &Struct, columns: &[Column<'_>]) -> TokenStream {
    let (krate, ident) = (&item.krate, &item.ident);
    let (impl_generics, type_generics, where_clause) = item.generics.split_for_impl();
    let derived = quote!(#krate::sea_query::derived);
    let values = columns.iter().map(|column| {
        let (name, member) = (&column.name, &column.field.member);
        let value = column.expr(krate, &quote!(&self.#member));
        quote!((#derived::DynIden::from(#name), #value))
    });
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::sea_query::RowValues for #ident #type_generics #where_clause {
            fn row_values(&self) -> ::std::vec::Vec<(#derived::DynIden, #derived::Expr)> {
                ::std::vec![#(#values),*]
            }
        }
    }
}

/// The struct that names the columns, and the function that gives it.
fn column_names(
    item: &Struct,
    visibility: &Visibility,
    attributes: &Attributes,
    table: &str,
    columns: &[Column<'_>],
) -> TokenStream {
    let (krate, ident) = (&item.krate, &item.ident);
    let (impl_generics, type_generics, where_clause) = item.generics.split_for_impl();
    let all = columns_ident(ident);
    let text = format!("The columns of the table of [`{}`].", item.name());
    let members: Vec<_> = columns.iter().map(|column| &column.field.member).collect();
    let texts = columns.iter().map(|column| format!("The column `{}`.", column.name));
    let schema = optional(attributes.schema.as_ref());
    let named = columns.iter().map(|column| {
        let (name, key) = (&column.name, &column.field.name);
        quote!(#krate::sea_query::ColumnIden::new(#schema, #table, #name).with_key(#key))
    });
    quote! {
        #[doc = #text]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #[allow(dead_code, non_snake_case, clippy::exhaustive_structs, reason = "not every column is named")]
        #visibility struct #all {
            #(#[doc = #texts] pub #members: #krate::sea_query::ColumnIden,)*
        }

        #[automatically_derived]
        impl #impl_generics #ident #type_generics #where_clause {
            /// Returns the names of the columns.
            #[allow(dead_code, reason = "not every table is named in statements")]
            #visibility const fn columns() -> #all {
                #all { #(#members: #named,)* }
            }
        }
    }
}

/// The expression of an `Option`.
pub(crate) fn optional(value: Option<impl ToTokens>) -> TokenStream {
    let none = quote!(::core::option::Option::None);
    value.map_or(none, |value| quote!(::core::option::Option::Some(#value)))
}

fn columns_ident(ident: &Ident) -> Ident {
    format_ident!("{ident}Columns")
}
