//! XMP packets: the credit, and the properties of the source if they are kept.

use super::metadata::FileMetadata;
use crate::decode::{Edit, Packet, escaped};
use crate::digital_source_type::DigitalSourceType;

const BEGIN: &str = "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
const IPTC_EXTENSION: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";

const CREATOR: (&str, &str) = (DUBLIN_CORE, "creator");
const RIGHTS: (&str, &str) = (DUBLIN_CORE, "rights");
const CREDIT: (&str, &str) = (PHOTOSHOP, "Credit");
const SOURCE_TYPE: (&str, &str) = (IPTC_EXTENSION, "DigitalSourceType");

/// Properties that say something about the pixels of the source: their size, colors and orientation, thumbnails, areas
/// of the picture, and files that follow it. An empty list is all of a namespace.
const OF_THE_PIXELS: [(&str, &[&str]); 17] = [
    (
        "http://ns.adobe.com/tiff/1.0/",
        &[
            "Orientation",
            "ImageWidth",
            "ImageLength",
            "XResolution",
            "YResolution",
            "ResolutionUnit",
            "BitsPerSample",
            "Compression",
            "PhotometricInterpretation",
            "SamplesPerPixel",
            "PlanarConfiguration",
            "YCbCrSubSampling",
            "YCbCrPositioning",
            "YCbCrCoefficients",
            "TransferFunction",
            "WhitePoint",
            "PrimaryChromaticities",
            "ReferenceBlackWhite",
            "NativeDigest",
        ],
    ),
    (
        "http://ns.adobe.com/exif/1.0/",
        &[
            "PixelXDimension",
            "PixelYDimension",
            "ColorSpace",
            "ComponentsConfiguration",
            "CompressedBitsPerPixel",
            "SubjectArea",
            "SubjectLocation",
            "Gamma",
            "NativeDigest",
        ],
    ),
    ("http://ns.adobe.com/xap/1.0/", &["Thumbnails"]),
    (
        "http://ns.adobe.com/camera-raw-settings/1.0/",
        &[
            "HasCrop",
            "CropTop",
            "CropLeft",
            "CropBottom",
            "CropRight",
            "CropAngle",
            "CropWidth",
            "CropHeight",
            "CropUnit",
            "CropUnits",
            "CropConstrainToWarp",
            "CropConstrainToUnitSquare",
        ],
    ),
    (PHOTOSHOP, &["ICCProfile", "ColorMode"]),
    (DUBLIN_CORE, &["format"]),
    (IPTC_EXTENSION, &["ImageRegion"]),
    ("http://www.metadataworkinggroup.com/schemas/regions/", &[]),
    ("http://ns.microsoft.com/photo/1.2/", &["RegionInfo"]),
    ("http://ns.adobe.com/xmp/note/", &[]),
    ("http://ns.adobe.com/hdr-gain-map/1.0/", &[]),
    ("http://ns.apple.com/HDRGainMap/1.0/", &[]),
    ("http://ns.google.com/photos/1.0/camera/", &[]),
    ("http://ns.google.com/photos/1.0/container/", &[]),
    ("http://ns.google.com/photos/1.0/depthmap/", &[]),
    ("http://ns.google.com/photos/1.0/image/", &[]),
    ("http://ns.google.com/photos/1.0/panorama/", &[]),
];

/// A packet within a limit, if there is something to say, and the names of what did not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FittedXmp {
    pub(super) packet: Option<Vec<u8>>,
    pub(super) left_out: Vec<String>,
}

impl FileMetadata {
    /// A packet; `None` if there is nothing to say.
    pub(super) fn xmp(&self) -> Option<Vec<u8>> {
        self.xmp_within(usize::MAX).packet
    }

    /// The same in at most `max_bytes` bytes, which hold the credit. The longest properties of the source are left out
    /// until the rest fits.
    pub(super) fn xmp_within(&self, max_bytes: usize) -> FittedXmp {
        let source = self.all.as_ref().and_then(|all| all.xmp.as_deref());
        let Some(packet) = source.and_then(Packet::parse) else {
            return FittedXmp { packet: self.credit_packet(), left_out: Vec::new() };
        };
        let whole = self.changed(&packet, &[]);
        if whole.len() <= max_bytes {
            return FittedXmp { packet: Some(whole), left_out: Vec::new() };
        }
        let longest = longest_properties(&packet, whole.len() - max_bytes);
        let names = longest.iter().map(|(_, name)| format!("the property {name}")).collect();
        let ranges: Vec<_> = longest.into_iter().map(|(range, _)| range).collect();
        let fitted = self.changed(&packet, &ranges);
        if fitted.len() <= max_bytes {
            return FittedXmp { packet: Some(fitted), left_out: names };
        }
        FittedXmp { packet: self.credit_packet(), left_out: vec!["all properties but the credit".to_owned()] }
    }

    /// A packet of the credit alone; `None` without one.
    fn credit_packet(&self) -> Option<Vec<u8>> {
        if !self.has_credit() && self.digital_source_type.is_none() {
            return None;
        }
        let properties = self.properties(|_| true);
        let source_type = self.digital_source_type.as_ref();
        let extension = source_type.map_or_else(String::new, |_| format!(" xmlns:Iptc4xmpExt=\"{IPTC_EXTENSION}\""));
        let packet = format!(
            "{BEGIN}<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"{RDF}\">\
             <rdf:Description rdf:about=\"\" xmlns:dc=\"{DUBLIN_CORE}\" xmlns:photoshop=\"{PHOTOSHOP}\"{extension}>\
             {properties}</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"r\"?>"
        );
        Some(packet.into_bytes())
    }

    /// The credit as properties, those that `is_written` accepts.
    fn properties(&self, is_written: impl Fn((&str, &str)) -> bool) -> String {
        let mut properties = String::new();
        let mut put = |name, before: &str, text: Option<&str>, after: &str| {
            if let Some(text) = text.filter(|_| is_written(name)) {
                properties.extend([before, &escaped(text), after]);
            }
        };
        let uri = self.digital_source_type.as_ref().map(|source_type| source_type.uri());
        put(CREATOR, "<dc:creator><rdf:Seq><rdf:li>", self.artist.as_deref(), "</rdf:li></rdf:Seq></dc:creator>");
        let (before, after) =
            ("<dc:rights><rdf:Alt><rdf:li xml:lang=\"x-default\">", "</rdf:li></rdf:Alt></dc:rights>");
        put(RIGHTS, before, self.copyright.as_deref(), after);
        put(CREDIT, "<photoshop:Credit>", self.credit.as_deref(), "</photoshop:Credit>");
        let (before, after) = ("<Iptc4xmpExt:DigitalSourceType>", "</Iptc4xmpExt:DigitalSourceType>");
        put(SOURCE_TYPE, before, uri.as_deref(), after);
        properties
    }

    /// The source's packet without what is not true of the file, without these ranges, and with the credit that it lacks.
    fn changed(&self, packet: &Packet<'_>, without: &[std::ops::Range<usize>]) -> Vec<u8> {
        let stated = packet.text_of(SOURCE_TYPE.0, SOURCE_TYPE.1).and_then(DigitalSourceType::of_uri);
        // That of a composite, for example, is another one than the source's.
        let replaces_type = self.digital_source_type.is_some() && self.digital_source_type != stated;
        let removed = packet.properties().filter(|property| {
            let name = (property.namespace, property.name);
            is_of_the_pixels(name) || (name == SOURCE_TYPE && replaces_type)
        });
        let removed = removed.map(|property| property.range).chain(without.iter().cloned());
        let mut edits: Vec<_> = removed.map(|range| Edit { range, text: String::new() }).collect();
        let has = |name: (&str, &str)| packet.properties().any(|found| (found.namespace, found.name) == name);
        let lacks = |name: (&str, &str)| if name == SOURCE_TYPE { replaces_type } else { !has(name) };
        let added = self.properties(lacks);
        if !added.is_empty() {
            // As it stands in the packet, where it may be in other quotes.
            let about = packet.about().replace('"', "&quot;");
            let text = format!(
                "<rdf:Description xmlns:rdf=\"{RDF}\" rdf:about=\"{about}\" xmlns:dc=\"{DUBLIN_CORE}\" \
                 xmlns:photoshop=\"{PHOTOSHOP}\" xmlns:Iptc4xmpExt=\"{IPTC_EXTENSION}\">{added}</rdf:Description>"
            );
            edits.push(Edit { range: packet.end()..packet.end(), text });
        }
        format!("{BEGIN}{}\n<?xpacket end=\"w\"?>", packet.edited(edits)).into_bytes()
    }
}

/// The longest kept properties, which together have at least `excess` bytes: their places and names. Credit is not among
/// them.
fn longest_properties(packet: &Packet<'_>, excess: usize) -> Vec<(std::ops::Range<usize>, String)> {
    let is_credit = |name| [CREATOR, RIGHTS, CREDIT, SOURCE_TYPE].contains(&name);
    let kept = packet.properties().map(|property| ((property.namespace, property.name), property.range));
    let mut kept: Vec<_> = kept.filter(|(name, _)| !is_credit(*name) && !is_of_the_pixels(*name)).collect();
    kept.sort_by_key(|(_, range)| std::cmp::Reverse(range.len()));
    let mut gone = 0;
    let longest = kept.into_iter().take_while(|(_, range)| {
        let is_needed = gone < excess;
        gone += range.len();
        is_needed
    });
    longest.map(|(_, range)| (range.clone(), packet.qualified_name(range.start))).collect()
}

fn is_of_the_pixels((namespace, name): (&str, &str)) -> bool {
    OF_THE_PIXELS.iter().any(|(of, names)| *of == namespace && (names.is_empty() || names.contains(&name)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cutline_core::domain::rendering::{KeepMetadata, Rendering};

    use super::*;
    use crate::photo::ImageMetadata;
    use crate::source_metadata::SourceMetadata;

    const SOURCE: &str = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
        xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="uuid:1"
        xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
        xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
        xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" tiff:Orientation="6" xmp:Rating="5" crs:CropTop="0.1"><xmp:Thumbnails>
        <rdf:Alt><rdf:li>AAAA</rdf:li></rdf:Alt></xmp:Thumbnails><dc:rights><rdf:Alt><rdf:li xml:lang="x-default">mine</rdf:li>
        </rdf:Alt></dc:rights><e:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture</e:DigitalSourceType>
        </rdf:Description></rdf:RDF></x:xmpmeta>"#;

    fn keeping(xmp: &str, name: &str) -> FileMetadata {
        let source_type = DigitalSourceType::of_uri(&format!("http://cv.iptc.org/newscodes/digitalsourcetype/{name}"));
        let metadata = ImageMetadata {
            artist: Some("Ann & Bob".to_owned()),
            copyright: Some("mine".to_owned()),
            digital_source_type: source_type,
            all: Some(Arc::new(SourceMetadata { xmp: Some(xmp.to_owned()), ..SourceMetadata::default() })),
            ..ImageMetadata::default()
        };
        let rendering = Rendering { keep_metadata: Some(KeepMetadata::All), ..Rendering::default() };
        FileMetadata::new(&metadata, &rendering)
    }

    #[test]
    fn keeps_properties_without_those_of_the_pixels_and_adds_missing_credit() {
        let written = keeping(SOURCE, "compositeCapture").xmp().expect("has a packet");
        let text = String::from_utf8(written).expect("is UTF-8");
        let inner = text.trim_start_matches(BEGIN);
        let packet = Packet::parse(inner).expect("is parsed");
        for gone in ["Orientation", "Thumbnails", "CropTop", "digitalCapture"] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
        assert_eq!(packet.text_of("http://ns.adobe.com/xap/1.0/", "Rating"), Some("5"));
        for once in ["<dc:creator>", "<dc:rights>", "DigitalSourceType>http"] {
            assert_eq!(text.matches(once).count(), 1, "{once}: {text}");
        }
        assert!(text.contains("Ann &amp; Bob") && text.contains("compositeCapture"), "{text}");
        assert_eq!(text.matches("rdf:about=\"uuid:1\"").count(), 2, "{text}");
    }

    #[test]
    fn what_is_complete_and_true_stays_as_it_is() {
        let first = keeping(SOURCE, "digitalCapture").xmp().expect("has a packet");
        let first = String::from_utf8(first).expect("is UTF-8");
        assert_eq!(first.matches("digitalCapture").count(), 1, "{first}");
        let second = keeping(first.trim_start_matches(BEGIN), "digitalCapture").xmp().expect("has a packet");
        assert_eq!(String::from_utf8(second).expect("is UTF-8"), first);
    }

    #[test]
    fn leaves_out_the_longest_properties_and_names_them() {
        let long = format!("<dc:subject>{}</dc:subject><dc:rights>", "x".repeat(70_000));
        let source = SOURCE.replace("<dc:rights>", &long);
        let fitted = keeping(&source, "digitalCapture").xmp_within(65_502);
        assert_eq!(fitted.left_out, ["the property dc:subject"]);
        let text = String::from_utf8(fitted.packet.expect("has a packet")).expect("is UTF-8");
        assert!(text.len() < 65_502 && text.contains("xmp:Rating") && !text.contains("xxx"));
        let fitted = keeping(&source, "digitalCapture").xmp_within(900);
        assert_eq!(fitted.left_out, ["all properties but the credit"]);
        assert!(String::from_utf8(fitted.packet.expect("has a packet")).expect("is UTF-8").contains("mine"));
    }
}
