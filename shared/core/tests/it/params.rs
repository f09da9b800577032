//! Parameter set documents: reading, error messages, and the schema.

use std::path::Path;

use cutline_core::contract::samples;
use cutline_core::domain::crop::{Crop, CropMargin};
use cutline_core::domain::fidelity::{ColorSpace, Depth};
use cutline_core::domain::params::{self, Background, Canvas, Color, InvalidParams, ParamFault, ParamSet, presets};
use cutline_core::{OutputFormat, Rendering, Variation};
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) fn faults(document: Value) -> Vec<(String, String)> {
    let faults = ParamSet::read(document).expect_err("is refused").0;
    faults.into_iter().map(|fault| (fault.path, fault.message)).collect()
}

pub(crate) fn paths(document: Value) -> Vec<String> {
    faults(document).into_iter().map(|(path, _)| path).collect()
}

#[test]
fn the_documented_example_is_read() {
    let set = ParamSet::read(json!({
        "canvas": {"width": 2000, "height": 2000},
        "background": {"color": "#ffffff"},
        "margin": "7.5%",
        "align": {"x": "center", "y": "center"},
        "shadow_top": {"opacity": 0.35, "blur": "3%", "spread": "1%"},
        "shadow_wall": {"opacity": 0.3, "blur": "4%", "dx": "3%", "dy": "2%"},
        "preserve_shadow": false,
        "variations": ["background", "compose", "shadowTop", "clipping"],
        "final": "compose",
        "output": {"format": "webp", "quality": 85, "per_variation": {"clipping": {"format": "psd"}}}
    }))
    .expect("is read");
    assert_eq!(set.canvas, Some(Canvas::Size { width: 2000, height: 2000 }));
    let wanted = set.planned();
    let made = [Variation::Background, Variation::Compose, Variation::ShadowTop, Variation::Clipping];
    assert_eq!((wanted.made, wanted.ignored, wanted.final_picture), (made.into(), vec![], Some(Variation::Compose)));
    let format = |variation, asked| set.file(variation, asked, &Rendering::default()).0;
    assert_eq!(format(Variation::Compose, None), OutputFormat::Webp);
    assert_eq!(format(Variation::Clipping, None), OutputFormat::Psd);
    assert_eq!(format(Variation::Clipping, Some(OutputFormat::Png)), OutputFormat::Png, "the request takes precedence");
    let rendering = set.file(Variation::Clipping, None, &Rendering::default()).1;
    assert_eq!(rendering.quality.map(|quality| quality.get()), Some(85), "omitted settings are those of all files");
}

#[test]
fn a_set_never_returns_the_original() {
    for (output, path) in [
        (json!({"format": "original"}), "output.format"),
        (json!({"per_variation": {"clipping": {"format": "original"}}}), "output.per_variation.clipping.format"),
    ] {
        let faults = faults(json!({ "output": output }));
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].0, path);
        assert!(faults[0].1.contains("output_format=original with mode=clipping"), "{faults:?}");
    }
}

#[test]
fn the_requests_compression_takes_precedence() {
    let output = json!({"format": "webp", "lossless": true, "per_variation": {"clipping": {"lossless": false}}});
    let set = ParamSet::read(json!({"output": output})).expect("is read");
    let written = |set: &ParamSet, asked| {
        let asked = Rendering { lossless: asked, ..Rendering::default() };
        [Variation::Background, Variation::Clipping].map(|variation| set.file(variation, None, &asked).1.lossless)
    };
    assert_eq!(written(&set, None), [Some(true), Some(false)]);
    for asked in [Some(true), Some(false)] {
        assert_eq!((written(&set, asked), written(&ParamSet::empty(), asked)), ([asked; 2], [asked; 2]));
    }
    assert_eq!(written(&ParamSet::empty(), None), [None; 2]);
    // A record keeps which of the three it is. An unset value is left out, since older workers reject null there.
    for (asked, stored) in [(None, None), (Some(true), Some(json!(true))), (Some(false), Some(json!(false)))] {
        let rendering = Rendering { lossless: asked, ..Rendering::default() };
        let text = serde_json::to_value(&rendering).expect("serializes");
        assert_eq!(text.get("lossless"), stored.as_ref());
        assert_eq!(serde_json::from_value::<Rendering>(text).expect("is read again"), rendering);
    }
}

#[test]
fn makes_all_variations_unless_the_set_lists_some() {
    let wanted = ParamSet::empty().planned();
    assert_eq!(wanted.made, [Variation::Background, Variation::Clipping]);
    assert_eq!(wanted.ignored, [Variation::Compose, Variation::ShadowTop, Variation::ShadowWall]);
    assert_eq!(wanted.final_picture, Some(Variation::Clipping));
    let last = ParamSet::read(json!({"margin": "1px", "variations": ["background", "compose"]})).expect("is read");
    assert_eq!(last.planned().final_picture, Some(Variation::Compose));
    let ignored = ParamSet::read(json!({"variations": ["background", "shadowTop"], "final": "shadowTop"}));
    assert_eq!(ignored.expect("is read").planned().final_picture, Some(Variation::Background));
}

#[test]
fn reports_every_fault_by_its_path() {
    let told = faults(json!({
        "version": 2,
        "canvas": {"width": 0, "height": 10_001, "depth": 3},
        "background": {"color": "white"},
        "margin": 8,
        "fill": "0%",
        "align": {"x": "middle"},
        "enlargement": 0.5,
        "shadow_top": {"opacity": 1.5, "blur": "-1%"},
        "shadow_wall": [],
        "preserve_shadow": "yes",
        "variations": ["compose", "shadow_top", "compose"],
        "final": 7,
        "output": {"format": "bmp", "per_variation": {"clipping": {"quality": 101}, "all": {}}},
        "output_name": "{owner}",
        "mask_source": "file",
        "promise": {"max_bytes": 0, "fill": {"min": "90%", "max": "80%"}},
        "opacity": 1,
    }));
    let length = "This value must be a text such as \"8%\" or \"120px\", at most 100% or 30000px.";
    let names = "This value must be one of: background, clipping, compose, shadowTop, shadow_wall, framed.";
    let known = "There is no such setting. Known here: background, clipping, compose, shadowTop, shadow_wall, framed.";
    let expected = [
        ("version", "This value must be 1, the version that this document describes."),
        ("canvas.width", "This value must be a whole number from 1 to 10000."),
        ("canvas.height", "This value must be a whole number from 1 to 10000."),
        ("canvas.depth", "There is no such setting. Known here: width, height, aspect."),
        ("background.color", "This value must be a color such as \"#f5f5f5\"."),
        ("margin", length),
        ("fill", "This value must be a text from \"1%\" to \"100%\"."),
        ("align.x", "This value must be one of: left, center, right."),
        ("enlargement", "This value must be a number from 1 to 10."),
        ("shadow_top.opacity", "This value must be a number from 0 to 1."),
        ("shadow_top.blur", length),
        ("shadow_wall", "This value must be an object."),
        ("preserve_shadow", "This value must be true or false."),
        ("variations[1]", names),
        ("variations[2]", "This variation is in the list twice."),
        ("final", names),
        ("output.format", "This value must be one of: png, jpg, jpeg, psd, tiff, webp."),
        ("output.per_variation.clipping.quality", "This value must be a whole number from 1 to 100."),
        ("output.per_variation.all", known),
        (
            "output_name",
            "This value must have no other braces than the placeholders {external_id}, {job_id}, {variation}, {source_name}, \
             {revision}, {metadata.KEY}.",
        ),
        ("mask_source", "This value must be one of: auto, alpha, path."),
        ("promise.fill", "The min must not be above the max."),
        ("promise.max_bytes", "This value must be a whole number from 1 to 4000000000."),
    ];
    let expected: Vec<_> = expected.iter().map(|(path, message)| ((*path).to_owned(), (*message).to_owned())).collect();
    assert_eq!(told[..told.len() - 1], expected);
    let (path, message) = told.last().expect("the last one");
    assert_eq!(path, "opacity");
    assert!(message.starts_with("There is no such setting. Known here: version, canvas, "), "{message}");
}

#[test]
fn rejects_contradictions() {
    assert_eq!(paths(json!([])), [""]);
    assert_eq!(paths(json!({"canvas": {}})), ["canvas"]);
    assert_eq!(paths(json!({"canvas": {"width": 5}})), ["canvas"]);
    assert_eq!(paths(json!({"canvas": {"width": 5, "height": 5, "aspect": "1:1"}})), ["canvas"]);
    assert_eq!(paths(json!({"canvas": {"width": 10_000, "height": 5_001}})), ["canvas"]);
    assert_eq!(paths(json!({"background": {}})), ["background"]);
    assert_eq!(paths(json!({"background": {"color": "#fff", "fit": "tile"}})), ["background.fit"]);
    assert_eq!(paths(json!({"background": {"image_url": "file:///etc/passwd"}})), ["background.image_url"]);
    assert_eq!(paths(json!({"background": "clear"})), ["background"]);
    assert_eq!(paths(json!({"margin": "50%"})), ["margin"]);
    assert_eq!(paths(json!({"output_name": 7})), ["output_name"]);
    assert_eq!(paths(json!({"margin": "250px", "canvas": {"width": 500, "height": 900}})), ["margin"]);
    assert_eq!(paths(json!({"variations": []})), ["variations"]);
    assert_eq!(paths(json!({"variations": "compose"})), ["variations"]);
    assert_eq!(paths(json!({"variations": ["shadow_wall", "compose"]})), ["variations"], "no variation would be made");
    assert_eq!(paths(json!({"variations": ["compose"], "final": "clipping"})), ["final"]);
    let many: serde_json::Map<_, _> = (0..200).map(|index| (format!("x{index}"), json!(1))).collect();
    assert_eq!(paths(Value::Object(many)).len(), 50, "the first 50 faults");
}

#[test]
fn crops_with_or_without_a_margin() {
    let crop = |document: Value| ParamSet::read(document).expect("is read").cropping();
    let subject = |margin: &str| Some(Crop::Subject { margin: margin.parse().expect("a margin") });
    assert_eq!(crop(json!({"crop": null})), None);
    assert_eq!(crop(json!({"crop": "none"})), Some(Crop::Whole));
    assert_eq!(crop(json!({"crop": "subject"})), subject("0"));
    assert_eq!(crop(json!({"crop": "subject", "crop_margin": "5% 10px"})), subject("5% 10px"));
    let margin = format!("This value must be {}.", CropMargin::EXPECTED);
    let fault = |path: &str, message: &str| (path.to_owned(), message.to_owned());
    let choice = fault("crop", "This value must be one of: none, subject.");
    assert_eq!(faults(json!({"crop": "tight", "crop_margin": 5})), [choice.clone(), fault("crop_margin", &margin)]);
    assert_eq!(faults(json!({"crop": "tight", "crop_margin": "5%"})), [choice]);
    for document in [json!({"crop_margin": "5%"}), json!({"crop": "none", "crop_margin": "5%"})] {
        let alone = "This value needs crop to be subject; set that too, or leave crop_margin out.";
        assert_eq!(faults(document), [fault("crop_margin", alone)]);
    }
}

#[test]
fn output_has_a_depth_and_a_color_space_for_all_variations() {
    let output = |document: Value| ParamSet::read(json!({"output": document})).expect("is read").output;
    let read = |document| (output(document), ParamSet::empty().output);
    assert_eq!(read(json!({})).0, read(json!({})).1);
    for (sent, depth) in [
        (json!("8"), Depth::Eight),
        (json!(8), Depth::Eight),
        (json!("16"), Depth::Sixteen),
        (json!(16), Depth::Sixteen),
        (json!("keep"), Depth::Keep),
    ] {
        assert_eq!(output(json!({"depth": sent.clone()})).depth, Some(depth), "{sent}");
    }
    assert_eq!(output(json!({"color": "keep"})).color, Some(ColorSpace::Keep));
    let fault = |path: &str, message: &str| (path.to_owned(), message.to_owned());
    let of = |document: Value| faults(json!({ "output": document }));
    let depths = "This value must be one of: 8, 16, keep.";
    for bad in [json!(12), json!("32"), json!(8.5), json!(true), json!(["8"])] {
        assert_eq!(of(json!({ "depth": bad })), [fault("output.depth", depths)]);
    }
    assert_eq!(of(json!({"color": "cmyk"})), [fault("output.color", "This value must be one of: srgb, keep.")]);
    assert_eq!(of(json!({"per_variation": {"compose": {"depth": "16"}}})).len(), 1, "one depth for all files");
}

#[test]
fn reads_text_up_to_its_limit() {
    assert!(ParamSet::parse("{}").is_ok());
    let faults = |text: &str| ParamSet::parse(text).expect_err("is refused").to_string();
    assert_eq!(faults("{\n  \"margin\": }"), "This is not valid JSON: see line 2, column 13.");
    assert!(faults(&" ".repeat(cutline_core::domain::limits::MAX_PARAMS_BYTES + 1)).contains("at most 64 KB"));
    assert!(faults(&"[".repeat(10_000)).contains("not valid JSON"));
    let repeated = r##"{"margin":"1%","background":{"color":"#fff","color":"#fff"},"margin":"1%"}"##;
    let fault = "This member occurs more than once; send it once.";
    assert_eq!(faults(repeated), format!("background.color: {fault}; margin: {fault}"));
}

#[test]
fn reads_short_forms_and_writes_long_ones() {
    let set = ParamSet::read(json!({"background": "#1aF", "shadow_top": {}, "margin": null})).expect("is read");
    assert_eq!(set.background, Some(Background::Color { color: Color([0x11, 0xAA, 0xFF]) }));
    let written = json!({
        "version": 1,
        "background": {"color": "#11aaff"},
        "shadow_top": {"opacity": 0.5, "blur": "5%", "spread": "1%", "color": "#000000"},
    });
    assert_eq!(serde_json::to_value(&set).expect("serializes"), written);
    let nothing = ParamSet::read(json!({"background": "transparent"})).expect("is read");
    assert_eq!(serde_json::to_value(&nothing).expect("serializes"), json!({"version": 1, "background": "transparent"}));
}

#[test]
fn sets_round_trip_as_text() {
    let sets = presets::all().iter().map(|(_, set)| set.clone());
    for set in sets.chain([ParamSet::empty(), samples::set(), samples::long_set()]) {
        let text = serde_json::to_string(&set).expect("serializes");
        assert_eq!(serde_json::from_str::<ParamSet>(&text).expect(&text), set);
    }
}

/// The schema is checked in for people who write sets by hand. On failure, the message says how to update it.
#[test]
fn the_checked_in_schema_matches_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("params.schema.json");
    let current = format!("{:#}\n", params::schema());
    if std::env::var_os("CUTLINE_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, &current).expect("is written");
    }
    let stored = std::fs::read_to_string(&path).expect("is there");
    assert!(stored == current, "run this test with CUTLINE_WRITE_SCHEMA=1 to write {}", path.display());
}

fn documents() -> impl Strategy<Value = Value> {
    let length = prop_oneof![
        (0..=200_u32).prop_map(|n| format!("{}%", f64::from(n) / 4.1)),
        (0..=30_000_u32).prop_map(|n| format!("{n}px")),
    ];
    let canvas = prop_oneof![
        Just(Value::Null),
        (1..=7000_u32, 1..=7000_u32).prop_map(|(width, height)| json!({"width": width, "height": height})),
        (1..=20_u32, 1..=20_u32).prop_map(|(width, height)| json!({"aspect": format!("{width}:{height}")})),
    ];
    let background = prop_oneof![
        Just(json!(null)),
        Just(json!("transparent")),
        "#[0-9a-fA-F]{6}".prop_map(|color| json!({"color": color})),
        ("[a-z]{1,9}", prop_oneof!["cover", "contain", "tile"])
            .prop_map(|(name, fit)| json!({"image_url": format!("https://e.com/{name}"), "fit": fit})),
    ];
    let shadow = (0.0..=1.0_f64, length.clone()).prop_map(|(opacity, blur)| json!({"opacity": opacity, "blur": blur}));
    let shadow = prop::option::of(shadow);
    let all = ["background", "clipping", "compose", "shadowTop", "shadow_wall", "framed"];
    let variations = prop::option::of(prop::sample::subsequence(all.to_vec(), 1..=6));
    let framed = prop::option::of((length.clone(), any::<bool>()).prop_map(|(margin, whiten)| {
        json!({"margin": margin, "aspect": if whiten { Some("4:5") } else { None }, "whiten": whiten})
    }));
    let scale = prop::option::of((0.01..=10.0_f64, 1..=100_u32));
    let output = prop::option::of((1..=100_u32, 1..=9999_u32, any::<bool>()).prop_map(|(quality, dpi, lossless)| {
        let depth = ["8", "16", "keep"][dpi as usize % 3];
        json!({
            "quality": quality, "lossless": lossless, "depth": depth, "color": "keep",
            "per_variation": {"compose": {"dpi": dpi}},
        })
    }));
    (canvas, background, length, (shadow.clone(), shadow, framed, scale), any::<bool>(), variations, output).prop_map(
        |(canvas, background, margin, (top, wall, framed, scale), keeps, variations, output)| {
            let (scale, baseline) = scale.map(|(scale, height)| (scale, format!("{height}%"))).unzip();
            json!({
                "framed": framed, "scale": scale, "baseline": baseline,
                "canvas": canvas, "background": background, "margin": margin, "shadow_top": top, "shadow_wall": wall,
                "preserve_shadow": keeps, "variations": variations, "output": output,
            })
        },
    )
}

proptest! {
    /// A record that could be written but not read again would be pending forever.
    #[test]
    fn documents_round_trip(document in documents()) {
        if let Ok(set) = ParamSet::read(document) {
            let text = serde_json::to_string(&set).expect("serializes");
            let again: ParamSet = serde_json::from_str(&text).expect("is read again");
            prop_assert_eq!(again.planned(), set.planned());
            prop_assert_eq!(again, set);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[\\[\\]{}:,\"a-z0-9.%#-]{0,60}") {
        let _ = ParamSet::parse(&text);
    }
}

#[test]
fn a_pattern_for_ids_is_checked_with_the_set() {
    let fault = |pattern: Value| {
        let InvalidParams(faults) = ParamSet::read(json!({"id_pattern": pattern})).expect_err("is invalid");
        let [ParamFault { path, message }] = &faults[..] else { panic!("{faults:?}") };
        assert_eq!(path, "id_pattern");
        message.clone()
    };
    assert_eq!(fault(json!(7)), "This value must be a string.");
    assert_eq!(fault(json!("[0-9]+")), "This value must have a group (?<sku>…), a group (?<shot>…), or both.");
    assert!(fault(json!("(?<sku>")).contains("unclosed group"));
    let set = ParamSet::read(json!({"id_pattern": "(?<sku>[0-9]+)"})).expect("a set");
    assert_eq!(serde_json::to_value(&set).expect("serializes")["id_pattern"], "(?<sku>[0-9]+)");
}
