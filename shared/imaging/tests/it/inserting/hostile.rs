//! Any bytes: no panic, bounded memory, and whatever is accepted stays the same but for the patch.

use super::jpeg::{app13, with_segments};
use super::tiff::FORMS;
use super::*;
use cutline_core::domain::image_resources;
use proptest::prelude::*;

fn resources() -> impl Strategy<Value = Vec<u8>> {
    let signature = prop::sample::select(vec![b"8BIM", b"8BIM", b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR", b"qqqq"]);
    let id = prop_oneof![1000_u16..1070, 1998_u16..2004, 2995_u16..=2999];
    let name = prop_oneof![Just("".to_owned()), Just("Ours".to_owned()), "[a-zA-Z]{0,9}"];
    let data = prop::collection::vec(any::<u8>(), 0..40);
    let one = (signature, id, name, data).prop_map(|(signature, id, name, data)| {
        let data = if id == 2999 { clipping_path(name.as_bytes())[12..].to_vec() } else { data };
        block(signature, id, name.as_bytes(), &data)
    });
    prop::collection::vec(one, 0..12).prop_map(|blocks| blocks.concat())
}

fn files(resources: &[u8]) -> Vec<Vec<u8>> {
    let tiffs = FORMS.map(|form| form.file(&[form.page(&[(34_377, 7, resources.to_vec())]), form.page(&[])]));
    let mut files = vec![with_segments(&[app13(resources)]), psd::document(1, resources), psd::document(2, resources)];
    files.extend(tiffs);
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_other_block_survives_in_its_order(old in resources(), replaces in any::<bool>(), nodes in 3_usize..200) {
        let options = if replaces { replace("Ours") } else { keep("Ours") };
        let (new, _) = inserted(&psd::document(1, &old), &long_path(nodes), &options);
        let (old, new) = (blocks(&old), blocks(psd::parts(&new).1));
        let is_ours = |(signature, id, name, _): &&([u8; 4], u16, Vec<u8>, Vec<u8>)| {
            signature == b"8BIM" && (*id == 2999 || (2000..=2997).contains(id) && name == b"Ours")
        };
        let others = |blocks: &Blocks| -> Blocks { blocks.iter().filter(|one| !is_ours(one)).cloned().collect() };
        prop_assert_eq!(others(&old), others(&new));
        let mine = new.iter().filter(is_ours).find(|(_, id, ..)| *id != 2999).map(|(.., data)| data.len());
        prop_assert_eq!(mine, Some((nodes + 3) * RECORD));
        let first_name = clipping_path_name(&old).filter(|name| !name.is_empty());
        let expected = first_name.filter(|_| !replaces).unwrap_or_else(|| b"Ours".to_vec());
        prop_assert_eq!(clipping_path_name(&new), Some(expected));
    }

    #[test]
    fn damaged_files_are_refused_or_changed_by_their_patch_alone(
        resources in resources(),
        which in 0_usize..7,
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        truncates in any::<bool>(),
        page in 0_usize..3,
    ) {
        let mut file = files(&resources).swap_remove(which);
        for (at, byte) in damages {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if truncates {
            file.truncate(cut.index(file.len()));
        }
        if let Ok(Inserted { patch, .. }) = planned(&file, &triangle(40, 30), &keep("Ours"), page) {
            let new = patch.apply(file.clone());
            let mut at = 0;
            let mut rest = new.as_slice();
            for edit in patch.edits() {
                let kept = &file[at..edit.range.start];
                prop_assert!(rest.starts_with(kept));
                rest = &rest[kept.len()..];
                prop_assert!(rest.starts_with(&edit.bytes));
                rest = &rest[edit.bytes.len()..];
                at = edit.range.end;
            }
            prop_assert_eq!(rest, &file[at..]);
        }
    }

    #[test]
    fn noise_never_panics(mut file in prop::collection::vec(any::<u8>(), 0..300), which in 0_usize..7) {
        let head = &files(&[])[which][..16];
        file.splice(0..0, head.iter().copied());
        let _ = planned(&file, &triangle(40, 30), &keep("Ours"), 0);
    }
}

#[test]
fn most_damages_of_a_file_are_not_vacuous() {
    // A single changed byte leaves many files acceptable, and makes others damaged.
    let file = psd::document(1, &varied_resources());
    let outcomes: Vec<bool> = (26..file.len())
        .map(|at| {
            let mut file = file.clone();
            file[at] ^= 0x55;
            planned(&file, &triangle(40, 30), &keep("Ours"), 0).is_ok()
        })
        .collect();
    let accepted = outcomes.iter().filter(|accepted| **accepted).count();
    assert!(accepted > 50 && outcomes.len() - accepted > 50, "{accepted} of {}", outcomes.len());
}

/// Uploads are refused by a look at the header, and jobs when their file is checked.
#[test]
fn a_look_at_the_header_refuses_what_the_check_does_and_in_the_same_words() {
    let (mut refused, mut passed) = (0, 0);
    let resources = varied_resources();
    for at in 0..resources.len() {
        let mut resources = resources.clone();
        resources[at] ^= 0x55;
        let tiffs = FORMS.map(|form| form.file(&[form.page(&[(34_377, 7, resources.clone())])]));
        let others = [with_segments(&[app13(&resources)]), psd::document(1, &resources), psd::document(2, &resources)];
        for file in tiffs.into_iter().chain(others) {
            let checked = planned(&file, &triangle(40, 30), &keep("Ours"), 0).map_err(|error| error.to_string());
            match image_resources::refusal(&file) {
                Some(message) => {
                    assert_eq!(checked.expect_err("is refused"), message, "byte {at}");
                    refused += 1;
                }
                None => {
                    assert!(checked.is_ok(), "byte {at}: {checked:?}");
                    passed += 1;
                }
            }
        }
    }
    assert!(refused > 100 && passed > 100, "{refused} refused, {passed} passed");
}

#[test]
fn other_kinds_have_no_place_for_a_path() {
    for (file, kind) in [(&b"\x89PNG\r\n\x1A\n"[..], "PNG"), (b"GIF89a", "GIF"), (b"RIFF\0\0\0\0WEBP", "WebP")] {
        let error = planned(file, &triangle(4, 3), &keep("Ours"), 0).expect_err("holds no path");
        let text = format!("unsupported {kind}: the format holds no clipping path; send a JPEG, TIFF, PSD or PSB");
        assert!(error.to_string().starts_with(&text), "{error}");
    }
    assert!(matches!(planned(b"text", &triangle(4, 3), &keep("Ours"), 0), Err(Error::UnknownKind)));
}
