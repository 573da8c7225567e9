//! `#[column(...)]` on a field of a table.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, ExprLit, ExprUnary, Ident, Lit, LitStr, Path, UnOp};

use crate::attributes::{each, flag, once, value};
use crate::fields::Field;

/// What PostgreSQL keeps of a name.
const MAX_IDENTIFIER_BYTES: usize = 63;

/// A field as a column.
pub(crate) struct Column<'a> {
    pub(crate) field: &'a Field,
    /// Its name in the database.
    pub(crate) name: String,
    attributes: Attributes,
}

#[derive(Default)]
struct Attributes {
    name: Option<LitStr>,
    r#type: Option<LitStr>,
    with: Option<Expr>,
    primary_key: Option<Span>,
    unique: Option<Span>,
    identity: Option<Span>,
    serial: Option<Span>,
    server_default: Option<LitStr>,
    default: Option<Filler>,
    on_update: Option<Filler>,
}

/// What is filled in for a column for which nothing is given.
enum Filler {
    Value(Expr),
    With(Expr),
    Sql(LitStr),
    Sequence(LitStr),
}

impl Attributes {
    fn parse(field: &Field) -> syn::Result<Self> {
        let mut this = Self::default();
        each(&field.all_attributes, "column", |meta, name| {
            let filler = |of| match name {
                "default" | "on_update" => Ok(Filler::Value(of)),
                _ => Ok::<_, syn::Error>(Filler::With(of)),
            };
            match name {
                "name" => once(meta, name, &mut this.name, value(meta)?),
                "type" => once(meta, name, &mut this.r#type, value(meta)?),
                "with" => once(meta, name, &mut this.with, value(meta)?),
                "primary_key" => flag(meta, name, &mut this.primary_key),
                "unique" => flag(meta, name, &mut this.unique),
                "identity" => flag(meta, name, &mut this.identity),
                "serial" => flag(meta, name, &mut this.serial),
                "server_default" => once(meta, name, &mut this.server_default, value(meta)?),
                "default" | "default_with" => {
                    once(meta, "default", &mut this.default, filler(value(meta)?)?)
                }
                "default_sql" => once(meta, "default", &mut this.default, Filler::Sql(value(meta)?)),
                "default_sequence" => {
                    once(meta, "default", &mut this.default, Filler::Sequence(value(meta)?))
                }
                "on_update" | "on_update_with" => {
                    once(meta, "on_update", &mut this.on_update, filler(value(meta)?)?)
                }
                "on_update_sql" => {
                    once(meta, "on_update", &mut this.on_update, Filler::Sql(value(meta)?))
                }
                _ => Err(meta.error(
                    "a column can have `name`, `type`, `with`, `primary_key`, `unique`, `identity`, `serial`, \
                     `server_default`, `default`, `default_with`, `default_sql`, `default_sequence`, `on_update`, \
                     `on_update_with` and `on_update_sql`",
                )),
            }
        })?;
        this.check(field)?;
        Ok(this)
    }

    /// Refuses what cannot hold at once: only one of these says what a new row gets.
    fn check(&self, field: &Field) -> syn::Result<()> {
        let default = self.default.as_ref().map(|_| field.span);
        let server_default = self.server_default.as_ref().map(LitStr::span);
        let sources = [
            ("identity", self.identity),
            ("serial", self.serial),
            ("server_default", server_default),
            ("default", default),
        ];
        let mut given = sources.iter().filter_map(|(name, span)| span.map(|span| (name, span)));
        if let (Some((one, _)), Some((other, span))) = (given.next(), given.next()) {
            let text = format!("`{other}` cannot stand beside `{one}`");
            return Err(syn::Error::new(span, text));
        }
        if let (Some(serial), Some(_)) = (self.serial, &self.r#type) {
            let text = "`serial` cannot stand beside `type`: it makes the type of the field, an integer, one that is \
                        numbered; `identity` can";
            return Err(syn::Error::new(serial, text));
        }
        if let (Some(with), Some(_)) = (&self.with, field.attributes.json) {
            return Err(syn::Error::new_spanned(with, "`with` cannot stand beside `json`"));
        }
        Ok(())
    }
}

impl<'a> Column<'a> {
    pub(crate) fn parse(field: &'a Field) -> syn::Result<Self> {
        if let Some(span) = field.attributes.flatten {
            let text = "a column is one field: `flatten` cannot stand in a table";
            return Err(syn::Error::new(span, text));
        }
        let attributes = Attributes::parse(field)?;
        let name = attributes.name.as_ref().map_or_else(|| field.name.clone(), LitStr::value);
        for name in [&name, &field.name] {
            check_identifier(name, field.span)?;
        }
        Ok(Self { field, name, attributes })
    }

    /// The expression that makes the column of the table.
    pub(crate) fn definition(&self, krate: &Path) -> TokenStream {
        let (name, key, attributes) = (&self.name, &self.field.name, &self.attributes);
        let column_type = self.column_type(krate);
        let nullable = self.is_nullable(krate);
        let primary_key = attributes.primary_key.map(|_| quote!(.primary_key()));
        let unique = attributes.unique.map(|_| quote!(.unique()));
        let identity = attributes.identity.map(|_| quote!(.identity()));
        let serial = attributes.serial.map(|_| quote!(.serial()));
        let server_default =
            attributes.server_default.as_ref().map(|sql| quote!(.server_default(#sql)));
        let default = attributes.default.as_ref();
        let default = default.map(|filler| self.filled(krate, filler, "default"));
        let on_update = attributes.on_update.as_ref();
        let on_update = on_update.map(|filler| self.filled(krate, filler, "on_update"));
        let column = local("column");
        quote! {{
            let #column = #krate::sea_query::TableColumn::new(#name, #column_type).key(#key)
                #primary_key #unique #identity #serial #server_default #default #on_update;
            if #nullable { #column.nullable() } else { #column }
        }}
    }

    /// The expression of the value at `place`, a reference, as it stands in a statement.
    pub(crate) fn expr(&self, krate: &Path, place: &TokenStream) -> TokenStream {
        let r#type = &self.field.r#type;
        if self.field.attributes.json.is_some() {
            let option = if self.field.is_option() {
                quote!(::core::option::Option::as_ref(#place))
            } else {
                quote!(::core::option::Option::Some(#place))
            };
            return quote_spanned!(self.field.span => #krate::sea_query::derived::json(#option));
        }
        if let Some(with) = &self.attributes.with {
            return quote!(#krate::sea_query::derived::convert::<#r#type, _>(#with, #place));
        }
        quote_spanned! {
            self.field.span => <#r#type as #krate::sea_query::ColumnValue>::to_expr(#place)
        }
    }

    fn column_type(&self, krate: &Path) -> TokenStream {
        let (derived, r#type) = (quote!(#krate::sea_query::derived), &self.field.r#type);
        if let Some(name) = &self.attributes.r#type {
            return quote!(#derived::ColumnType::custom(#name));
        }
        if self.field.attributes.json.is_some() {
            return quote!(#derived::ColumnType::JsonBinary);
        }
        if let Some(with) = &self.attributes.with {
            return quote!(#derived::converted_type::<#r#type, _>(#with));
        }
        quote_spanned! {
            self.field.span => <#r#type as #krate::sea_query::ColumnValue>::column_type()
        }
    }

    fn is_nullable(&self, krate: &Path) -> TokenStream {
        let r#type = &self.field.r#type;
        if self.field.attributes.json.is_some() {
            let is_option = self.field.is_option();
            return quote!(#is_option);
        }
        if let Some(with) = &self.attributes.with {
            let derived = quote!(#krate::sea_query::derived);
            return quote!(#derived::is_nullable_by::<#r#type, _>(#with));
        }
        quote!(<#r#type as #krate::sea_query::ColumnValue>::is_nullable())
    }

    /// A literal as a value of the field: text as it wants to hold it, and `Some` of it for an `Option`.
    fn literal(&self, value: &Expr) -> Option<TokenStream> {
        let is_text = matches!(value, Expr::Lit(ExprLit { lit: Lit::Str(_), .. }));
        let literal =
            if is_text { quote!(::core::convert::Into::into(#value)) } else { quote!(#value) };
        let some = || quote!(::core::option::Option::Some(#literal));
        is_literal(value).then(|| if self.field.is_option() { some() } else { literal.clone() })
    }

    /// The call that says what is filled in, for `default` or `on_update`.
    fn filled(&self, krate: &Path, filler: &Filler, what: &str) -> TokenStream {
        let method = |name: String| Ident::new(&name, self.field.span);
        let expr = quote!(#krate::sea_query::derived::Expr);
        let always = method(if what == "default" { "default_value".into() } else { what.into() });
        let called = method(format!("{what}_with"));
        let local = local("value");
        let (r#type, converted) = (&self.field.r#type, self.expr(krate, &quote!(&#local)));
        match filler {
            Filler::Value(value) => {
                let value = self.literal(value).unwrap_or_else(|| quote!(#value));
                quote!(.#always({ let #local: #r#type = #value; #converted }))
            }
            Filler::With(function) => {
                quote!(.#called(|| { let #local: #r#type = (#function)(); #converted }))
            }
            Filler::Sql(sql) => quote!(.#always(#expr::cust(#sql))),
            Filler::Sequence(name) => quote!(.default_sequence(#name)),
        }
    }
}

/// A variable that hides nothing which an expression of the user's names.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn is_literal(value: &Expr) -> bool {
    if let Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) = value {
        return is_literal(expr);
    }
    matches!(value, Expr::Lit(_))
}

/// Refuses a name that the server would cut off, or that no table can have.
pub(crate) fn check_identifier(name: &str, span: Span) -> syn::Result<()> {
    if name.is_empty() || name.contains('\0') {
        return Err(syn::Error::new(span, "a name in SQL cannot be empty or hold a NUL"));
    }
    if name.len() > MAX_IDENTIFIER_BYTES {
        let text = format!("PostgreSQL keeps {MAX_IDENTIFIER_BYTES} bytes of the name \"{name}\"");
        return Err(syn::Error::new(span, text));
    }
    Ok(())
}
