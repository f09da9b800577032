//! Decompressing strips and tiles, a row at a time.

use std::io::{self, Read};

use flate2::read::ZlibDecoder;
use ruzstd::decoding::StreamingDecoder;
use weezl::{BitOrder, LzwStatus};

use super::kind::{KIND, REMEDY};
use crate::decode::metadata::ifd::Ifd;
use crate::decode::packbits::PackBitsReader;
use crate::error::Error;

const COMPRESSION: u16 = 259;
const LZW_CODE_BITS: u8 = 8;

/// The compression of a page's strips or tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Zstd,
    /// Decoded by the `tiff` crate.
    Jpeg,
    /// CCITT's Group 4 for fax, decoded by the `tiff` crate.
    Fax,
}

impl Compression {
    /// The compression by the directory, or why it is not supported.
    pub(super) fn read(ifd: &Ifd<'_>) -> Result<Self, Error> {
        let name = match ifd.integer(COMPRESSION) {
            None | Some(1) => return Ok(Self::None),
            Some(4) => return Ok(Self::Fax),
            Some(5) => return Ok(Self::Lzw),
            Some(7) => return Ok(Self::Jpeg),
            Some(8 | 32_946) => return Ok(Self::Deflate),
            Some(32_773) => return Ok(Self::PackBits),
            Some(50_000) => return Ok(Self::Zstd),
            Some(2 | 3) => "fax Group 3",
            Some(6) => "old-style JPEG",
            Some(33_003..=33_005 | 34_712) => "JPEG 2000",
            Some(34_661) => "JBIG",
            Some(34_676 | 34_677) => "SGI Log",
            Some(34_887) => "LERC",
            Some(34_925) => "LZMA",
            Some(50_001) => "WebP",
            Some(50_002 | 52_546) => "JPEG XL",
            Some(code) => return Err(Error::unsupported(KIND, format!("compression {code}"), REMEDY)),
        };
        let remedy = "save it without compression, or with LZW, Deflate or zstd";
        Err(Error::unsupported(KIND, format!("{name} compression"), remedy))
    }

    /// Reads the decompressed bytes of a strip or tile.
    pub(super) fn reader<'a>(self, packed: &'a [u8]) -> Result<Box<dyn Read + 'a>, Error> {
        Ok(match self {
            Self::None => Box::new(packed),
            Self::PackBits => Box::new(PackBitsReader::new(packed)),
            Self::Lzw => Box::new(LzwReader::new(packed)),
            Self::Deflate => Box::new(ZlibDecoder::new(packed)),
            Self::Zstd => {
                let decoder = StreamingDecoder::new(packed);
                Box::new(decoder.map_err(|error| Error::undecodable(KIND, error.to_string()))?)
            }
            Self::Jpeg | Self::Fax => return Err(Error::unsupported(KIND, "this compression of a subfile", REMEDY)),
        })
    }
}

/// The error of a [`Compression::reader`].
pub(super) fn reader_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::truncated(KIND).caused_by(error),
        _ => Error::undecodable(KIND, error),
    }
}

struct LzwReader<'a> {
    decoder: weezl::decode::Decoder,
    packed: &'a [u8],
}

impl<'a> LzwReader<'a> {
    fn new(packed: &'a [u8]) -> Self {
        // Before TIFF 6.0, codes were stored from the lowest bit, and the code size grew later. Such data begin with a
        // clear code in other bits.
        let is_old = matches!(packed, [0, second, ..] if second & 1 == 1);
        let decoder = if is_old {
            weezl::decode::Decoder::new(BitOrder::Lsb, LZW_CODE_BITS)
        } else {
            weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, LZW_CODE_BITS)
        };
        Self { decoder, packed }
    }
}

impl Read for LzwReader<'_> {
    fn read(&mut self, unpacked: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = self.decoder.decode_bytes(self.packed, unpacked);
            self.packed = self.packed.get(result.consumed_in..).unwrap_or_default();
            let status = result.status.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            // A clear code consumes input and yields nothing.
            if result.consumed_out > 0
                || result.consumed_in == 0
                || !matches!(status, LzwStatus::Ok)
                || unpacked.is_empty()
            {
                return Ok(result.consumed_out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_that_end_early_are_truncated() {
        for compression in [Compression::None, Compression::PackBits, Compression::Lzw, Compression::Deflate] {
            let mut reader = compression.reader(&[]).expect("needs no data");
            let error = reader_error(reader.read_exact(&mut [0; 9]).expect_err("has no data"));
            assert!(matches!(error, Error::Truncated { .. }), "{compression:?}: {error:?}");
        }
        assert!(Compression::Zstd.reader(&[0x28, 0xB5, 0x2F, 0xFD]).is_err());
    }

    #[test]
    fn decompresses_lzw_row_by_row() {
        let pixels: Vec<u8> = (0..60_000_u32).map(|at| (at * at / 7) as u8).collect();
        let packed = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8).encode(&pixels);
        let packed = packed.expect("encodes");
        let mut reader = Compression::Lzw.reader(&packed).expect("needs no header");
        for row in pixels.chunks(601) {
            let mut unpacked = vec![0; row.len()];
            reader.read_exact(&mut unpacked).expect("decodes");
            assert_eq!(unpacked, row);
        }
    }
}
