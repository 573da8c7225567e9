//! `#[derive(FromRecord)]`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, GenericParam, LifetimeParam, parse_quote};

use crate::fields::{Field, Struct};
use crate::from_row::row_lifetime;

/// The implementations of `FromRecord` and `FromSql` for a struct.
pub(crate) fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let item = Struct::parse(input)?;
    let krate = &item.krate;
    let row = row_lifetime(&item)?;
    item.fields.iter().try_for_each(check)?;
    let read: Vec<_> = item.fields.iter().filter(|field| field.attributes.skip.is_none()).collect();

    let mut generics = item.generics.clone();
    if item.generics.lifetimes().next().is_none() {
        generics.params.insert(0, GenericParam::Lifetime(LifetimeParam::new(row.clone())));
    }
    for field in read.iter().filter(|field| item.depends_on_parameter(&field.r#type)) {
        let r#type = &field.r#type;
        let bound = parse_quote!(#r#type: #krate::postgres_types::FromSql<#row>);
        generics.make_where_clause().predicates.push(bound);
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = item.generics.split_for_impl();

    let (ident, count) = (&item.ident, read.len());
    let accepted = read.iter().enumerate().map(|(index, field)| accepts(&item, field, index));
    let fits = if item.is_positional { quote!(fields.len() == #count) } else { quote!(true) };
    let mut next = 0;
    let values = item.fields.iter().map(|field| {
        let value = value(&item, field, next);
        next += usize::from(field.attributes.skip.is_none());
        value
    });
    let must_fit = if item.is_positional { quote!(true) } else { quote!(record.is_anonymous()) };
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::FromRecord<#row> for #ident #type_generics #where_clause {
            fn accepts_fields(fields: &[#krate::postgres_types::Field]) -> bool {
                let _ = fields;
                #fits #(&& #accepted)*
            }

            fn from_record(
                record: &mut #krate::types::Fields<#row, '_>,
            ) -> ::core::result::Result<Self, #krate::Error> {
                if #must_fit {
                    record.expect_len(#count)?;
                }
                ::core::result::Result::Ok(Self { #(#values,)* })
            }
        }

        #[automatically_derived]
        impl #impl_generics #krate::postgres_types::FromSql<#row> for #ident #type_generics
        #where_clause
        {
            fn from_sql(
                r#type: &#krate::postgres_types::Type,
                raw: &#row [u8],
            ) -> ::core::result::Result<
                Self,
                ::std::boxed::Box<
                    dyn ::std::error::Error + ::core::marker::Sync + ::core::marker::Send,
                >,
            > {
                ::core::result::Result::Ok(#krate::types::read_record(r#type, raw)?)
            }

            fn accepts(r#type: &#krate::postgres_types::Type) -> bool {
                #krate::types::accepts_record::<Self>(r#type)
            }
        }
    })
}

/// What only a row has.
fn check(field: &Field) -> syn::Result<()> {
    let attributes = &field.attributes;
    let spans: [(&str, Option<Span>); 6] = [
        ("default", attributes.default),
        ("flatten", attributes.flatten),
        ("json", attributes.json),
        ("position", attributes.position.as_ref().map(syn::LitInt::span)),
        ("prefix", attributes.prefix.as_ref().map(syn::LitStr::span)),
        ("try_from", attributes.try_from.as_ref().map(syn::spanned::Spanned::span)),
    ];
    match spans.into_iter().find_map(|(name, span)| Some((name, span?))) {
        Some((name, span)) => {
            Err(syn::Error::new(span, format!("`{name}` is for rows: a record has it not")))
        }
        None => Ok(()),
    }
}

/// Whether a field finds its own in a composite type.
fn accepts(item: &Struct, field: &Field, index: usize) -> TokenStream {
    let (krate, r#type, name) = (&item.krate, &field.r#type, &field.name);
    let accepts = quote_spanned!(field.span=> #krate::types::accepts_field::<#r#type>);
    if item.is_positional {
        return quote!(fields.get(#index).is_some_and(#accepts));
    }
    quote!(fields.iter().any(|field| field.name() == #name && #accepts(field)))
}

fn value(item: &Struct, field: &Field, index: usize) -> TokenStream {
    let (member, r#type, name) = (&field.member, &field.r#type, &field.name);
    if field.attributes.skip.is_some() {
        return quote!(#member: ::core::default::Default::default());
    }
    let position = if item.is_positional {
        quote!(#index)
    } else {
        quote!(record.position(#name)?.unwrap_or(#index))
    };
    quote_spanned! {field.span=> #member: {
        let position = #position;
        record.field::<#r#type>(position)?
    }}
}
