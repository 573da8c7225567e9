//! `Array`: an array with any number of dimensions and any lower bounds.

use std::fmt;

use bytes::{BufMut, BytesMut};
use postgres_types::{FromSql, IsNull, Kind, ToSql, Type, WasNull, WrongType, to_sql_checked};

use crate::error::Error;
use crate::types::codec::{CodecError, put_value};
use crate::types::plain::{MOST_DIMENSIONS, read, read_type, reads, write, writes};
use crate::types::quote_element::Element;
use crate::wire::Reader;

/// An array with any number of dimensions and any lower bounds; `Vec` reads and writes those of one dimension.
///
/// Elements that can be NULL are `Option`s.
///
/// # Examples
///
/// ```
/// use aiopg::types::Array;
///
/// let array = Array::from_rows(vec![vec![1, 2, 3], vec![4, 5, 6]])?;
/// assert_eq!(array.get(&[2, 1]), Some(&4));
/// assert_eq!(array.to_string(), "{{1,2,3},{4,5,6}}");
/// # Ok::<_, aiopg::Error>(())
/// ```
///
/// # Source
///
/// [Arrays](https://www.postgresql.org/docs/18/arrays.html)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Array<T> {
    dimensions: Vec<Dimension>,
    elements: Vec<T>,
}

/// One dimension of an [`Array`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the server knows no more")]
pub struct Dimension {
    /// How many subscripts it has.
    pub length: usize,
    /// The first subscript; 1 unless it was chosen otherwise.
    pub lower_bound: i32,
}

impl<T> Array<T> {
    /// Makes an array of the dimensions given, with the elements in the order in which the server keeps them: the
    /// last subscript varies fastest.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if there are more than 6 dimensions, if their lengths do not multiply to
    /// the number of elements, or if a subscript would not fit `int4`.
    pub fn new(dimensions: Vec<Dimension>, elements: Vec<T>) -> Result<Self, Error> {
        if dimensions.len() > MOST_DIMENSIONS {
            let text =
                format!("an array cannot have {} dimensions: 6 is the most", dimensions.len());
            return Err(Error::usage(text).unsent());
        }
        let lengths = dimensions.iter().map(|dimension| dimension.length);
        let product = lengths.fold(1_usize, usize::saturating_mul);
        let expected = if dimensions.is_empty() { 0 } else { product };
        if expected != elements.len() {
            let text = format!(
                "the dimensions of the array take {expected} elements, but {} were given",
                elements.len()
            );
            return Err(Error::usage(text).unsent());
        }
        if dimensions.iter().any(|dimension| dimension.upper_bound().is_none()) {
            return Err(Error::usage("a subscript of the array does not fit int4").unsent());
        }
        // The server keeps every array without elements without dimensions.
        let dimensions = if elements.is_empty() { Vec::new() } else { dimensions };
        Ok(Self { dimensions, elements })
    }

    /// Makes an array of two dimensions.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) if the rows are not of the same length.
    pub fn from_rows(rows: Vec<Vec<T>>) -> Result<Self, Error> {
        let (height, width) = (rows.len(), rows.first().map_or(0, Vec::len));
        if rows.iter().any(|row| row.len() != width) {
            return Err(Error::usage("the rows of an array must have the same length").unsent());
        }
        let dimensions = [height, width].map(|length| Dimension { length, lower_bound: 1 });
        let dimensions = if width == 0 { Vec::new() } else { dimensions.to_vec() };
        Self::new(dimensions, rows.into_iter().flatten().collect())
    }

    /// Returns the dimensions; there are none if there are no elements.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// Returns the elements; the last subscript varies fastest.
    pub fn elements(&self) -> &[T] {
        &self.elements
    }

    /// Returns the elements; the last subscript varies fastest.
    pub fn into_elements(self) -> Vec<T> {
        self.elements
    }

    /// Returns the element with these subscripts, which count from each dimension's lower bound as in SQL.
    pub fn get(&self, subscripts: &[i32]) -> Option<&T> {
        if subscripts.len() != self.dimensions.len() || subscripts.is_empty() {
            return None;
        }
        let mut position = 0_usize;
        for (dimension, subscript) in self.dimensions.iter().zip(subscripts) {
            let offset = i64::from(*subscript) - i64::from(dimension.lower_bound);
            let offset = usize::try_from(offset).ok().filter(|at| *at < dimension.length)?;
            position = position * dimension.length + offset;
        }
        self.elements.get(position)
    }

    /// Returns the rows of an array of two dimensions, without their lower bounds.
    ///
    /// # Errors
    ///
    /// [`Kind::Conversion`](crate::Kind::Conversion) if it has one dimension, or more than two.
    pub fn into_rows(self) -> Result<Vec<Vec<T>>, Error> {
        let width = match self.dimensions.as_slice() {
            [] => return Ok(Vec::new()),
            [_, inner] => inner.length,
            other => {
                let text = format!("an array of {} dimensions has no rows", other.len());
                return Err(Error::conversion(text));
            }
        };
        let mut elements = self.elements.into_iter();
        let mut rows = Vec::new();
        while elements.len() > 0 {
            rows.push(elements.by_ref().take(width).collect());
        }
        Ok(rows)
    }
}

impl Dimension {
    fn upper_bound(self) -> Option<i32> {
        i32::try_from(self.length).ok()?.checked_sub(1)?.checked_add(self.lower_bound)
    }

    fn is_plain(self) -> bool {
        self.lower_bound == 1
    }
}

impl<T> From<Vec<T>> for Array<T> {
    fn from(elements: Vec<T>) -> Self {
        let dimension = Dimension { length: elements.len(), lower_bound: 1 };
        let dimensions = if elements.is_empty() { Vec::new() } else { vec![dimension] };
        Self { dimensions, elements }
    }
}

impl<T> IntoIterator for Array<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.elements.into_iter()
    }
}

impl<T> Default for Array<T> {
    fn default() -> Self {
        Self { dimensions: Vec::new(), elements: Vec::new() }
    }
}

impl<T: fmt::Display> fmt::Display for Array<T> {
    /// Writes the array as the server does, with a comma between the elements.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |element, f| write!(f, "{}", Element(element)))
    }
}

impl<T: fmt::Display> Array<Option<T>> {
    /// Returns the array as the server writes it, with a comma between the elements.
    pub fn to_text(&self) -> String {
        struct Text<'a, T>(&'a Array<Option<T>>);
        impl<T: fmt::Display> fmt::Display for Text<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write(f, |element, f| match element {
                    Some(element) => write!(f, "{}", Element(element)),
                    None => f.write_str("NULL"),
                })
            }
        }
        Text(self).to_string()
    }
}

impl<T> Array<T> {
    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        element: impl Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        if self.elements.is_empty() {
            return f.write_str("{}");
        }
        if !self.dimensions.iter().all(|dimension| dimension.is_plain()) {
            for dimension in &self.dimensions {
                let upper_bound = dimension.upper_bound().unwrap_or(i32::MAX);
                write!(f, "[{}:{upper_bound}]", dimension.lower_bound)?;
            }
            f.write_str("=")?;
        }
        // How many elements each pair of braces holds, the outermost first.
        let mut held = self.elements.len();
        let mut braces = Vec::new();
        for dimension in &self.dimensions {
            braces.push(held);
            held /= dimension.length.max(1);
        }
        for (position, value) in self.elements.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            let edges = |at: usize| braces.iter().filter(|held| at.is_multiple_of(**held)).count();
            f.write_str(&"{".repeat(edges(position)))?;
            element(value, f)?;
            f.write_str(&"}".repeat(edges(position + 1)))?;
        }
        Ok(())
    }
}

impl<'a, T: FromSql<'a>> FromSql<'a> for Array<T> {
    fn from_sql(r#type: &Type, raw: &'a [u8]) -> Result<Self, CodecError> {
        let Kind::Array(member) = r#type.kind() else {
            return Err(Box::new(WrongType::new::<Self>(r#type.clone())));
        };
        let mut reader = Reader::new("array", raw);
        let dimensions = dimensions(&mut reader, member)?;
        let member =
            read_type::<T>(member).ok_or_else(|| Box::new(WrongType::new::<T>(member.clone())))?;
        let mut elements = Vec::new();
        while reader.remaining() > 0 {
            elements.push(read(&member, reader.read_value()?).map_err(without_null)?);
        }
        let product = dimensions.iter().map(|one| one.length).fold(1, usize::saturating_mul);
        if (if dimensions.is_empty() { 0 } else { product }) != elements.len() {
            return Err(reader.invalid("it has another number of elements").into());
        }
        Ok(Self::new(dimensions, elements)?)
    }

    fn accepts(r#type: &Type) -> bool {
        matches!(r#type.kind(), Kind::Array(member) if reads::<T>(member))
    }
}

/// It is an element that is NULL, and not the array.
fn without_null(error: CodecError) -> CodecError {
    if error.is::<WasNull>() {
        "an element is NULL: make the elements `Option`s".into()
    } else {
        error
    }
}

/// Reads the head of an array.
fn dimensions(reader: &mut Reader<'_>, member: &Type) -> Result<Vec<Dimension>, Error> {
    let count = usize::try_from(reader.read_i32()?).unwrap_or(usize::MAX);
    if !matches!(reader.read_i32()?, 0 | 1) {
        return Err(reader.invalid("it has unrecognized flags"));
    }
    if reader.read_u32()? != member.oid() {
        return Err(reader.invalid("its elements are of another type"));
    }
    if count > MOST_DIMENSIONS {
        return Err(reader.invalid("it has too many dimensions"));
    }
    let mut dimensions = Vec::new();
    for _ in 0..count {
        let length = reader.read_i32()?;
        let lower_bound = reader.read_i32()?;
        let Ok(length) = usize::try_from(length) else {
            return Err(reader.invalid("it has a negative length"));
        };
        dimensions.push(Dimension { length, lower_bound });
    }
    Ok(dimensions)
}

impl<T: ToSql> ToSql for Array<T> {
    fn to_sql(&self, r#type: &Type, out: &mut BytesMut) -> Result<IsNull, CodecError> {
        let Kind::Array(member) = r#type.kind() else {
            return Err(Box::new(WrongType::new::<Self>(r#type.clone())));
        };
        out.put_i32(i32::try_from(self.dimensions.len())?);
        let flags = out.len();
        out.put_i32(0);
        out.put_u32(member.oid());
        for dimension in &self.dimensions {
            out.put_i32(i32::try_from(dimension.length)?);
            out.put_i32(dimension.lower_bound);
        }
        let mut nulls = false;
        for element in &self.elements {
            put_value(out, |out| {
                let is_null = write(element, member, out)?;
                nulls |= matches!(is_null, IsNull::Yes);
                Ok(is_null)
            })?;
        }
        if nulls && let Some(flag) = out.get_mut(flags + 3) {
            *flag = 1;
        }
        Ok(IsNull::No)
    }

    fn accepts(r#type: &Type) -> bool {
        matches!(r#type.kind(), Kind::Array(member) if writes::<T>(member))
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::codec::tests::check;

    fn dimension(length: usize, lower_bound: i32) -> Dimension {
        Dimension { length, lower_bound }
    }

    #[test]
    fn arrays_round_trip_with_dimensions_bounds_and_nulls() {
        check(&Array::<i32>::default(), &Type::INT4_ARRAY, b"\0\0\0\0\0\0\0\0\0\0\0\x17");
        let bytes = b"\0\0\0\x02\0\0\0\x01\0\0\0\x17\0\0\0\x01\xff\xff\xff\xff\0\0\0\x02\0\0\0\x01\
                      \0\0\0\x04\0\0\0\x07\xff\xff\xff\xff";
        let array = Array::new(vec![dimension(1, -1), dimension(2, 1)], vec![Some(7), None]);
        let array = array.unwrap();
        check(&array, &Type::INT4_ARRAY, bytes);
        assert_eq!(array.to_text(), "[-1:-1][1:2]={{7,NULL}}");
        assert_eq!(array.get(&[-1, 2]), Some(&None));
        assert_eq!(array.get(&[0, 2]), None);
        assert!(Array::<i32>::from_sql(&Type::INT4_ARRAY, bytes).is_err());
        assert!(Vec::<Option<i32>>::from_sql(&Type::INT4_ARRAY, bytes).is_err());
        assert!(!<Array<i64> as FromSql<'_>>::accepts(&Type::INT4_ARRAY));
        assert!(Array::<i64>::from_sql(&Type::INT8_ARRAY, bytes).is_err());
    }

    #[test]
    fn rows_become_an_array_of_two_dimensions_and_back() {
        let rows = vec![vec![1, 2], vec![3, 4], vec![5, 6]];
        let array = Array::from_rows(rows.clone()).unwrap();
        assert_eq!(array.to_string(), "{{1,2},{3,4},{5,6}}");
        assert_eq!(array.get(&[3, 1]), Some(&5));
        assert_eq!(array.into_rows().unwrap(), rows);
        assert!(Array::from_rows(vec![vec![1], vec![]]).is_err());
        assert!(Array::from_rows(vec![Vec::<i32>::new()]).unwrap().elements().is_empty());
        assert!(Array::from(vec![1]).into_rows().is_err());
    }

    #[test]
    fn elements_are_quoted_where_they_must_be() {
        let array = Array::from(vec!["a", "", "null", "b c", "d\"\\", "{,}"]);
        assert_eq!(array.to_string(), r#"{a,"","null","b c","d\"\\","{,}"}"#);
    }

    #[test]
    fn dimensions_must_fit_the_elements() {
        assert!(Array::new(vec![dimension(2, 1)], vec![1]).is_err());
        assert!(Array::new(vec![], vec![1]).is_err());
        assert!(Array::new(vec![dimension(1, 1); 7], vec![1]).is_err());
        assert!(Array::new(vec![dimension(2, i32::MAX)], vec![1, 2]).is_err());
        assert!(Array::new(vec![dimension(1, i32::MAX)], vec![1]).is_ok());
        assert!(Array::new(vec![dimension(usize::MAX, 1); 2], vec![1]).is_err());
        assert!(
            Array::<i32>::new(vec![dimension(0, 1); 2], vec![]).unwrap().dimensions().is_empty()
        );
    }
}
