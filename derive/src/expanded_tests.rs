//! What the derives refuse, and where.

use proc_macro2::TokenStream;
use syn::DeriveInput;

type Expand = fn(DeriveInput) -> syn::Result<TokenStream>;

const FROM_ROW: Expand = crate::from_row::expand;
const PARAMS: Expand = crate::params::expand;
const TABLE: Expand = crate::table::expand;
const ENUM_TYPE: Expand = crate::enum_type::expand;

/// Expects the error `text`, which points at `place` in `item`.
#[track_caller]
fn refused(expand: Expand, item: &str, place: &str, text: &str) {
    let input = syn::parse_str(item).unwrap();
    let error = expand(input).expect_err(item);
    assert_eq!(error.span().source_text().as_deref(), Some(place), "{item}: {error}");
    assert!(error.to_string().contains(text), "{item}: {error}");
}

#[test]
fn an_unknown_attribute_is_refused_where_it_stands() {
    let item = "struct A { #[aiopg(renam = \"x\")] a: i32 }";
    refused(FROM_ROW, item, "renam", "a field can have `rename`,");
    refused(PARAMS, item, "renam", "a field can have `rename`,");
    refused(FROM_ROW, "#[aiopg(skip)] struct A;", "skip", "a struct can have `crate`,");
}

#[test]
fn a_value_of_the_wrong_kind_is_refused() {
    refused(FROM_ROW, "struct A { #[aiopg(rename = 1)] a: i32 }", "1", "expected string literal");
    let item = "struct A(#[aiopg(position = \"1\")] i32);";
    refused(FROM_ROW, item, "\"1\"", "expected integer literal");
    let item = "struct A { #[aiopg(position = 300000000000000000000)] a: i32 }";
    refused(FROM_ROW, item, "300000000000000000000", "too large");
    let item = "#[aiopg(rename_all = \"Snake\")] struct A { a: i32 }";
    refused(FROM_ROW, item, "\"Snake\"", "expected one of \"lowercase\"");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let cases = [
        ("#[aiopg(skip, json)] a: i32", "json", "`json` cannot stand beside `skip`"),
        ("#[aiopg(skip)] #[aiopg(default)] a: i32", "default", "beside `skip`"),
        ("#[aiopg(flatten, rename = \"b\")] a: B", "\"b\"", "beside `flatten`"),
        ("#[aiopg(position = 1, rename = \"b\")] a: B", "\"b\"", "beside `position`"),
        ("#[aiopg(json, try_from = \"i32\")] a: B", "\"i32\"", "beside `json`"),
        ("#[aiopg(prefix = \"b_\")] a: B", "\"b_\"", "`prefix` belongs to `flatten`"),
        ("#[aiopg(skip, skip)] a: B", "skip", "`skip` is given twice"),
    ];
    for (field, place, text) in cases {
        refused(FROM_ROW, &format!("struct A {{ {field} }}"), place, text);
    }
}

#[test]
fn positions_are_given_to_all_fields_or_to_none() {
    let item = "struct A(#[aiopg(position = 1)] i32, i64);";
    refused(FROM_ROW, item, "i64", "this one needs one too");
    let item = "#[aiopg(by_position)] struct A { #[aiopg(rename = \"b\")] a: i32 }";
    refused(FROM_ROW, item, "\"b\"", "needs no name");
    refused(FROM_ROW, "#[aiopg(by_position)] struct A(i32);", "by_position", "anyway");
}

#[test]
fn only_structs_of_at_most_one_lifetime_are_rows() {
    refused(FROM_ROW, "enum Colour { Red }", "Colour", "only a struct");
    refused(PARAMS, "enum Colour { Red }", "Colour", "only a struct");
    let item = "struct A<'a, 'b> { a: &'a str, b: &'b str }";
    refused(FROM_ROW, item, "'b", "there can be no second");
}

#[test]
fn parameters_have_names_of_their_own() {
    let item = "struct A { a: i32, #[aiopg(rename = \"a\")] b: i32 }";
    refused(PARAMS, item, "b", "there is another parameter with the name \"a\"");
    let item = "struct A { #[aiopg(json)] a: B }";
    refused(PARAMS, item, "json", "`postgres_types::Json`");
    refused(PARAMS, "struct A(#[aiopg(rename = \"a\")] i32);", "\"a\"", "needs no name");
    refused(PARAMS, "struct A(#[aiopg(flatten)] B);", "flatten", "whose fields have names");
}

#[test]
fn a_table_has_columns_of_one_name_and_one_default() {
    let item = "#[table(nam = \"x\")] struct A { a: i32 }";
    refused(TABLE, item, "nam", "a table can have `name` and `schema`");
    refused(TABLE, "struct A { #[column(nul)] a: i32 }", "nul", "a column can have `name`,");
    let item = "struct A { #[column(default = 1, default_sql = \"1\")] a: i32 }";
    refused(TABLE, item, "default_sql = \"1\"", "`default` is given twice");
    let item = "struct A { #[column(identity, server_default = \"1\")] a: i32 }";
    refused(TABLE, item, "\"1\"", "`server_default` cannot stand beside `identity`");
    let item = "struct A { a: i32, #[column(name = \"a\")] b: i32 }";
    refused(TABLE, item, "b", "another column with the name \"a\"");
    let item = "struct A { a: i32, #[aiopg(rename = \"a\")] #[column(name = \"b\")] b: i32 }";
    refused(TABLE, item, "b", "another column with the name \"a\"");
    let item = "struct A { #[column(name = \"b\")] a: i32, #[column(name = \"a\")] b: i32 }";
    refused(TABLE, item, "a", "\"a\" is the name of another column");
    let item = "struct A { #[column(serial, type = \"int8\")] a: i64 }";
    refused(TABLE, item, "serial", "`serial` cannot stand beside `type`");
    refused(TABLE, "struct A { #[aiopg(flatten)] a: B }", "flatten", "a column is one field");
    refused(TABLE, "struct A { #[aiopg(json)] #[column(with = f)] a: B }", "f", "beside `json`");
}

#[test]
fn a_table_is_a_struct_with_names_and_without_parameters() {
    refused(TABLE, "struct A(i32);", "A", "fields with names");
    refused(TABLE, "enum A { B }", "A", "only a struct");
    refused(TABLE, "struct A<T> { a: T }", "T", "no such parameter");
    let long = "x".repeat(64);
    let item = format!("struct A {{ #[column(name = \"{long}\")] a: i32 }}");
    refused(TABLE, &item, "a", "PostgreSQL keeps 63 bytes");
    refused(TABLE, &format!("struct {long} {{ a: i32 }}"), &long, "PostgreSQL keeps 63 bytes");
    refused(TABLE, "#[table(name = \"\")] struct A { a: i32 }", "\"\"", "cannot be empty");
}

#[test]
fn an_enum_type_has_labels_and_nothing_else() {
    refused(ENUM_TYPE, "struct A;", "A", "only an enum");
    refused(ENUM_TYPE, "enum A<T> { B(T) }", "T", "no parameters");
    refused(ENUM_TYPE, "enum A { B(i32) }", "(i32)", "a label holds no fields");
    refused(ENUM_TYPE, "enum A { #[aiopg(label = \"b\")] B }", "label", "can have `rename`");
    let item = "enum A { B, #[aiopg(rename = \"B\")] C }";
    refused(ENUM_TYPE, item, "C", "another variant with the label \"B\"");
    let long = format!("enum A {{ #[aiopg(rename = \"{}\")] B }}", "ü".repeat(32));
    refused(ENUM_TYPE, &long, "B", "PostgreSQL keeps 63 bytes");
    let long = "x".repeat(64);
    refused(ENUM_TYPE, &format!("enum {long} {{ B }}"), &long, "PostgreSQL keeps 63 bytes");
}
