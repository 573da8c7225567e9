//! `Struct` and `Field`: what a derive knows of its struct.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Fields, Generics, Ident, Member, Path, Type};

use crate::attributes::{FieldAttributes, StructAttributes};

/// A struct with its attributes.
pub(crate) struct Struct {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    /// Where aiopg is found.
    pub(crate) krate: Path,
    pub(crate) fields: Vec<Field>,
    /// Whether its fields have names; a struct without fields has none.
    pub(crate) has_names: bool,
    /// Whether its fields go by position: `by_position`, or a struct whose fields have no names.
    pub(crate) is_positional: bool,
}

/// A field with its attributes.
pub(crate) struct Field {
    pub(crate) member: Member,
    pub(crate) r#type: Type,
    pub(crate) span: Span,
    /// Its name in SQL.
    pub(crate) name: String,
    pub(crate) attributes: FieldAttributes,
    /// All that stands at it, for attributes of one derive alone.
    pub(crate) all_attributes: Vec<Attribute>,
}

impl Struct {
    pub(crate) fn parse(input: DeriveInput) -> syn::Result<Self> {
        let attributes = StructAttributes::parse(&input.attrs)?;
        let Data::Struct(data) = input.data else {
            return Err(syn::Error::new(input.ident.span(), "only a struct can have this derive"));
        };
        let unnamed = matches!(data.fields, Fields::Unnamed(_));
        let has_names = matches!(data.fields, Fields::Named(_));
        if let Some(span) = attributes.by_position.filter(|_| unnamed) {
            return Err(syn::Error::new(span, "fields without names go by position anyway"));
        }
        let members: Vec<_> = data.fields.members().collect();
        let fields = data.fields.into_iter().zip(members);
        let fields = fields
            .map(|(field, member)| Field::parse(field, member, &attributes))
            .collect::<syn::Result<_>>()?;
        Ok(Self {
            ident: input.ident,
            generics: input.generics,
            krate: attributes.krate,
            fields,
            has_names,
            is_positional: unnamed || attributes.by_position.is_some(),
        })
    }

    /// The struct's name, for errors.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// Whether a type depends on a type parameter of the struct, so that what is asked of it must be said.
    pub(crate) fn depends_on_parameter(&self, r#type: &Type) -> bool {
        mentions(r#type.to_token_stream(), &|ident| {
            self.generics.type_params().any(|parameter| parameter.ident == *ident)
        })
    }
}

impl Field {
    fn parse(field: syn::Field, member: Member, of_struct: &StructAttributes) -> syn::Result<Self> {
        let span = field.ident.as_ref().map_or_else(|| field.ty.span(), Ident::span);
        let attributes = FieldAttributes::parse(&field.attrs)?;
        let bare = display(&member);
        let name = match (&attributes.rename, of_struct.rename_all) {
            (Some(name), _) => name.value(),
            (None, Some(rule)) => rule.apply(&bare),
            (None, None) => bare,
        };
        Ok(Self { member, r#type: field.ty, span, name, attributes, all_attributes: field.attrs })
    }

    /// The field's name in Rust, for errors.
    pub(crate) fn label(&self) -> String {
        display(&self.member)
    }

    /// Whether its type is an `Option`, by its name.
    pub(crate) fn is_option(&self) -> bool {
        let Type::Path(path) = &self.r#type else { return false };
        path.path.segments.last().is_some_and(|segment| segment.ident == "Option")
    }
}

fn display(member: &Member) -> String {
    match member {
        Member::Named(ident) => ident.unraw().to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

fn mentions(tokens: TokenStream, wanted: &dyn Fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => wanted(&ident),
        TokenTree::Group(group) => mentions(group.stream(), wanted),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
