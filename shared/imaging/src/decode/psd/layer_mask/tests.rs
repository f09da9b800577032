use super::*;

/// A layer of a document of 4 x 2 pixels, or the lower end of a group.
struct Layer {
    name: &'static str,
    is_hidden: bool,
    mask: Option<Mask>,
    /// 1 is a group, 3 the lower end of one.
    divider: Option<u8>,
    /// An additional block, which is empty.
    block: Option<&'static [u8; 4]>,
}

struct Mask {
    /// Top, left, bottom and right side.
    rect: [i32; 4],
    /// The value outside of them.
    outside: u8,
    flags: u8,
    /// What follows the flags.
    more: &'static [u8],
    samples: Vec<u8>,
}

const SIZE: (u32, u32) = (4, 2);
const WHOLE: [i32; 4] = [0, 0, 2, 4];
const SHADES: [u8; 8] = [0, 50, 100, 150, 200, 250, 255, 7];

fn layer(name: &'static str) -> Layer {
    Layer { name, is_hidden: false, mask: None, divider: None, block: None }
}

fn masked(name: &'static str) -> Layer {
    with_mask(name, WHOLE, 0, &SHADES)
}

fn with_mask(name: &'static str, rect: [i32; 4], outside: u8, samples: &[u8]) -> Layer {
    let mask = Mask { rect, outside, flags: 0, more: &[0, 0], samples: samples.to_vec() };
    Layer { mask: Some(mask), ..layer(name) }
}

fn group_end() -> Layer {
    Layer { divider: Some(3), ..layer("</Layer group>") }
}

/// A document with these layers, from bottom to top, of 8 bits a channel unless `depth` says otherwise.
fn document(layers: &[Layer], depth: u8) -> Vec<u8> {
    let mut file = b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x02\0\0\0\x04\0".to_vec();
    file.extend([depth, 0, 3]);
    // No palette and no resources.
    file.extend([0; 8]);
    let mut info = (layers.len() as u16).to_be_bytes().to_vec();
    let mut data = Vec::new();
    for Layer { name, is_hidden, mask, divider, block } in layers {
        info.extend([0; 16]);
        let channels = mask.iter().map(|mask| &mask.samples).collect::<Vec<_>>();
        info.extend((channels.len() as u16).to_be_bytes());
        for samples in channels {
            info.extend(MASK.to_be_bytes());
            info.extend((samples.len() as u32 + 2).to_be_bytes());
            data.extend([&[0, 0], samples.as_slice()].concat());
        }
        info.extend(b"8BIMnorm");
        info.extend([255, 0, if *is_hidden { 2 } else { 0 }, 0]);
        let mut extra = Vec::new();
        match mask {
            Some(Mask { rect, outside, flags, more, .. }) => {
                extra.extend((18 + more.len() as u32).to_be_bytes());
                rect.iter().for_each(|side| extra.extend(side.to_be_bytes()));
                extra.extend([*outside, *flags]);
                extra.extend(*more);
            }
            None => extra.extend([0; 4]),
        }
        extra.extend([0; 4]);
        extra.push(name.len() as u8);
        extra.extend(name.as_bytes());
        extra.resize(extra.len() + (4 - (name.len() + 1) % 4) % 4, 0);
        if let Some(kind) = divider {
            extra.extend(b"8BIMlsct\0\0\0\x04\0\0\0");
            extra.push(*kind);
        }
        if let Some(key) = block {
            extra.extend([&b"8BIM"[..], &key[..], &[0; 4]].concat());
        }
        info.extend((extra.len() as u32).to_be_bytes());
        info.extend(extra);
    }
    info.extend(data);
    file.extend((info.len() as u32 + 4).to_be_bytes());
    file.extend((info.len() as u32).to_be_bytes());
    file.extend(info);
    // A merged image that is missing.
    file.extend([0, 0]);
    file
}

fn of(layers: &[Layer]) -> Result<LayerMask, Error> {
    let file = document(layers, 8);
    read(&Document::parse(&file).expect("a document"), &Limits::default())
}

fn found(layers: &[Layer]) -> Vec<u8> {
    match of(layers) {
        Ok(LayerMask::Found { mask, .. }) => mask.into_raw(),
        other => panic!("{other:?}"),
    }
}

fn refusal(layers: &[Layer]) -> String {
    of(layers).expect_err("is refused").to_string()
}

#[test]
fn the_subject_counts_before_the_only_visible_mask() {
    let others = || [layer("Background"), with_mask("Shadow", WHOLE, 0, &[9; 8])];
    assert_eq!(found(&others()), [9; 8]);
    let [background, shadow] = others();
    assert_eq!(found(&[background, shadow, masked("Subject")]), SHADES);
    let [background, shadow] = others();
    let hidden = Layer { is_hidden: true, ..masked("Subject") };
    assert_eq!(found(&[background, shadow, hidden]), SHADES, "the name counts, even if it is hidden");
    let hidden = Layer { is_hidden: true, ..with_mask("Subject", WHOLE, 0, &[9; 8]) };
    assert_eq!(found(&[hidden, masked("Subject")]), SHADES);
}

#[test]
fn without_a_subject_several_masks_are_ambiguous() {
    assert_eq!(of(&[masked("a"), masked("b")]).expect("is read"), LayerMask::Ambiguous);
    let hidden = Layer { is_hidden: true, ..with_mask("a", WHOLE, 0, &[9; 8]) };
    assert_eq!(found(&[hidden, masked("b")]), SHADES);
    for none in [&[layer("a")][..], &[], &[with_mask("Subject", WHOLE, 0, &[255; 8])]] {
        assert_eq!(of(none).expect("is read"), LayerMask::None, "a mask that keeps everything does not count");
    }
    let twice = refusal(&[masked("Subject"), masked("Subject")]);
    assert!(twice.contains("several layers named \"Subject\" with masks; rename all but one"), "{twice}");
}

#[test]
fn masks_of_adjustments_and_fills_cut_nothing() {
    for key in [b"curv", b"nvrt", b"SoCo"] {
        let other = || Layer { block: Some(key), ..with_mask("Curves 1", WHOLE, 0, &[9; 8]) };
        assert_eq!(of(&[layer("a"), other()]).expect("is read"), LayerMask::None);
        assert_eq!(found(&[masked("a"), other()]), SHADES);
        assert_eq!(found(&[Layer { name: "Subject", ..other() }]), [9; 8], "the name counts");
    }
    let other_name = of(&[masked("cup")]).expect("is read");
    assert!(matches!(other_name, LayerMask::Found { layer: Some(name), .. } if name == "cup"));
    assert!(matches!(of(&[masked("Subject")]).expect("is read"), LayerMask::Found { layer: None, .. }));
}

#[test]
fn a_mask_covers_the_canvas_whatever_its_rectangle() {
    let inner = [0, 1, 1, 3];
    assert_eq!(found(&[with_mask("Subject", inner, 0, &[50, 60])]), [0, 50, 60, 0, 0, 0, 0, 0]);
    assert_eq!(found(&[with_mask("Subject", inner, 255, &[50, 60])]), [255, 50, 60, 255, 255, 255, 255, 255]);
    let beyond = [-1, -2, 3, 6];
    let samples: Vec<u8> = (0..32).collect();
    assert_eq!(found(&[with_mask("Subject", beyond, 255, &samples)]), [10, 11, 12, 13, 18, 19, 20, 21]);
    assert_eq!(found(&[with_mask("Subject", [0; 4], 0, &[])]), [0; 8], "all of it is the value outside");
    assert_eq!(found(&[with_mask("Subject", [9, 9, 11, 11], 3, &[1; 4])]), [3; 8]);
}

#[test]
fn a_mask_of_16_bits_is_rounded() {
    let samples: Vec<u8> =
        [0_u16, 128, 129, 32_768, 65_535, 257, 385, 386].iter().flat_map(|v| v.to_be_bytes()).collect();
    let file = document(&[with_mask("Subject", WHOLE, 0, &samples)], 16);
    let LayerMask::Found { mask, .. } =
        read(&Document::parse(&file).expect("a document"), &Limits::default()).expect("is read")
    else {
        panic!("has a mask")
    };
    assert_eq!((mask.dimensions(), mask.as_raw().as_slice()), (SIZE, &[0, 0, 1, 128, 255, 1, 1, 2][..]));
}

#[test]
fn masks_in_groups_count_unless_the_group_has_one() {
    let group = |mask: Option<Layer>| Layer { divider: Some(1), ..mask.unwrap_or(layer("Retouch")) };
    assert_eq!(found(&[group_end(), masked("Subject"), group(None)]), SHADES);
    assert_eq!(found(&[group_end(), layer("Subject"), group(Some(masked("Retouch")))]), SHADES, "a group's own mask");
    let both = refusal(&[group_end(), masked("Subject"), group(Some(masked("Retouch")))]);
    assert!(both.contains("the mask of the layer \"Subject\" in a group with a mask; move the layer"), "{both}");
    let hidden = Layer { is_hidden: true, ..group(None) };
    assert_eq!(of(&[group_end(), masked("a"), hidden]).expect("is read"), LayerMask::None);
    assert!(of(&[masked("a"), group_end()]).is_err() && of(&[group_end(), group_end(), masked("a")]).is_err());
}

#[test]
fn a_mask_that_shows_something_else_is_refused() {
    let with = |flags: u8, more: &'static [u8]| Layer {
        mask: Some(Mask { rect: WHOLE, outside: 0, flags, more, samples: SHADES.to_vec() }),
        ..layer("Subject")
    };
    let disabled = refusal(&[with(2, &[0, 0])]);
    assert!(disabled.contains("the disabled mask of the layer \"Subject\"; enable the mask"), "{disabled}");
    assert_eq!(of(&[Layer { name: "a", ..with(2, &[0, 0]) }]).expect("is read"), LayerMask::None);
    let density = refusal(&[with(16, &[1, 128])]);
    assert!(density.contains("with a density or a feather; set its density"), "{density}");
    let feather = refusal(&[with(16, &[2, 0x40, 0, 0, 0, 0, 0, 0, 0])]);
    assert!(feather.contains("with a density or a feather"), "{feather}");
    assert_eq!(found(&[with(16, &[3, 255, 0, 0, 0, 0, 0, 0, 0, 0])]), SHADES, "100% and no feather");
    assert!(of(&[with(16, &[1])]).is_err(), "truncated");
}

#[test]
fn a_damaged_mask_is_refused() {
    assert!(of(&[with_mask("Subject", WHOLE, 0, &SHADES[..5])]).is_err(), "too few samples");
    let wide = [0, i32::MIN, 2, i32::MAX];
    let error = refusal(&[with_mask("Subject", wide, 0, &SHADES)]);
    assert!(error.contains("a mask far larger than the picture"), "{error}");
}

#[test]
fn a_mask_of_32_bits_is_refused() {
    let file = document(&[masked("Subject")], 32);
    let error = super::super::layer_mask(&file, &Limits::default()).expect_err("is refused").to_string();
    assert!(error.contains("32 bits per channel; convert it"), "{error}");
}
