//! A look at the bytes of an ONNX file before its parser sees them: whether each part ends within the one that it is in,
//! and nothing is nested without end. The parser takes lengths at their word.
//!
//! What is looked at is the encoding of Protocol Buffers (<https://protobuf.dev/programming-guides/encoding/>), and of
//! the messages those that the parser reads.

use crate::error::Error;

/// The messages that hold others.
#[derive(Debug, Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    /// One that holds no others.
    Leaf,
}

/// What a part is.
enum Part {
    /// Bytes, text or packed numbers.
    Plain,
    Message(Message),
    /// A graph in a graph, or a type of sequences: no network of the family has one.
    Nested,
}

impl Message {
    fn part(self, field: u64) -> Part {
        match (self, field) {
            (Self::Model, 7) => Part::Message(Self::Graph),
            (Self::Graph, 1) => Part::Message(Self::Node),
            (Self::Graph, 11..=13) => Part::Message(Self::ValueInfo),
            (Self::Node, 5) => Part::Message(Self::Attribute),
            (Self::ValueInfo, 2) => Part::Message(Self::Type),
            (Self::Type, 1) => Part::Message(Self::TensorType),
            (Self::TensorType, 2) => Part::Message(Self::Shape),
            (Self::Model, 8 | 14) | (Self::Graph, 5) | (Self::Attribute, 5) | (Self::Shape, 1) => {
                Part::Message(Self::Leaf)
            }
            (Self::Attribute, 6 | 10 | 11) | (Self::Type, 4..=9) => Part::Nested,
            _ => Part::Plain,
        }
    }
}

/// Looks at a whole file.
///
/// # Errors
/// [`Error::Damaged`] if a part ends beyond the one that it is in; [`Error::Unsupported`] if there is a graph in a graph.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Error> {
    message(bytes, Message::Model)
}

fn message(mut bytes: &[u8], kind: Message) -> Result<(), Error> {
    let damaged = || Error::damaged("it is no ONNX file, or was cut off");
    while !bytes.is_empty() {
        let tag = number(&mut bytes).ok_or_else(damaged)?;
        let fixed = match tag & 7 {
            0 => {
                number(&mut bytes).ok_or_else(damaged)?;
                0
            }
            1 => 8,
            2 => {
                let length = number(&mut bytes).ok_or_else(damaged)?;
                let length = usize::try_from(length).map_err(|_| damaged())?;
                let part = bytes.get(..length).ok_or_else(damaged)?;
                match kind.part(tag >> 3) {
                    Part::Plain => {}
                    Part::Message(kind) => message(part, kind)?,
                    Part::Nested => return Err(Error::unsupported("a graph in a graph")),
                }
                length
            }
            5 => 4,
            _ => return Err(damaged()),
        };
        bytes = bytes.get(fixed..).ok_or_else(damaged)?;
    }
    Ok(())
}

/// A number of up to 64 bits, seven in each byte, the lowest first.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for place in 0..10 {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7F).checked_shl(7 * place)?;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_hang_or_exhaust_the_parser_is_refused() {
        // A length that leads back to where it stands.
        let back = [0x7A, 0xF5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
        // A name of 2^40 bytes.
        let long = [0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
        for bytes in [&back[..], &long, &[0x0B], &[0x3A, 0x05, 0x0A], &[0xFF; 12]] {
            assert!(matches!(check(bytes), Err(Error::Damaged(_))), "{bytes:?}");
        }
        // A graph in an attribute of a node of a graph.
        let nested = [0x3A, 6, 0x0A, 4, 0x2A, 2, 0x32, 0];
        assert!(matches!(check(&nested), Err(Error::Unsupported(_))));
        assert!(check(&[]).is_ok());
    }
}
