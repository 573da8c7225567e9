//! `#[derive(EnumType)]`.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DataEnum, DeriveInput, Fields, Ident, LitStr, Path, parse_quote};

use crate::attributes::{each, once, value};
use crate::column::check_identifier;
use crate::names::{Rule, snake};
use crate::table::optional;

/// `#[aiopg(...)]` on an enum.
struct Attributes {
    krate: Path,
    name: Option<LitStr>,
    schema: Option<LitStr>,
    rename_all: Option<Rule>,
}

impl Attributes {
    fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let (mut krate, mut name, mut schema, mut rename_all) = (None, None, None, None);
        each(attributes, "aiopg", |meta, item| match item {
            "crate" => once(meta, item, &mut krate, value::<LitStr>(meta)?.parse()?),
            "name" => once(meta, item, &mut name, value(meta)?),
            "schema" => once(meta, item, &mut schema, value(meta)?),
            "rename_all" => once(meta, item, &mut rename_all, Rule::parse(&value(meta)?)?),
            _ => Err(meta.error("an enum can have `crate`, `name`, `schema` and `rename_all`")),
        })?;
        for name in [&name, &schema].into_iter().flatten() {
            let name: &LitStr = name;
            check_identifier(&name.value(), name.span())?;
        }
        let krate = krate.unwrap_or_else(|| parse_quote!(::aiopg));
        Ok(Self { krate, name, schema, rename_all })
    }
}

/// The implementation of `EnumType`, and of what a value needs.
pub(crate) fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let attributes = Attributes::parse(&input.attrs)?;
    let Data::Enum(data) = input.data else {
        return Err(syn::Error::new(input.ident.span(), "only an enum can have this derive"));
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(syn::Error::new_spanned(parameter, "an enum of labels has no parameters"));
    }
    let labels = labels(&data, attributes.rename_all)?;
    let ident = &input.ident;
    let name = attributes.name.as_ref().map(LitStr::value);
    let name = name.unwrap_or_else(|| snake(&ident.unraw().to_string()));
    if attributes.name.is_none() {
        check_identifier(&name, ident.span())?;
    }
    let schema = attributes.schema.as_ref().map(LitStr::value);
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let krate = &attributes.krate;
    let labelled = enum_type(krate, ident, (schema.as_deref(), &name), &variants, &labels);
    let codec = codec(krate, ident);
    let value = seaquery_value(krate, ident, (schema.as_deref(), &name));
    let column = column_value(krate, ident);
    Ok(quote!(#labelled #codec #value #column))
}

/// The label of each variant.
fn labels(data: &DataEnum, rule: Option<Rule>) -> syn::Result<Vec<String>> {
    let (mut labels, mut known) = (Vec::new(), HashSet::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new_spanned(&variant.fields, "a label holds no fields"));
        }
        let mut rename: Option<LitStr> = None;
        each(&variant.attrs, "aiopg", |meta, item| match item {
            "rename" => once(meta, item, &mut rename, value(meta)?),
            _ => Err(meta.error("a variant can have `rename`")),
        })?;
        let bare = variant.ident.unraw().to_string();
        let label = match (&rename, rule) {
            (Some(label), _) => label.value(),
            (None, Some(rule)) => rule.apply(&snake(&bare)),
            (None, None) => bare,
        };
        check_identifier(&label, variant.ident.span())?;
        if !known.insert(label.clone()) {
            let text = format!("there is another variant with the label \"{label}\"");
            return Err(syn::Error::new(variant.ident.span(), text));
        }
        labels.push(label);
    }
    Ok(labels)
}

fn enum_type(
    krate: &Path,
    ident: &Ident,
    (schema, name): (Option<&str>, &str),
    variants: &[&Ident],
    labels: &[String],
) -> TokenStream {
    let schema = optional(schema);
    quote! {
        #[automatically_derived]
        impl #krate::sea_query::EnumType for #ident {
            const SCHEMA: ::core::option::Option<&'static str> = #schema;
            const NAME: &'static str = #name;
            const LABELS: &'static [&'static str] = &[#(#labels),*];

            fn label(self) -> &'static str {
                match self { #(Self::#variants => #labels,)* }
            }

            fn from_label(label: &str) -> ::core::option::Option<Self> {
                match label {
                    #(#labels => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    }
}

/// As a parameter and in rows.
fn codec(krate: &Path, ident: &Ident) -> TokenStream {
    let types = quote!(#krate::postgres_types);
    let failure = quote! {
        ::std::boxed::Box<
            dyn ::std::error::Error + ::core::marker::Sync + ::core::marker::Send,
        >
    };
    let accepts = quote! {
        fn accepts(r#type: &#types::Type) -> bool {
            ::core::matches!(r#type.kind(), #types::Kind::Enum(_))
                || <&str as #types::ToSql>::accepts(r#type)
        }
    };
    quote! {
        #[automatically_derived]
        impl #types::ToSql for #ident {
            fn to_sql(
                &self,
                r#type: &#types::Type,
                out: &mut #types::private::BytesMut,
            ) -> ::core::result::Result<#types::IsNull, #failure> {
                #krate::sea_query::derived::to_label(*self, r#type, out)
            }

            #accepts

            #types::to_sql_checked!();
        }

        #[automatically_derived]
        impl<'a> #types::FromSql<'a> for #ident {
            fn from_sql(
                _: &#types::Type,
                raw: &'a [u8],
            ) -> ::core::result::Result<Self, #failure> {
                #krate::sea_query::derived::from_label(raw)
            }

            #accepts
        }
    }
}

/// As a value of SeaQuery.
fn seaquery_value(
    krate: &Path,
    ident: &Ident,
    (schema, name): (Option<&str>, &str),
) -> TokenStream {
    let derived = quote!(#krate::sea_query::derived);
    // SeaQuery puts this between quotes as it is.
    let doubled = |name: &str| name.replace('"', "\"\"");
    let hint = match schema {
        Some(schema) => format!("{}\".\"{}", doubled(schema), doubled(name)),
        None => doubled(name),
    };
    let text = ident.unraw().to_string();
    quote! {
        #[automatically_derived]
        impl ::core::convert::From<#ident> for #derived::Value {
            fn from(value: #ident) -> Self {
                let value = #krate::sea_query::EnumType::label(value).into();
                let value = #derived::Enum { type_name: #hint.into(), value };
                Self::Enum(#derived::OptionEnum::Some(::std::boxed::Box::new(value)))
            }
        }

        #[automatically_derived]
        impl #derived::NotU8 for #ident {}

        #[automatically_derived]
        impl #derived::Nullable for #ident {
            fn null() -> #derived::Value {
                #derived::Value::Enum(#derived::OptionEnum::None(#hint.into()))
            }
        }

        #[automatically_derived]
        impl #derived::ValueType for #ident {
            fn try_from(
                value: #derived::Value,
            ) -> ::core::result::Result<Self, #derived::ValueTypeErr> {
                let label = match &value {
                    #derived::Value::Enum(#derived::OptionEnum::Some(value)) => {
                        ::core::option::Option::Some(&*value.value)
                    }
                    #derived::Value::String(::core::option::Option::Some(label)) => {
                        ::core::option::Option::Some(label.as_str())
                    }
                    _ => ::core::option::Option::None,
                };
                label
                    .and_then(<Self as #krate::sea_query::EnumType>::from_label)
                    .ok_or(#derived::ValueTypeErr)
            }

            fn type_name() -> ::std::string::String {
                ::std::string::String::from(#text)
            }

            fn array_type() -> #derived::ArrayType {
                #derived::ArrayType::Enum(::std::boxed::Box::new(#hint.into()))
            }

            fn column_type() -> #derived::ColumnType {
                <Self as #krate::sea_query::ColumnValue>::column_type()
            }

            fn enum_type_name() -> ::core::option::Option<&'static str> {
                ::core::option::Option::Some(#hint)
            }
        }
    }
}

/// As the type of a column: its values go as text and are cast, also where they are elements of arrays.
fn column_value(krate: &Path, ident: &Ident) -> TokenStream {
    let derived = quote!(#krate::sea_query::derived);
    quote! {
        #[automatically_derived]
        impl #krate::sea_query::ColumnValue for #ident {
            fn column_type() -> #derived::ColumnType {
                #derived::enum_column::<Self>()
            }

            fn array_type() -> #derived::ArrayType {
                #derived::ArrayType::String
            }

            fn null() -> #derived::Value {
                #derived::Value::String(::core::option::Option::None)
            }

            fn to_value(&self) -> #derived::Value {
                #krate::sea_query::EnumType::label(*self).into()
            }

            fn cast() -> ::core::option::Option<#derived::TypeRef> {
                ::core::option::Option::Some(<Self as #krate::sea_query::EnumType>::type_ref())
            }
        }
    }
}
