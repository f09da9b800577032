//! From a file's bytes to the text of a document: gzip, and encodings other than UTF-8.

use std::borrow::Cow;
use std::io::{ErrorKind, Read};

use flate2::read::GzDecoder;

use super::document::MAX_BYTES;
use super::kind::KIND;
use super::refusal::Refusal;
use crate::error::Error;

/// Where the encoding of a document is declared, in bytes.
const DECLARATION: usize = 200;

/// The text of a document, decompressed within the longest length of a document.
pub(super) fn read(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    if bytes.starts_with(&[0x1F, 0x8B]) {
        return Ok(Cow::Owned(decode(&decompress(bytes)?)?.into_owned()));
    }
    decode(bytes)
}

fn decompress(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    GzDecoder::new(bytes).take(MAX_BYTES as u64 + 1).read_to_end(&mut text).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => Error::truncated(KIND).caused_by(error),
        _ => Error::undecodable(KIND, error),
    })?;
    if text.len() > MAX_BYTES { Err(Refusal::TooLong.into_error()) } else { Ok(text) }
}

/// Decodes a text by its mark, by its first letter, or by its declaration (XML 1.0, appendix F).
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    match bytes {
        [0xFF, 0xFE, text @ ..] | text @ [b'<', 0, ..] => utf_16(text, u16::from_le_bytes).map(Cow::Owned),
        [0xFE, 0xFF, text @ ..] | text @ [0, b'<', ..] => utf_16(text, u16::from_be_bytes).map(Cow::Owned),
        text => match std::str::from_utf8(text) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(_) if declares_latin_1(text) => Ok(Cow::Owned(text.iter().map(|byte| char::from(*byte)).collect())),
            Err(error) => Err(unknown_encoding().caused_by(error)),
        },
    }
}

fn utf_16(text: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Error> {
    let units = text.as_chunks::<2>().0.iter().map(|bytes| unit(*bytes));
    char::decode_utf16(units).collect::<Result<_, _>>().map_err(|error| unknown_encoding().caused_by(error))
}

fn declares_latin_1(text: &[u8]) -> bool {
    let declaration = text[..text.len().min(DECLARATION)].to_ascii_lowercase();
    let end = declaration.windows(2).position(|pair| pair == b"?>").unwrap_or(0);
    [b"iso-8859-1".as_slice(), b"latin1", b"windows-1252", b"us-ascii"]
        .iter()
        .any(|name| declaration[..end].windows(name.len()).any(|word| word == *name))
}

fn unknown_encoding() -> Error {
    Error::unsupported(KIND, "an encoding other than UTF-8, UTF-16 or Latin-1", "save it in UTF-8")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).and_then(|()| encoder.finish()).expect("writes to memory")
    }

    #[test]
    fn reads_gzip_and_every_encoding() {
        let text = "<svg a='ä'/>";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for file in [
            text.as_bytes(),
            &little,
            &big,
            &[&[0xFF, 0xFE], little.as_slice()].concat(),
            &[&[0xFE, 0xFF], big.as_slice()].concat(),
            &gzip(text.as_bytes()),
            &gzip(&big),
        ] {
            assert_eq!(read(file).expect("is read"), text);
        }
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><svg a='\xE4'/>";
        assert!(read(latin).expect("is read").contains('ä'));
        assert!(matches!(read(b"<svg a='\xE4'/>"), Err(Error::UnsupportedFeature { .. })));
    }

    #[test]
    fn decompression_is_bounded_and_notices_a_cut() {
        let bomb = gzip(&vec![b' '; MAX_BYTES + 1]);
        assert!(matches!(read(&bomb), Err(Error::UnsupportedFeature { .. })));
        let whole = gzip(b"<svg/>");
        assert!(matches!(read(&whole[..whole.len() - 9]), Err(Error::Truncated { .. })));
    }
}
