//! The fields of POST /api/v1/upload: one descriptor each, from which the schemas of both encodings derive. Tests send the
//! examples, the choices and the limits to the parser.

use cutline_core::domain::crop::CropChoice;
use cutline_core::domain::fidelity::{ColorSpace, Depth};
use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::lane::Lane;
use cutline_core::domain::limits::{
    MAX_EXTERNAL_ID_CHARS, MAX_HINT_POINTS, MAX_HINTS, MAX_KEEP_POINTS, MAX_METADATA_MEMBERS, MAX_OUTPUT_NAME_CHARS,
    MAX_SIDE, MAX_URL_BYTES,
};
use cutline_core::domain::rendering::{Dpi, ExistingClippingPath, KeepMetadata, Quality};
use cutline_core::domain::subject::{HintKind, Holes, KeepChoice, MaskSource};
use cutline_core::{Channels, DeliveryMode, Mode, RequestedFormat};
use serde_json::{Map, Value, json};

use super::values::SCHEMAS;
use crate::field::FILE;

/// A field.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) description: &'static str,
    /// A valid value, as JSON. Empty for a file.
    pub(super) example: &'static str,
}

/// The values of a field.
pub(super) enum Kind {
    /// Bytes, in a form only.
    File,
    Url {
        max_bytes: usize,
    },
    /// The key of a direct upload.
    FileKey,
    /// An optional address, of https only.
    WebhookUrl {
        max_bytes: usize,
    },
    Text {
        max_chars: usize,
    },
    Choice {
        names: fn() -> Vec<&'static str>,
        /// The value without the field, unless it depends on other fields.
        default: Option<&'static str>,
    },
    Whole {
        min: u16,
        max: u16,
    },
    Number {
        min: f64,
        max: f64,
    },
    Flag,
    /// One, two or four lengths around the subject.
    Margin,
    /// A box in the photo.
    Box,
    /// A name, or points in the photo. A form has the points as JSON text.
    Points {
        max_points: usize,
    },
    /// Clicks and strokes. A form has them as JSON text.
    Hints {
        max_hints: usize,
    },
    /// A parameter set or its name. A form has the set as JSON text.
    ParameterSet,
    /// A word or an object. A form has the object as JSON text.
    ReviewRule,
    /// An object of strings. A form has it as JSON text.
    Strings {
        max_members: usize,
    },
}

/// Every field.
pub(super) fn all() -> [Field; 35] {
    [
        Field {
            name: "file_url",
            kind: Kind::Url { max_bytes: MAX_URL_BYTES },
            description: "The address of the photo, http or https. Required without `file` and `file_key`.",
            example: r#""https://example.com/cup.jpg""#,
        },
        Field {
            name: "file",
            kind: Kind::File,
            description: "The photo, at most 50 MB, together with a mask. Required without `file_url` and `file_key`, and not together with them.",
            example: "",
        },
        Field {
            name: "file_key",
            kind: Kind::FileKey,
            description: "The key of a photo that was uploaded directly. Required without `file_url` and `file`, and not \
                          together with them.",
            example: r#""019cdc54-2673-7c32-b9e5-6e1d36cc9e8a""#,
        },
        Field {
            name: "mode",
            kind: Kind::Choice { names: || Mode::ALL.map(Mode::as_str).into(), default: Some(Mode::Clipping.as_str()) },
            description: "The pictures to make: `background` cuts the subject out with soft edges, `clipping` with hard \
                          edges along a path, `params` makes the pictures of a parameter set.",
            example: r#""background""#,
        },
        Field {
            name: "params",
            kind: Kind::ParameterSet,
            description: "The parameter set: its name, or the set itself. Required with `mode=params`.",
            example: r#""amazon-main""#,
        },
        Field {
            name: "delivery_mode",
            kind: Kind::Choice {
                names: || DeliveryMode::ALL.map(DeliveryMode::as_str).into(),
                default: Some(DeliveryMode::Url.as_str()),
            },
            description: "How the status links the pictures: all of them in `final_urls`, or one in `final_url`.",
            example: r#""final_url""#,
        },
        Field {
            name: "output_format",
            kind: Kind::Choice { names: || RequestedFormat::spellings().collect(), default: None },
            description: "The format of the pictures; `original`, with `mode=clipping`, returns the photo itself with the \
                          clipping path inserted: a JPEG, TIFF, PSD or PSB of which no pixel changes. By default that \
                          of the parameter set, else `png`.",
            example: r#""webp""#,
        },
        Field {
            name: "channels",
            kind: Kind::Choice {
                names: || Channels::ALL.map(Channels::as_str).into(),
                default: Some(Channels::Rgba.as_str()),
            },
            description: "What is written: colors and alpha, or only alpha as gray.",
            example: r#""alpha""#,
        },
        Field {
            name: "quality",
            kind: Kind::Whole { min: Quality::MIN as u16, max: Quality::MAX as u16 },
            description: "The quality of JPEG and lossy WebP. Other formats ignore it.",
            example: "80",
        },
        Field {
            name: "lossless",
            kind: Kind::Flag,
            description: "Whether WebP keeps the colors without loss. Other formats ignore it.",
            example: "true",
        },
        Field {
            name: "dpi",
            kind: Kind::Whole { min: Dpi::MIN, max: Dpi::MAX },
            description: "Dots per inch. By default the photo's, else 300.",
            example: "300",
        },
        Field {
            name: "path_name",
            kind: Kind::Text { max_chars: 63 },
            description: "The name of the clipping path in PSD, TIFF and JPEG, without control characters.",
            example: r#""Cutline Path""#,
        },
        Field {
            name: "path_flatness",
            kind: Kind::Number { min: 0.2, max: 100.0 },
            description: "How far a printing device may deviate from the clipping path's curves, in its pixels. By \
                          default the device chooses.",
            example: "0.5",
        },
        Field {
            name: "path_inset",
            kind: Kind::Number { min: 0.0, max: 2.0 },
            description: "How far the clipping path lies inside the outline, in pixels of the picture.",
            example: "1.5",
        },
        Field {
            name: "existing_clipping_path",
            kind: Kind::Choice {
                names: || ExistingClippingPath::ALL.map(ExistingClippingPath::as_str).into(),
                default: Some(ExistingClippingPath::Keep.as_str()),
            },
            description: "With `output_format=original`, a clipping path that the photo brings along: `keep` leaves it, \
                          and adds the new one as a named path; `replace` makes the new one the clipping path.",
            example: r#""replace""#,
        },
        Field {
            name: "crop",
            kind: Kind::Choice { names: || CropChoice::ALL.map(CropChoice::as_str).into(), default: None },
            description: "`subject` crops the pictures to the subject and its `crop_margin`; the status has `crop_box`. \
                          Pictures on which a parameter set places the subject stay as they are. By default what the \
                          parameter set says, else `none`.",
            example: r#""subject""#,
        },
        Field {
            name: "crop_margin",
            kind: Kind::Margin,
            description: "Only with `crop=subject`: the room around the subject, as far as the photo reaches. One length \
                          for all sides; two: upper and lower side, others; or four: upper, right, lower, left. A length \
                          is pixels (`30` or `30px`) or a percentage of the subject's height or width. By default 0.",
            example: r#""5%""#,
        },
        Field {
            name: "keep_metadata",
            kind: Kind::Choice { names: || KeepMetadata::ALL.map(KeepMetadata::as_str).into(), default: None },
            description: "How much of the photo's metadata the pictures keep. `credit`: creator, copyright, credit line and \
                          IPTC's digital source type. `all`: all of Exif, XMP and IPTC, also location and serial \
                          numbers, except orientation, thumbnails and what else describes the photo's pixels. \
                          `none`: nothing. By default what the parameter set says, else `credit`. With \
                          `output_format=original` only `all`, which is what it keeps.",
            example: r#""all""#,
        },
        Field {
            name: "depth",
            kind: Kind::Choice { names: || Depth::ALL.map(Depth::as_str).into(), default: None },
            description: "The bits of a channel in png, tiff and psd: `8`, `16`, or `keep` for 16 if the photo has more than \
                          8. Other formats have 8, and a warning says so. By default what the parameter set says, else `8`. \
                          With this field or `color`, the status has `pixel_check`.",
            example: r#""keep""#,
        },
        Field {
            name: "color",
            kind: Kind::Choice { names: || ColorSpace::ALL.map(ColorSpace::as_str).into(), default: None },
            description: "`srgb` converts the colors to sRGB; `keep` leaves them as the photo has them and embeds its \
                          profile. The inks of a CMYK photo are kept in tiff and psd, in the variations `background` and \
                          `clipping`; other pictures of it are a 422. By default what the parameter set says, else `srgb`.",
            example: r#""keep""#,
        },
        Field {
            name: "roi",
            kind: Kind::Box,
            description: "The part of the photo that counts, as `x1 y1 x2 y2`: outside is background. In pixels of the \
                          upright photo, or percentages. By default that of the parameter set, else the whole photo.",
            example: r#""10% 10% 90% 90%""#,
        },
        Field {
            name: "keep",
            kind: Kind::Points { max_points: MAX_KEEP_POINTS },
            description: "The objects to keep: `all`, the `main` one, or those at these points, one point for each. By \
                          default that of the parameter set, else `all`.",
            example: r#"[[640, 480], ["25%", "60%"]]"#,
        },
        Field {
            name: "hints",
            kind: Kind::Hints { max_hints: MAX_HINTS },
            description: "Clicks and strokes that add a region to the subject (`keep`) or take it away (`remove`), in \
                          their order. `radius` sets the size of the region. At most 2,000 points together.",
            example: r#"[{"kind": "remove", "points": [[812, 140]], "radius": 60}]"#,
        },
        Field {
            name: "holes",
            kind: Kind::Choice { names: || Holes::ALL.map(Holes::as_str).into(), default: None },
            description: "Regions that the subject encloses: `auto` leaves them to the networks, `open` makes those with \
                          the backdrop's color background, `keep` makes all of them subject. By default that of the \
                          parameter set, else `auto`.",
            example: r#""open""#,
        },
        Field {
            name: "mask_source",
            kind: Kind::Choice { names: || MaskSource::ALL.map(MaskSource::as_str).into(), default: None },
            description: "What the photo is cut by: `auto` lets the networks choose the subject, `alpha` keeps all that is \
                          opaque in the photo, `path` cuts along its clipping path, or else its first named path, and \
                          `file` cuts by the mask in `mask`, `mask_url` or `mask_key`. With the last three, no network \
                          runs, and the settings above have no effect. By default `file` with a mask, else that of the \
                          parameter set, else `auto`.",
            example: r#""alpha""#,
        },
        Field {
            name: "mask",
            kind: Kind::File,
            description: "A mask of the upright photo's size: white is kept, black is cut away. A picture with transparency \
                          counts by that. Any kind that a photo may have, except SVG, of at most 10 MB.",
            example: "",
        },
        Field {
            name: "mask_url",
            kind: Kind::Url { max_bytes: MAX_URL_BYTES },
            description: "The address of a mask, http or https, in place of `mask`.",
            example: r#""https://example.com/cup-mask.png""#,
        },
        Field {
            name: "mask_key",
            kind: Kind::FileKey,
            description: "The key of a mask that was uploaded directly, in place of `mask`.",
            example: r#""019cdc54-2673-7c32-b9e5-6e1d36cc9e8a""#,
        },
        Field {
            name: "lane",
            kind: Kind::Choice { names: || Lane::ALL.map(Lane::as_str).into(), default: Some(Lane::Live.as_str()) },
            description: "`bulk` for jobs that nobody waits for, such as a back-fill: they go after the live ones.",
            example: r#""bulk""#,
        },
        Field {
            name: "external_id",
            kind: Kind::Text { max_chars: MAX_EXTERNAL_ID_CHARS },
            description: "Your own id of the job, without control characters. Several jobs may have the same.",
            example: r#""order-4711""#,
        },
        Field {
            name: "metadata",
            kind: Kind::Strings { max_members: MAX_METADATA_MEMBERS },
            description: "Your own strings, returned with the job: at most 2,000 bytes as JSON.",
            example: r#"{"sku": "4711"}"#,
        },
        Field {
            name: "output_name",
            kind: Kind::Text { max_chars: MAX_OUTPUT_NAME_CHARS },
            description: "The names of the files, without extension. `{external_id}`, `{job_id}`, `{variation}`, \
                          `{source_name}`, `{revision}` and `{metadata.KEY}` are replaced. By default that of the \
                          parameter set, else none.",
            example: r#""{external_id}-{variation}""#,
        },
        Field {
            name: "review",
            kind: Kind::ReviewRule,
            description: "Whether the pictures are held until a person approves them: `off`, `always`, or \
                          `{\"below\": 0.5}` for a confidence below that. By default what the parameter set says, else \
                          your account.",
            example: r#"{"below": 0.5}"#,
        },
        Field {
            name: "previews",
            kind: Kind::Flag,
            description: "Adds small pictures to `assets`: `preview` and `source_preview` (WebP, at most 2,048 pixels a side) \
                          and `thumb` (256 pixels). A job that is held for review always has them. By default what the \
                          parameter set says, else false.",
            example: "true",
        },
        Field {
            name: "webhook_url",
            kind: Kind::WebhookUrl { max_bytes: MAX_URL_BYTES },
            description: "An https address on the public internet that is called when the job ends. By default that of \
                          your account, if it has one.",
            example: r#""https://shop.example.com/hooks/cutline""#,
        },
    ]
}

impl Field {
    /// The schema of the value in a JSON body, or `None` for a file. A JSON null counts as missing.
    pub(super) fn json_schema(&self) -> Option<Value> {
        let mut schema = match &self.kind {
            Kind::File => return None,
            Kind::ParameterSet => json!({ "anyOf": [
                { "type": "string", "title": "ParameterSetName" },
                { "$ref": format!("{SCHEMAS}ParameterSet") },
                { "type": "null" },
            ] }),
            Kind::ReviewRule => json!({ "anyOf": [
                { "type": "string", "title": "ReviewWord", "enum": ["off", "always"] },
                {
                    "type": "object",
                    "title": "ReviewBelow",
                    "required": ["below"],
                    "properties": { "below": { "$ref": format!("{SCHEMAS}Confidence") } },
                    "additionalProperties": false,
                },
                { "type": "null" },
            ] }),
            Kind::Strings { max_members } => json!({
                "type": ["object", "null"],
                "additionalProperties": { "type": "string" },
                "maxProperties": max_members,
            }),
            Kind::Points { max_points } => json!({ "anyOf": [
                { "type": "string", "enum": KeepChoice::ALL.map(KeepChoice::as_str) },
                { "type": "array", "maxItems": max_points, "items": point() },
                { "type": "null" },
            ] }),
            Kind::Hints { max_hints } => {
                json!({ "type": ["array", "null"], "maxItems": max_hints, "items": hint() })
            }
            Kind::Margin => json!({ "anyOf": [
                { "type": "number", "minimum": 0, "maximum": MAX_SIDE },
                self.scalar(),
                { "type": "null" },
            ] }),
            Kind::Choice { names, .. } => {
                let names: Vec<_> = names().into_iter().map(Value::from).chain([Value::Null]).collect();
                json!({ "type": ["string", "null"], "enum": names })
            }
            _ => {
                let mut schema = self.scalar();
                schema["type"] = json!([schema["type"], "null"]);
                schema
            }
        };
        self.describe(&mut schema);
        if let Some(example) = self.example_value() {
            schema["examples"] = json!([example]);
        }
        Some(schema)
    }

    /// The schema of the part in a form. It has no example, as a browser would fill in `file_url` in addition to the file.
    pub(super) fn form_schema(&self) -> Value {
        let mut schema = match &self.kind {
            Kind::File => json!({ "type": "string", "format": "binary" }),
            Kind::ParameterSet | Kind::ReviewRule => json!({ "type": "string" }),
            Kind::Strings { max_members } => json!({
                "type": "object",
                "additionalProperties": { "type": "string" },
                "maxProperties": max_members,
            }),
            Kind::Points { .. } => json!({ "type": "string" }),
            Kind::Hints { max_hints } => json!({ "type": "array", "maxItems": max_hints, "items": hint() }),
            Kind::Choice { names, .. } => json!({ "type": "string", "enum": names() }),
            _ => self.scalar(),
        };
        self.describe(&mut schema);
        schema
    }

    fn scalar(&self) -> Value {
        match &self.kind {
            Kind::Url { max_bytes } => json!({ "type": "string", "format": "uri", "maxLength": max_bytes }),
            Kind::WebhookUrl { max_bytes } => {
                json!({ "type": "string", "format": "uri", "pattern": "^https://", "maxLength": max_bytes })
            }
            Kind::FileKey => json!({ "type": "string", "format": "uuid" }),
            Kind::Text { max_chars } => json!({ "type": "string", "maxLength": max_chars }),
            Kind::Whole { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Kind::Number { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
            Kind::Flag => json!({ "type": "boolean" }),
            Kind::Box => json!({ "type": "string", "pattern": r"^[0-9.]+%?( +[0-9.]+%?){3}$" }),
            Kind::Margin => {
                let pattern = r"^[0-9.]+(px|%)?( +[0-9.]+(px|%)?|( +[0-9.]+(px|%)?){3})?$";
                json!({ "type": "string", "pattern": pattern })
            }
            Kind::File
            | Kind::Choice { .. }
            | Kind::ParameterSet
            | Kind::ReviewRule
            | Kind::Points { .. }
            | Kind::Hints { .. }
            | Kind::Strings { .. } => json!({ "type": "string" }),
        }
    }

    fn describe(&self, schema: &mut Value) {
        schema["description"] = match self.kind {
            Kind::File if self.name == FILE => {
                format!("{} Kinds: {}.", self.description, ImageKind::listed("and")).into()
            }
            // In words: generators take a field with the keyword `default` for one that every request has.
            Kind::Choice { default: Some(default), .. } => {
                format!("{} By default `{default}`.", self.description).into()
            }
            _ => self.description.into(),
        };
    }

    /// The example, unless the field is a file.
    pub(super) fn example_value(&self) -> Option<Value> {
        match self.kind {
            Kind::File => None,
            _ => Some(serde_json::from_str(self.example).unwrap_or_else(|error| panic!("{}: {error}", self.name))),
        }
    }
}

/// A point of the upright photo.
fn point() -> Value {
    json!({ "type": "array", "minItems": 2, "maxItems": 2, "items": coordinate() })
}

/// Pixels, or a percentage of the photo's width or height.
fn coordinate() -> Value {
    json!({ "anyOf": [
        { "type": "number", "minimum": 0, "maximum": MAX_SIDE },
        { "type": "string", "pattern": r"^(100|[0-9]{1,2}(\.[0-9]+)?)%$" },
    ] })
}

/// A click or a stroke.
fn hint() -> Value {
    json!({
        "type": "object",
        "required": ["kind", "points"],
        "properties": {
            "kind": { "type": "string", "enum": HintKind::ALL.map(HintKind::as_str) },
            "points": { "type": "array", "minItems": 1, "maxItems": MAX_HINT_POINTS, "items": point() },
            "radius": coordinate(),
        },
        "additionalProperties": false,
    })
}

/// A JSON body that has one of the two sources, since it cannot hold the file.
fn one_source(name: &str, other: &str) -> Value {
    json!({
        "required": [name],
        "properties": { name: { "type": "string" }, other: { "type": "null" } },
    })
}

/// `UploadJson`: the body as JSON.
pub(super) fn json_body() -> Value {
    let properties: Map<_, _> =
        all().iter().filter_map(|field| Some((field.name.to_owned(), field.json_schema()?))).collect();
    json!({
        "type": "object",
        "description": "A photo by its address, or by the key of its direct upload. To send the file of a photo or \
                        a mask itself, use multipart/form-data. Other members are ignored.",
        "properties": properties,
        "oneOf": [one_source("file_url", "file_key"), one_source("file_key", "file_url")],
    })
}

/// `UploadForm`: the body as multipart/form-data.
pub(super) fn form_body() -> Value {
    let properties: Map<_, _> = all().iter().map(|field| (field.name.to_owned(), field.form_schema())).collect();
    json!({
        "type": "object",
        "description": "A photo as `file`, by its address as `file_url`, or by the key of its direct upload as `file_key`, and \
                        likewise a mask. Other parts are ignored.",
        "properties": properties,
    })
}
