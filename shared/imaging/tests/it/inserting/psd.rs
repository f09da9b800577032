//! PSD and PSB.

use super::*;

/// A document with these resources. What follows them is not a picture: nothing looks at it.
pub(super) fn document(version: u8, resources: &[u8]) -> Vec<u8> {
    let mut file = b"8BPS\0".to_vec();
    file.push(version);
    file.extend([0; 6]);
    file.extend([0, 3, 0, 0, 0, 30, 0, 0, 0, 40, 0, 16, 0, 3]);
    file.extend(5_u32.to_be_bytes());
    file.extend(b"color");
    file.extend((resources.len() as u32).to_be_bytes());
    file.extend(resources);
    file.extend(b"layers and merged picture");
    file
}

/// The resources, and all before and after them but their length.
pub(super) fn parts(file: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (before, rest) = file.split_at(26 + 4 + 5);
    let (resources, after) = rest[4..].split_at(u32::from_be_bytes(rest[..4].try_into().expect("four")) as usize);
    (before, resources, after)
}

#[test]
fn only_the_resources_and_their_length_change() {
    for version in [1, 2] {
        let old = document(version, &varied_resources());
        let (new, warnings) = inserted(&old, &triangle(40, 30), &keep("Ours"));
        let ((before, resources, after), (old_before, old_resources, old_after)) = (parts(&new), parts(&old));
        assert_eq!((before, after), (old_before, old_after));
        assert!(resources.starts_with(old_resources), "old blocks are copied verbatim");
        assert_eq!(ids(&blocks(resources)), [1036, 1028, 2000, 1025, 1061, 1033, 2001, 2999]);
        assert_eq!(warnings, [""; 0]);
    }
}

#[test]
fn the_path_is_written_in_shares_of_the_canvas() {
    let (new, _) = inserted(&document(1, b""), &triangle(40, 30), &keep("Ours"));
    let all = blocks(parts(&new).1);
    let (_, id, name, records) = &all[0];
    assert_eq!((*id, name.as_slice(), records.len()), (2000, b"Ours".as_slice(), 6 * RECORD));
    let anchor = &records[3 * RECORD + 10..][..8];
    assert_eq!(anchor, [0, 0x40, 0, 0, 0, 0x40, 0, 0], "y before x");
    assert_eq!(clipping_path_name(&all).as_deref(), Some(b"Ours".as_slice()));
}

#[test]
fn a_path_of_the_same_name_is_replaced_where_it_is() {
    let (first, _) = inserted(&document(1, &varied_resources()), &triangle(40, 30), &keep("Ours"));
    let (second, _) = inserted(&first, &long_path(50), &keep("Ours"));
    let (first, second) = (blocks(parts(&first).1), blocks(parts(&second).1));
    assert_keeps(&first, &second, &[2001, 2999]);
    assert_eq!(ids(&first), ids(&second));
    let records =
        second.iter().find(|(signature, id, ..)| signature == b"8BIM" && *id == 2001).map(|(.., data)| data.len());
    assert_eq!(records, Some(53 * RECORD));
}

#[test]
fn a_clipping_path_stays_or_is_replaced_as_asked() {
    let theirs = [block(b"8BIM", 2000, b"Theirs", &[0; RECORD]), clipping_path(b"Theirs")].concat();
    let old = document(1, &theirs);
    let (kept, warnings) = inserted(&old, &triangle(40, 30), &keep("Ours"));
    let kept = blocks(parts(&kept).1);
    assert_keeps(&blocks(&theirs), &kept, &[2001]);
    assert_eq!((ids(&kept), clipping_path_name(&kept)), (vec![2000, 2999, 2001], Some(b"Theirs".to_vec())));
    assert_eq!(warnings.len(), 1);
    for part in ["\"Theirs\"", "\"Ours\"", "existing_clipping_path=replace"] {
        assert!(warnings[0].contains(part) && !warnings[0].contains("no path of that name"), "{warnings:?}");
    }

    let (replaced, warnings) = inserted(&old, &triangle(40, 30), &replace("Ours"));
    let replaced = blocks(parts(&replaced).1);
    assert_keeps(&blocks(&theirs), &replaced, &[2001, 2999]);
    assert_eq!((ids(&replaced), clipping_path_name(&replaced)), (vec![2000, 2999, 2001], Some(b"Ours".to_vec())));
    assert!(warnings.len() == 1 && warnings[0].contains("was replaced"), "{warnings:?}");
}

#[test]
fn a_clipping_path_that_names_no_path_is_reported() {
    let (new, warnings) = inserted(&document(1, &clipping_path(b"Gone")), &triangle(40, 30), &keep("Ours"));
    assert_eq!(clipping_path_name(&blocks(parts(&new).1)), Some(b"Gone".to_vec()));
    assert!(warnings[0].contains("no path of that name"), "{warnings:?}");
    // One without a name is no clipping path.
    let (new, warnings) = inserted(&document(1, &photoshop(2999, b"")), &triangle(40, 30), &keep("Ours"));
    assert_eq!(clipping_path_name(&blocks(parts(&new).1)), Some(b"Ours".to_vec()));
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn takes_the_first_free_id_and_refuses_when_there_is_none() {
    let path = |id: u16| block(b"8BIM", id, &id.to_string().into_bytes(), b"");
    let all: Vec<u8> = (2000..=2997).flat_map(path).collect();
    let gap: Vec<u8> = (2000..=2997).filter(|id| *id != 2311).flat_map(path).collect();
    let (new, _) = inserted(&document(1, &gap), &triangle(40, 30), &keep("Ours"));
    let of_ours = blocks(parts(&new).1).into_iter().find(|(_, _, name, _)| name == b"Ours").map(|(_, id, ..)| id);
    assert_eq!(of_ours, Some(2311));
    let error = planned(&document(1, &all), &triangle(40, 30), &keep("Ours"), 0).expect_err("is full").to_string();
    assert!(error.contains("998 places") && error.contains("delete paths"), "{error}");
    // A path of that name makes room.
    let (new, _) = inserted(&document(1, &all), &triangle(40, 30), &keep("2500"));
    assert_eq!(blocks(parts(&new).1).len(), 999);
}

#[test]
fn tolerates_missing_and_additional_padding() {
    let mut unpadded = photoshop(1061, b"odd");
    unpadded.pop();
    let (new, _) = inserted(&document(1, &unpadded), &triangle(40, 30), &keep("Ours"));
    assert_eq!(ids(&blocks(parts(&new).1)), [1061, 2000, 2999]);
    let zeros = [photoshop(1061, b"even"), vec![0; 6], photoshop(1033, b""), vec![0; 3]].concat();
    let (new, _) = inserted(&document(1, &zeros), &triangle(40, 30), &keep("Ours"));
    assert!(parts(&new).1.starts_with(&zeros));
}

#[test]
fn refuses_a_block_whose_length_lies() {
    let mut resources = varied_resources();
    // The length of the thumbnail, 1036.
    resources[8..12].copy_from_slice(&5000_u32.to_be_bytes());
    let error = planned(&document(1, &resources), &triangle(40, 30), &keep("Ours"), 0).expect_err("lies");
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("resource 1036 is longer than its section"), "{error}");
    let unknown = [photoshop(1061, b"even"), b"\x01\x02junk and more".to_vec()].concat();
    let error = planned(&document(1, &unknown), &triangle(40, 30), &keep("Ours"), 0).expect_err("is unknown");
    assert!(error.to_string().contains("something unknown"), "{error}");
    let whole = document(1, &varied_resources());
    for length in 0..whole.len() - 26 {
        let _ = planned(&whole[..length], &triangle(40, 30), &keep("Ours"), 0);
    }
    assert!(matches!(planned(&whole[..60], &triangle(40, 30), &keep("Ours"), 0), Err(Error::Truncated { .. })));
}
