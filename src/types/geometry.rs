//! Geometric types: `Point`, `Line`, `LineSegment`, `Rectangle`, `Path`, `Polygon`, `Circle`.

use std::fmt;

use bytes::{BufMut, BytesMut};
use postgres_types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use crate::error::Error;
use crate::types::codec::{CodecError, put_count};
use crate::types::float_text::FloatText;
use crate::wire::Reader;

/// A point of the plane, `point`.
///
/// # Examples
///
/// ```
/// use aiopg::types::{Circle, Point};
///
/// let circle = Circle { center: Point { x: 1.5, y: -2.0 }, radius: 3.0 };
/// assert_eq!(circle.to_string(), "<(1.5,-2),3>");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "geometry closes the set")]
pub struct Point {
    /// The abscissa.
    pub x: f64,
    /// The ordinate.
    pub y: f64,
}

/// The line `ax + by + c = 0`, `line`. The server refuses one whose `a` and `b` are both zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "geometry closes the set")]
pub struct Line {
    /// What `x` is multiplied by.
    pub a: f64,
    /// What `y` is multiplied by.
    pub b: f64,
    /// What is added.
    pub c: f64,
}

/// A piece of a line between two points, `lseg`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "geometry closes the set")]
pub struct LineSegment {
    /// Where it starts.
    pub start: Point,
    /// Where it ends.
    pub end: Point,
}

/// A rectangle along the axes, `box`, which would hide `Box` under its own name.
///
/// The server swaps coordinates until `high` is the upper right corner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "geometry closes the set")]
pub struct Rectangle {
    /// The upper right corner.
    pub high: Point,
    /// The lower left corner.
    pub low: Point,
}

/// A circle, `circle`. The server refuses a negative radius.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "geometry closes the set")]
pub struct Circle {
    /// The centre.
    pub center: Point,
    /// The radius.
    pub radius: f64,
}

/// A line through points, `path`. The server refuses one without points.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "geometry closes the set")]
pub enum Path {
    /// From the first point to the last.
    Open(Vec<Point>),
    /// Back to the first point.
    Closed(Vec<Point>),
}

impl Path {
    /// Returns the points.
    pub fn points(&self) -> &[Point] {
        match self {
            Self::Open(points) | Self::Closed(points) => points,
        }
    }
}

/// A polygon, `polygon`. The server refuses one without points.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "geometry closes the set")]
pub struct Polygon(pub Vec<Point>);

impl Point {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { x: reader.read_f64()?, y: reader.read_f64()? })
    }

    fn write(self, out: &mut BytesMut) {
        out.put_f64(self.x);
        out.put_f64(self.y);
    }
}

fn read_points(reader: &mut Reader<'_>) -> Result<Vec<Point>, Error> {
    let count = reader.read_u32()?;
    let mut points = Vec::new();
    for _ in 0..count {
        points.push(Point::read(reader)?);
    }
    Ok(points)
}

fn write_points(points: &[Point], out: &mut BytesMut) -> Result<(), CodecError> {
    put_count(out, points.len())?;
    for point in points {
        point.write(out);
    }
    Ok(())
}

macro_rules! codec {
    ($($name:ident $type:ident $text:literal: |$reader:ident| $read:expr, |$value:ident, $out:ident| $write:expr;)*) => {$(
        impl<'a> FromSql<'a> for $name {
            fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, CodecError> {
                let $reader = &mut Reader::new($text, raw);
                let value = $read;
                $reader.finish()?;
                Ok(value)
            }

            accepts!($type);
        }

        impl ToSql for $name {
            fn to_sql(&self, _: &Type, $out: &mut BytesMut) -> Result<IsNull, CodecError> {
                let $value = self;
                $write;
                Ok(IsNull::No)
            }

            accepts!($type);

            to_sql_checked!();
        }
    )*};
}

codec! {
    Point POINT "point": |reader| Point::read(reader)?, |point, out| point.write(out);
    Line LINE "line":
        |reader| Line { a: reader.read_f64()?, b: reader.read_f64()?, c: reader.read_f64()? },
        |line, out| {
            out.put_f64(line.a);
            out.put_f64(line.b);
            out.put_f64(line.c);
        };
    LineSegment LSEG "lseg":
        |reader| LineSegment { start: Point::read(reader)?, end: Point::read(reader)? },
        |segment, out| {
            segment.start.write(out);
            segment.end.write(out);
        };
    Rectangle BOX "box":
        |reader| Rectangle { high: Point::read(reader)?, low: Point::read(reader)? },
        |rectangle, out| {
            rectangle.high.write(out);
            rectangle.low.write(out);
        };
    Circle CIRCLE "circle":
        |reader| Circle { center: Point::read(reader)?, radius: reader.read_f64()? },
        |circle, out| {
            circle.center.write(out);
            out.put_f64(circle.radius);
        };
    Path PATH "path":
        |reader| match reader.read_u8()? {
            0 => Path::Open(read_points(reader)?),
            1 => Path::Closed(read_points(reader)?),
            _ => return Err(reader.invalid("it is neither open nor closed").into()),
        },
        |path, out| {
            out.put_u8(u8::from(matches!(path, Path::Closed(_))));
            write_points(path.points(), out)?;
        };
    Polygon POLYGON "polygon":
        |reader| Polygon(read_points(reader)?),
        |polygon, out| write_points(&polygon.0, out)?;
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", FloatText(self.x), FloatText(self.y))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{},{},{}}}", FloatText(self.a), FloatText(self.b), FloatText(self.c))
    }
}

impl fmt::Display for LineSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{},{}]", self.start, self.end)
    }
}

impl fmt::Display for Rectangle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.high, self.low)
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{},{}>", self.center, FloatText(self.radius))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(points) => display_points(f, "[", points, "]"),
            Self::Closed(points) => display_points(f, "(", points, ")"),
        }
    }
}

impl fmt::Display for Polygon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display_points(f, "(", &self.0, ")")
    }
}

fn display_points(
    f: &mut fmt::Formatter<'_>,
    start: &str,
    points: &[Point],
    end: &str,
) -> fmt::Result {
    f.write_str(start)?;
    for (position, point) in points.iter().enumerate() {
        f.write_str(if position > 0 { "," } else { "" })?;
        write!(f, "{point}")?;
    }
    f.write_str(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::codec::tests::{disturb, written};

    fn there_and_back<T>(value: &T, r#type: &Type, text: &str)
    where
        T: ToSql + for<'a> FromSql<'a> + PartialEq + fmt::Display + fmt::Debug,
    {
        let bytes = written(value, r#type);
        assert_eq!(&T::from_sql(r#type, &bytes).unwrap(), value);
        disturb::<T>(r#type, &bytes);
        assert_eq!(value.to_string(), text);
    }

    #[test]
    fn every_shape_round_trips() {
        let (a, b) = (Point { x: 1.0, y: -2.5 }, Point { x: f64::INFINITY, y: 1e300 });
        there_and_back(&a, &Type::POINT, "(1,-2.5)");
        there_and_back(&Line { a: 1.0, b: 0.0, c: -3.0 }, &Type::LINE, "{1,0,-3}");
        let segment = LineSegment { start: a, end: b };
        there_and_back(&segment, &Type::LSEG, "[(1,-2.5),(Infinity,1e+300)]");
        there_and_back(&Rectangle { high: b, low: a }, &Type::BOX, "(Infinity,1e+300),(1,-2.5)");
        there_and_back(&Circle { center: a, radius: 2.0 }, &Type::CIRCLE, "<(1,-2.5),2>");
        there_and_back(&Path::Open(vec![a]), &Type::PATH, "[(1,-2.5)]");
        there_and_back(&Path::Closed(vec![a, a]), &Type::PATH, "((1,-2.5),(1,-2.5))");
        there_and_back(&Polygon(vec![a, a]), &Type::POLYGON, "((1,-2.5),(1,-2.5))");
    }

    #[test]
    fn a_path_is_open_or_closed() {
        assert!(Path::from_sql(&Type::PATH, b"\x02\0\0\0\0").is_err());
        assert!(Path::from_sql(&Type::PATH, b"\x01\x7f\xff\xff\xff").is_err());
    }
}
