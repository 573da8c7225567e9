//! Tables: named with their columns once, then created, filled with defaults, read.

mod column_value;
mod native;
mod textual;
mod enum_type;
mod column;
mod column_iden;
mod definition;
mod row_values;
mod returned;
mod insert;
mod update;
mod table_trait;
mod derived;

pub use crate::sea_query::table::column::TableColumn;
pub use crate::sea_query::table::column_iden::ColumnIden;
pub use crate::sea_query::table::column_value::ColumnValue;
pub use crate::sea_query::table::definition::TableDef;
#[cfg(feature = "with-serde_json-1")]
pub use crate::sea_query::table::derived::json;
pub use crate::sea_query::table::derived::{
    convert, converted_type, enum_column, from_label, is_nullable_by, to_label,
};
pub use crate::sea_query::table::enum_type::EnumType;
pub use crate::sea_query::table::insert::Insert;
pub use crate::sea_query::table::row_values::RowValues;
pub use crate::sea_query::table::table_trait::Table;
pub use crate::sea_query::table::update::Update;
