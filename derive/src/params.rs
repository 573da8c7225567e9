//! `#[derive(Params)]`.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Generics, parse_quote};

use crate::fields::{Field, Struct};

/// The implementations of `Params`, and for named fields of `NamedParams`.
pub(crate) fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let item = Struct::parse(input)?;
    let mut fields: Vec<&Field> = Vec::new();
    for field in item.fields.iter().filter(|field| field.attributes.skip.is_none()) {
        check(&item, field)?;
        fields.push(field);
    }
    check_names(&item, &fields)?;
    Ok(if item.has_names { named(&item, &fields) } else { positional(&item, &fields) })
}

fn check(item: &Struct, field: &Field) -> syn::Result<()> {
    let attributes = &field.attributes;
    if let Some(span) = attributes.json {
        let text = "a parameter is lent as it is: give the field the type `postgres_types::Json`";
        return Err(syn::Error::new(span, text));
    }
    match (&attributes.rename, attributes.flatten) {
        (Some(name), _) if !item.has_names => {
            Err(syn::Error::new_spanned(name, "a parameter that goes by position needs no name"))
        }
        (_, Some(span)) if !item.has_names => {
            Err(syn::Error::new(span, "only a struct whose fields have names can hold another"))
        }
        _ => Ok(()),
    }
}

/// Refuses a name that two fields have.
fn check_names(item: &Struct, fields: &[&Field]) -> syn::Result<()> {
    let mut names = HashSet::new();
    for field in fields.iter().filter(|field| item.has_names && field.attributes.flatten.is_none())
    {
        if !names.insert(&field.name) {
            let text = format!("there is another parameter with the name \"{}\"", field.name);
            return Err(syn::Error::new(field.span, text));
        }
    }
    Ok(())
}

/// For a struct whose fields have names.
fn named(item: &Struct, fields: &[&Field]) -> TokenStream {
    let (krate, ident) = (&item.krate, &item.ident);
    let (mut visits, mut values, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for field in fields {
        let (member, r#type, name) = (&field.member, &field.r#type, &field.name);
        let part = quote_spanned!(field.span => <#r#type as #krate::NamedParams>);
        match (field.attributes.flatten, &field.attributes.prefix) {
            (None, _) => {
                visits.push(quote!(visit(#name);));
                values.push(quote_spanned!(field.span => #name =>
                    return ::core::option::Option::Some(&self.#member)));
            }
            (Some(_), None) => {
                visits.push(quote!(#part::for_each_name(&self.#member, visit);));
                parts.push(quote!(#part::value(&self.#member, name)));
            }
            (Some(_), Some(prefix)) => {
                visits.push(quote! {
                    #part::for_each_name(&self.#member, &mut |name| {
                        visit(&::std::format!("{}{}", #prefix, name));
                    });
                });
                parts.push(quote! {
                    name.strip_prefix(#prefix).and_then(|name| #part::value(&self.#member, name))
                });
            }
        }
    }
    let generics = generics(item, fields);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = item.generics.split_for_impl();
    let none = quote!(::core::option::Option::None);
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::NamedParams for #ident #type_generics #where_clause {
            fn for_each_name(&self, visit: &mut dyn ::core::ops::FnMut(&str)) {
                #(#visits)*
            }

            fn value(
                &self,
                name: &str,
            ) -> ::core::option::Option<&dyn #krate::postgres_types::ToSql> {
                match name {
                    #(#values,)*
                    _ => {}
                }
                #none #(.or_else(|| #parts))*
            }
        }

        #[automatically_derived]
        impl #impl_generics #krate::Params for #ident #type_generics #where_clause {
            fn count(&self) -> usize {
                0
            }

            fn at(&self, _: usize) -> ::core::option::Option<&dyn #krate::postgres_types::ToSql> {
                #none
            }

            fn named(&self) -> ::core::option::Option<&dyn #krate::NamedParams> {
                ::core::option::Option::Some(self)
            }
        }
    }
}

/// For a tuple struct, and one without fields.
fn positional(item: &Struct, fields: &[&Field]) -> TokenStream {
    let (krate, ident, count) = (&item.krate, &item.ident, fields.len());
    let values = fields.iter().enumerate().map(|(index, field)| {
        let member = &field.member;
        quote_spanned!(field.span => #index => ::core::option::Option::Some(&self.#member))
    });
    let generics = generics(item, fields);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = item.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::Params for #ident #type_generics #where_clause {
            fn count(&self) -> usize {
                #count
            }

            fn at(
                &self,
                index: usize,
            ) -> ::core::option::Option<&dyn #krate::postgres_types::ToSql> {
                match index {
                    #(#values,)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    }
}

/// The generics with what must hold of the types that depend on a parameter of the struct.
fn generics(item: &Struct, fields: &[&Field]) -> Generics {
    let (mut generics, krate) = (item.generics.clone(), &item.krate);
    let depends = |field: &&&Field| item.depends_on_parameter(&field.r#type);
    for field in fields.iter().filter(depends) {
        let r#type = &field.r#type;
        let bound = if field.attributes.flatten.is_some() {
            quote!(#krate::NamedParams)
        } else {
            quote!(#krate::postgres_types::ToSql + ::core::marker::Send + ::core::marker::Sync)
        };
        generics.make_where_clause().predicates.push(parse_quote!(#r#type: #bound));
    }
    // What is skipped is sent along all the same.
    for parameter in item.generics.type_params() {
        let ident = &parameter.ident;
        let bound = parse_quote!(#ident: ::core::marker::Send + ::core::marker::Sync);
        generics.make_where_clause().predicates.push(bound);
    }
    generics
}
