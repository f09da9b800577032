//! The limits that a caller can exceed, each written once. Messages, JSON Schema and documentation derive from them.

use std::fmt;

const FIFTY_MILLION: u64 = 50_000_000;

/// The largest source, in bytes: an upload, what `file_url` returns, a dropped file, a backdrop.
pub const MAX_SOURCE_BYTES: u64 = FIFTY_MILLION;

/// The largest mask, in bytes, that comes by a request. It copies a direct upload of that size at once.
pub const MAX_MASK_BYTES: u64 = 10_000_000;

/// The largest retouched file that is dropped, in bytes: a PSD of 24 megapixels with the photograph, the subject and its mask
/// has about 260 MB.
pub const MAX_RETOUCHED_BYTES: u64 = 300_000_000;

/// The most pixels of a source or a canvas.
pub const MAX_PIXELS: u64 = FIFTY_MILLION;

/// The longest side of a source, in pixels.
pub const MAX_SIDE: u32 = 65_535;

/// The longest side of a canvas, in pixels.
pub const MAX_CANVAS_SIDE: u32 = 10_000;

/// The longest parameter set, in bytes of JSON. Any text field of a request has the same limit.
pub const MAX_PARAMS_BYTES: usize = 64_000;

/// The longest URL of a source, in bytes as sent on the wire. Signed links of object stores have 500 to 2,000.
pub const MAX_URL_BYTES: usize = 4096;

/// The most parameter sets that an owner stores. Built-in sets do not count.
pub const MAX_PARAM_SETS: usize = 1_000;

/// The longest idempotency key, in characters.
pub const MAX_IDEMPOTENCY_KEY_CHARS: usize = 255;

/// The longest external id of a job, in characters.
pub const MAX_EXTERNAL_ID_CHARS: usize = 128;

/// The most members of a job's metadata.
pub const MAX_METADATA_MEMBERS: usize = 20;

/// The longest metadata of a job, in bytes of JSON without spaces.
pub const MAX_METADATA_BYTES: usize = 2_000;

/// The most open uploads of an owner: keys that no job was accepted with and that have not expired.
pub const MAX_OPEN_UPLOADS: usize = 100;

/// The most jobs that are made from one direct upload.
pub const MAX_JOBS_PER_UPLOAD: usize = 100;

/// The longest template for the names of a job's files, in characters.
pub const MAX_OUTPUT_NAME_CHARS: usize = 128;

/// The longest pattern for the names of photographs, in characters.
pub const MAX_ID_PATTERN_CHARS: usize = 256;

/// The most clicks and strokes of a request.
pub const MAX_HINTS: usize = 100;

/// The most points of all clicks and strokes of a request together.
pub const MAX_HINT_POINTS: usize = 2_000;

/// The most objects that a request keeps by their points.
pub const MAX_KEEP_POINTS: usize = 50;

/// The unit of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, shown as MB or KB where that is exact.
    Bytes,
    /// Pixels of a whole picture, shown as megapixels.
    Pixels,
    /// Pixels along one side.
    PixelsPerSide,
    /// Characters of a text.
    Characters,
    /// A number of things, which the limit's subject names.
    Count,
}

/// One limit, for documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The thing that is limited.
    pub subject: &'static str,
    /// The largest allowed value.
    pub max: u64,
    /// The unit of `max`.
    pub unit: Unit,
}

/// Every limit, in the order of the documentation.
pub const ALL: [Limit; 21] = [
    Limit { subject: "source", max: MAX_SOURCE_BYTES, unit: Unit::Bytes },
    Limit { subject: "source", max: MAX_PIXELS, unit: Unit::Pixels },
    Limit { subject: "source", max: MAX_SIDE as u64, unit: Unit::PixelsPerSide },
    Limit { subject: "mask", max: MAX_MASK_BYTES, unit: Unit::Bytes },
    Limit { subject: "retouched file", max: MAX_RETOUCHED_BYTES, unit: Unit::Bytes },
    Limit { subject: "canvas", max: MAX_PIXELS, unit: Unit::Pixels },
    Limit { subject: "canvas", max: MAX_CANVAS_SIDE as u64, unit: Unit::PixelsPerSide },
    Limit { subject: "parameter set or text field", max: MAX_PARAMS_BYTES as u64, unit: Unit::Bytes },
    Limit { subject: "URL", max: MAX_URL_BYTES as u64, unit: Unit::Bytes },
    Limit { subject: "stored parameter sets of an owner", max: MAX_PARAM_SETS as u64, unit: Unit::Count },
    Limit { subject: "`Idempotency-Key`", max: MAX_IDEMPOTENCY_KEY_CHARS as u64, unit: Unit::Characters },
    Limit { subject: "`external_id`", max: MAX_EXTERNAL_ID_CHARS as u64, unit: Unit::Characters },
    Limit { subject: "`metadata`", max: MAX_METADATA_BYTES as u64, unit: Unit::Bytes },
    Limit { subject: "members of `metadata`", max: MAX_METADATA_MEMBERS as u64, unit: Unit::Count },
    Limit { subject: "open uploads of an owner", max: MAX_OPEN_UPLOADS as u64, unit: Unit::Count },
    Limit { subject: "jobs from a direct upload", max: MAX_JOBS_PER_UPLOAD as u64, unit: Unit::Count },
    Limit { subject: "`output_name`", max: MAX_OUTPUT_NAME_CHARS as u64, unit: Unit::Characters },
    Limit { subject: "`id_pattern`", max: MAX_ID_PATTERN_CHARS as u64, unit: Unit::Characters },
    Limit { subject: "`hints`", max: MAX_HINTS as u64, unit: Unit::Count },
    Limit { subject: "points of all `hints`", max: MAX_HINT_POINTS as u64, unit: Unit::Count },
    Limit { subject: "points of `keep`", max: MAX_KEEP_POINTS as u64, unit: Unit::Count },
];

impl fmt::Display for Limit {
    /// The value with its unit, as documentation and messages show it: `50 MB`, `50 megapixels`, `10,000 pixels`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Bytes if self.max.is_multiple_of(1_000_000) => write!(f, "{} MB", self.max / 1_000_000),
            Unit::Bytes if self.max.is_multiple_of(1_000) => write!(f, "{} KB", self.max / 1_000),
            Unit::Bytes => write!(f, "{} bytes", thousands(self.max)),
            Unit::Pixels => write!(f, "{} megapixels", self.max / 1_000_000),
            Unit::PixelsPerSide => write!(f, "{} pixels", thousands(self.max)),
            Unit::Characters => write!(f, "{} characters", thousands(self.max)),
            Unit::Count => f.write_str(&thousands(self.max)),
        }
    }
}

/// A number with a comma between groups of three digits.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_as_in_the_documentation() {
        let shown: Vec<_> = ALL.iter().map(Limit::to_string).collect();
        let expected = [
            "50 MB",
            "50 megapixels",
            "65,535 pixels",
            "10 MB",
            "300 MB",
            "50 megapixels",
            "10,000 pixels",
            "64 KB",
            "4,096 bytes",
            "1,000",
            "255 characters",
            "128 characters",
            "2 KB",
            "20",
            "100",
            "100",
            "128 characters",
            "256 characters",
            "100",
            "2,000",
            "50",
        ];
        assert_eq!(shown, expected);
    }
}
