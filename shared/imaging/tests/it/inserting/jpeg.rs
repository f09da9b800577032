//! JPEG.

use super::*;
use crate::files::{picture, segment, write};
use cutline_imaging::insert::MAX_JPEG_NODES;
use cutline_imaging::{Limits, decode};
use image::DynamicImage;

const SIGNATURE: &[u8] = b"Photoshop 3.0\0";

/// A JPEG of 40 x 30 pixels with these segments in front of its tables.
pub(crate) fn with_segments(segments: &[Vec<u8>]) -> Vec<u8> {
    let plain = write(&DynamicImage::ImageRgb8(picture(40, 30)), "jpeg", None);
    // The encoder's own JFIF segment goes.
    assert_eq!(plain[2..4], [0xFF, 0xE0]);
    let after_jfif = 4 + usize::from(u16::from_be_bytes([plain[4], plain[5]]));
    [&[0xFF, 0xD8], segments.concat().as_slice(), &plain[after_jfif..]].concat()
}

pub(crate) fn app13(resources: &[u8]) -> Vec<u8> {
    segment(0xED, &[SIGNATURE, resources].concat())
}

fn jfif() -> Vec<u8> {
    segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
}

/// The segments before the first scan, as marker and content, and everything from there on.
fn segments(file: &[u8]) -> (Vec<(u8, &[u8])>, &[u8]) {
    let (mut segments, mut at) = (Vec::new(), 2);
    loop {
        assert_eq!(file[at], 0xFF);
        if file[at + 1] == 0xDA {
            return (segments, &file[at..]);
        }
        let length = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        segments.push((file[at + 1], &file[at + 4..at + 2 + length]));
        at += 2 + length;
    }
}

fn is_resources((marker, content): &(u8, &[u8])) -> bool {
    *marker == 0xED && content.starts_with(SIGNATURE)
}

/// The resources of all segments.
pub(super) fn resources(file: &[u8]) -> Vec<u8> {
    let (all, _) = segments(file);
    all.iter()
        .filter(|segment| is_resources(segment))
        .flat_map(|(_, content)| &content[SIGNATURE.len()..])
        .copied()
        .collect()
}

/// Checks that all segments without resources, and the pixels, are the same bytes in the same order.
fn assert_rest_is_equal(old: &[u8], new: &[u8]) {
    let (old_segments, old_scan) = segments(old);
    let (new_segments, new_scan) = segments(new);
    let others = |all: Vec<(u8, &[u8])>| -> Vec<(u8, Vec<u8>)> {
        all.iter().filter(|one| !is_resources(one)).map(|(marker, content)| (*marker, content.to_vec())).collect()
    };
    assert_eq!(others(old_segments), others(new_segments));
    assert!(old_scan == new_scan, "the pixels and all behind them");
    let pixels = |file| decode(file, &Limits::default()).expect("decodes").color().clone();
    assert_eq!(pixels(old), pixels(new));
}

#[test]
fn goes_behind_the_leading_metadata_and_before_the_profile() {
    let exif = segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0");
    let xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>");
    let extended = segment(
        0xE1,
        &[b"http://ns.adobe.com/xmp/extension/\0".as_slice(), &[b'0'; 32], &4_u32.to_be_bytes(), &[0; 4], b"more"]
            .concat(),
    );
    let profile = segment(0xE2, b"ICC_PROFILE\0\x01\x01no profile");
    let (adobe, other) = (segment(0xEE, b"Adobe\0d\0\0\0\0\x01"), segment(0xED, b"Adobe_CM\0other"));
    let head = [jfif(), exif, xmp, extended];
    for tail in [vec![profile.clone(), adobe], vec![other, profile]] {
        let old = with_segments(&[head.to_vec(), tail].concat());
        let (new, warnings) = inserted(&old, &triangle(40, 30), &keep("Ours"));
        assert_rest_is_equal(&old, &new);
        assert_eq!(segments(&new).0.iter().position(is_resources), Some(4));
        assert_eq!((ids(&blocks(&resources(&new))), warnings), (vec![2000, 2999], Vec::new()));
    }
    // Before a profile that is the first segment, and into a file without any metadata.
    for segments_before in [vec![segment(0xE2, b"ICC_PROFILE\0\x01\x01no profile"), jfif()], Vec::new()] {
        let old = with_segments(&segments_before);
        let (new, _) = inserted(&old, &triangle(40, 30), &keep("Ours"));
        assert_rest_is_equal(&old, &new);
        assert_eq!(segments(&new).0.iter().position(is_resources), Some(0));
    }
}

#[test]
fn joins_all_segments_and_leaves_others() {
    let all = varied_resources();
    // Split in the middle of a block, with another program's segment in between.
    let (one, two) = all.split_at(all.len() / 2 + 1);
    let other = segment(0xED, b"Adobe_Photoshop2.5:old");
    let old = with_segments(&[app13(one), jfif(), other, app13(two)]);
    let (new, _) = inserted(&old, &triangle(40, 30), &keep("Ours"));
    assert_rest_is_equal(&old, &new);
    assert!(resources(&new).starts_with(&all), "old blocks are copied verbatim");
    let places: Vec<usize> =
        segments(&new).0.iter().enumerate().filter(|(_, one)| is_resources(one)).map(|(place, _)| place).collect();
    assert_eq!(places, [0], "they fit into one segment, at the place of the first");
}

#[test]
fn a_long_path_is_split_between_blocks_and_the_names_come_first() {
    let old = with_segments(&[jfif(), app13(&[photoshop(1036, &[7; 40_000]), varied_resources()].concat())]);
    let (new, _) = inserted(&old, &long_path(MAX_JPEG_NODES), &keep("Ours"));
    assert_rest_is_equal(&old, &new);
    let (all, _) = segments(&new);
    let parts: Vec<&[u8]> = all.iter().filter(|one| is_resources(one)).map(|(_, content)| &content[14..]).collect();
    assert!(parts.len() == 2 && parts.iter().all(|part| part.len() <= 65_519), "{}", parts.len());
    // Each part is made of whole blocks.
    let parts: Vec<Blocks> = parts.into_iter().map(blocks).collect();
    assert_eq!(ids(&parts[0])[..2], [1028, 2999]);
    assert_eq!(ids(&parts[1]), [2001]);
    assert_keeps(&blocks(&resources(&old)), &parts.concat(), &[1028, 2001, 2999]);
    // The most nodes for which a JPEG is not simplified fit into one segment, with their name.
    let (_, _, name, records) = &parts[1][0];
    assert!(records.len() + name.len() + 12 <= 65_519, "{}", records.len());
}

#[test]
fn only_a_block_longer_than_a_segment_is_split() {
    let old = with_segments(&[jfif(), app13(&varied_resources())]);
    let (new, _) = inserted(&old, &long_path(6000), &keep("Ours"));
    assert_rest_is_equal(&old, &new);
    let lengths: Vec<usize> =
        segments(&new).0.iter().filter(|one| is_resources(one)).map(|(_, content)| content.len() - 14).collect();
    assert_eq!(lengths[1..3], [65_519, 65_519], "{lengths:?}");
    let all = blocks(&resources(&new));
    assert_eq!(all.iter().filter(|(.., data)| data.len() == 6003 * RECORD).count(), 1);
    assert_keeps(&blocks(&varied_resources()), &all, &[1028, 2001, 2999]);
}

#[test]
fn bytes_after_the_picture_stay() {
    let old = [with_segments(&[jfif()]), b"the video of a motion photo".to_vec()].concat();
    let (new, _) = inserted(&old, &triangle(40, 30), &keep("Ours"));
    assert_rest_is_equal(&old, &new);
    assert!(new.ends_with(b"motion photo"));
}

/// An index of two pictures. The second begins `offset` bytes behind the index's header.
fn index(big_endian: bool, size: u32, offset: u32) -> Vec<u8> {
    let u16 = |value: u16| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let u32 = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut data = b"MPF\0".to_vec();
    data.extend(if big_endian { b"MM" } else { b"II" });
    data.extend(u16(42));
    data.extend(u32(8));
    data.extend(u16(1));
    data.extend([u16(0xB002), u16(7)].concat());
    data.extend([u32(32), u32(26), u32(0)].concat());
    for (size, offset) in [(size, 0), (77, offset)] {
        data.extend([u32(0), u32(size), u32(offset), u32(0)].concat());
    }
    segment(0xE2, &data)
}

/// Where the header of the index is.
fn header_of_index(file: &[u8]) -> usize {
    file.windows(4).position(|bytes| bytes == b"MPF\0").expect("has an index") + 4
}

#[test]
fn the_index_of_several_pictures_stays_right() {
    for big_endian in [false, true] {
        for resources_first in [false, true] {
            let file = |size, offset| {
                let mut parts = vec![app13(&varied_resources()), index(big_endian, size, offset)];
                if !resources_first {
                    parts.reverse();
                }
                with_segments(&[vec![jfif()], parts].concat())
            };
            let plain = file(0, 0);
            let size = plain.len() as u32;
            let old = [file(size, size - header_of_index(&plain) as u32), b"second picture".to_vec()].concat();
            let (new, _) = inserted(&old, &triangle(40, 30), &keep("Ours"));
            let header = header_of_index(&new);
            let number = |at: usize| {
                let bytes = new[header + at..][..4].try_into().expect("four");
                if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
            };
            let grown = (new.len() - old.len()) as u32;
            assert_eq!(number(26 + 4), size + grown, "the size of the first picture");
            assert!(new[header + number(26 + 16 + 8) as usize..].starts_with(b"second picture"));
            let other_bytes = if resources_first { 4 } else { 8 };
            let (a, b) = (header_of_index(&old), header);
            let changed = old[a - 4..][..80].iter().zip(&new[b - 4..][..80]).filter(|(a, b)| a != b).count();
            assert!((1..=other_bytes).contains(&changed), "{changed}");
        }
    }
}

#[test]
fn a_wrong_index_is_left_as_it_is() {
    let old = with_segments(&[jfif(), index(true, 100, u32::MAX), app13(&varied_resources())]);
    let (new, _) = inserted(&old, &triangle(40, 30), &keep("Ours"));
    assert_rest_is_equal(&old, &new);
}

#[test]
fn content_credentials_no_longer_verify() {
    let manifest = segment(
        0xEB,
        b"JP\0\x01\0\0\0\x01\0\0\0\x40jumb\0\0\0\x1Ejumdc2pa\0\x11\0\x10\x80\0\0\xAA\0\x38\x9B\x71\x03c2pa\0",
    );
    let (_, warnings) = inserted(&with_segments(&[jfif(), manifest]), &triangle(40, 30), &keep("Ours"));
    assert!(warnings.len() == 1 && warnings[0].contains("C2PA"), "{warnings:?}");
    let other = segment(0xEB, b"JP\0\x01\0\0\0\x01\0\0\0\x40jumbsomething else");
    let (_, warnings) = inserted(&with_segments(&[jfif(), other]), &triangle(40, 30), &keep("Ours"));
    assert_eq!(warnings, [""; 0]);
}

/// A picture that brings its clipping path in its first segment, even before JFIF.
#[test]
fn a_picture_from_the_field_keeps_its_path() {
    let old = include_bytes!("../../data/haspath.jpg");
    for (options, clipping_path) in [(keep("Ours"), b"Path 1".as_slice()), (replace("Ours"), b"Ours")] {
        let (new, warnings) = inserted(old, &triangle(600, 450), &options);
        assert_rest_is_equal(old, &new);
        let (old, new) = (blocks(&resources(old)), blocks(&resources(&new)));
        assert_keeps(&old, &new, &[2001, 2999]);
        assert_eq!((ids(&new), warnings.len()), (vec![2000, 2999, 2001], 1));
        assert_eq!(clipping_path_name(&new).as_deref(), Some(clipping_path));
    }
}

#[test]
fn refuses_lengths_that_lie() {
    let mut resources = varied_resources();
    resources[8..12].copy_from_slice(&u32::MAX.to_be_bytes());
    let error = planned(&with_segments(&[app13(&resources)]), &triangle(40, 30), &keep("Ours"), 0).expect_err("lies");
    assert!(error.to_string().starts_with("damaged JPEG: Photoshop's resource 1036"), "{error}");
    let whole = with_segments(&[jfif(), app13(&varied_resources())]);
    let scan = whole.len() - segments(&whole).1.len();
    for length in 0..=scan {
        assert!(planned(&whole[..length], &triangle(40, 30), &keep("Ours"), 0).is_err(), "{length}");
    }
}
