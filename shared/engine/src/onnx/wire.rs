//! Checks the bytes of an ONNX file before its parser sees them: every field ends within the message that holds it, and
//! messages do not nest without end. The parser trusts lengths, so a damaged one could make it hang or exhaust memory.
//!
//! It reads the wire format of Protocol Buffers (<https://protobuf.dev/programming-guides/encoding/>) and knows which
//! fields hold the messages that the parser reads.

use crate::error::Error;

/// The messages of an ONNX file.
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
    /// A message that holds no others.
    Leaf,
}

/// The content of a field of variable length.
enum Field {
    /// Bytes, text or packed numbers.
    Scalar,
    Message(Message),
    /// A graph within a graph, or a type of sequences. No network of the family has one.
    Nested,
}

impl Message {
    fn field(self, number: u64) -> Field {
        match (self, number) {
            (Self::Model, 7) => Field::Message(Self::Graph),
            (Self::Graph, 1) => Field::Message(Self::Node),
            (Self::Graph, 11..=13) => Field::Message(Self::ValueInfo),
            (Self::Node, 5) => Field::Message(Self::Attribute),
            (Self::ValueInfo, 2) => Field::Message(Self::Type),
            (Self::Type, 1) => Field::Message(Self::TensorType),
            (Self::TensorType, 2) => Field::Message(Self::Shape),
            (Self::Model, 8 | 14) | (Self::Graph, 5) | (Self::Attribute, 5) | (Self::Shape, 1) => {
                Field::Message(Self::Leaf)
            }
            (Self::Attribute, 6 | 10 | 11) | (Self::Type, 4..=9) => Field::Nested,
            _ => Field::Scalar,
        }
    }
}

/// Checks a whole file.
///
/// # Errors
/// [`Error::Malformed`] if a field ends beyond its message; [`Error::Unsupported`] if a graph holds a graph.
pub(super) fn check(bytes: &[u8]) -> Result<(), Error> {
    check_message(bytes, Message::Model)
}

fn check_message(mut bytes: &[u8], message: Message) -> Result<(), Error> {
    let malformed = || Error::malformed("not an ONNX file, or truncated");
    while !bytes.is_empty() {
        let tag = varint(&mut bytes).ok_or_else(malformed)?;
        let length = match tag & 7 {
            0 => {
                varint(&mut bytes).ok_or_else(malformed)?;
                0
            }
            1 => 8,
            2 => {
                let length = varint(&mut bytes).ok_or_else(malformed)?;
                let length = usize::try_from(length).map_err(|_| malformed())?;
                let content = bytes.get(..length).ok_or_else(malformed)?;
                match message.field(tag >> 3) {
                    Field::Scalar => {}
                    Field::Message(message) => check_message(content, message)?,
                    Field::Nested => return Err(Error::unsupported("a graph within a graph")),
                }
                length
            }
            5 => 4,
            _ => return Err(malformed()),
        };
        bytes = bytes.get(length..).ok_or_else(malformed)?;
    }
    Ok(())
}

/// Reads a number of up to 64 bits, seven in each byte, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
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
    fn rejects_bytes_that_would_hang_or_exhaust_the_parser() {
        // A length that leads back to its own start.
        let back = [0x7A, 0xF5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
        // A name of 2^40 bytes.
        let long = [0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
        for bytes in [&back[..], &long, &[0x0B], &[0x3A, 0x05, 0x0A], &[0xFF; 12]] {
            assert!(matches!(check(bytes), Err(Error::Malformed(_))), "{bytes:?}");
        }
        // A graph in an attribute of a node of a graph.
        let nested = [0x3A, 6, 0x0A, 4, 0x2A, 2, 0x32, 0];
        assert!(matches!(check(&nested), Err(Error::Unsupported(_))));
        assert!(check(&[]).is_ok());
    }
}
