//! Editing image resources: the path takes the place of one with the same name, or the first free id, and the clipping path
//! is the new one or stays the old one. All other blocks are copied, in their order.

use cutline_core::domain::kind::ImageKind;
use cutline_core::domain::rendering::ExistingClippingPath;

use super::insertion::Insertion;
use crate::error::{Cause, Error};
use crate::photoshop::{self, Block, BlockFault, Blocks, CLIPPING_PATH_NAME, PATHS};

/// Changed resources.
pub(super) struct Edited {
    pub(super) resources: Vec<u8>,
    /// Sentences for the owner of the file.
    pub(super) warnings: Vec<String>,
}

/// Where the path and its name go.
#[derive(Default)]
struct Survey {
    /// The place of the block with a path of the same name, and its id.
    namesake: Option<(usize, u16)>,
    /// Which ids of paths are taken.
    taken: Vec<bool>,
    /// The place of the block that names the clipping path, and that name. A block without a name counts as one to
    /// replace.
    clipping_path: Option<(usize, Option<Vec<u8>>)>,
    /// Whether a path has the name of the clipping path.
    has_clipping_path: bool,
}

/// Puts the path into resources, which may be empty.
///
/// # Errors
/// [`Error::Damaged`] if they cannot be divided into blocks; [`Error::UnsupportedFeature`] if no id is free;
/// [`Error::Insertion`] if the path has an outline that is too complex.
pub(super) fn edit(kind: ImageKind, resources: &[u8], insertion: &Insertion<'_>) -> Result<Edited, Error> {
    let name = photoshop::encoded_name(insertion.options.name.as_str());
    let survey = Survey::of(resources, &name).map_err(|fault| damaged(kind, fault))?;
    let failed = |source: Cause| Error::Insertion { kind, source };
    let id = survey.id().ok_or_else(|| full(kind))?;
    let records = photoshop::records(insertion.path).map_err(failed)?;
    let mut path = Vec::with_capacity(records.len() + name.len() + 16);
    photoshop::append(&mut path, id, &name, &records).map_err(failed)?;
    let mut clipping_path = Vec::new();
    let named = photoshop::clipping_path_name(&name, insertion.options.flatness.get()).map_err(failed)?;
    photoshop::append(&mut clipping_path, CLIPPING_PATH_NAME, &[], &named).map_err(failed)?;

    let old_name = survey.foreign_clipping_path(&name);
    let keeps = old_name.is_some() && insertion.options.existing == ExistingClippingPath::Keep;
    let mut edited = Vec::with_capacity(resources.len() + path.len() + clipping_path.len());
    for (place, block) in Blocks::of(resources).map_while(Result::ok).enumerate() {
        if survey.namesake.is_some_and(|(namesake, _)| namesake == place) {
            edited.append(&mut path);
        } else if !keeps && survey.clipping_path.as_ref().is_some_and(|(old, _)| *old == place) {
            edited.append(&mut clipping_path);
        } else {
            edited.extend(block.bytes);
            // Blocks begin at even offsets; the last one of a file may lack its padding.
            edited.extend((edited.len() % 2 == 1).then_some(0));
        }
    }
    // Whatever had no place of its own. A clipping path that stays needs no second name.
    edited.append(&mut path);
    if !keeps {
        edited.append(&mut clipping_path);
    }
    let warnings = survey.warning(&name, old_name, keeps).into_iter().collect();
    Ok(Edited { resources: edited, warnings })
}

impl Survey {
    fn of(resources: &[u8], name: &[u8]) -> Result<Self, BlockFault> {
        let mut survey = Self { taken: vec![false; PATHS.len()], ..Self::default() };
        for (place, block) in Blocks::of(resources).enumerate() {
            let Block { id: Some(id), name: of_block, data, .. } = block? else { continue };
            if id == CLIPPING_PATH_NAME {
                let name = || photoshop::name_in_clipping_path(data).map(<[u8]>::to_vec);
                survey.clipping_path.get_or_insert_with(|| (place, name()));
            } else if PATHS.contains(&id) {
                survey.taken[usize::from(id - PATHS.start())] = true;
                if of_block == name {
                    survey.namesake.get_or_insert((place, id));
                }
            }
        }
        survey.has_clipping_path = survey.names_a_path(resources);
        Ok(survey)
    }

    /// Whether a path has the name of the clipping path.
    fn names_a_path(&self, resources: &[u8]) -> bool {
        let Some((_, Some(name))) = &self.clipping_path else { return false };
        let is_path =
            |block: Block<'_>| block.id.is_some_and(|id| PATHS.contains(&id)) && block.name == name.as_slice();
        Blocks::of(resources).map_while(Result::ok).any(is_path)
    }

    /// The id for the path.
    fn id(&self) -> Option<u16> {
        let free = || PATHS.zip(&self.taken).find(|(_, taken)| !**taken).map(|(id, _)| id);
        self.namesake.map(|(_, id)| id).or_else(free)
    }

    /// The name of the file's clipping path, if it is another one.
    fn foreign_clipping_path(&self, name: &[u8]) -> Option<&[u8]> {
        let (_, old) = self.clipping_path.as_ref()?;
        old.as_deref().filter(|old| *old != name)
    }

    fn warning(&self, name: &[u8], old: Option<&[u8]>, keeps: bool) -> Option<String> {
        let [ours, old] = [name, old?].map(photoshop::decoded_name);
        let missing = if self.has_clipping_path { "" } else { ", although the file has no path of that name" };
        Some(if keeps {
            format!(
                "The file names \"{old}\" as its clipping path, and keeps it{missing}. The new path was added as \
                 \"{ours}\". Ask for existing_clipping_path=replace to make it the clipping path."
            )
        } else {
            format!("The file's clipping path \"{old}\" was replaced by \"{ours}\".")
        })
    }
}

/// The error for a file without room for one more path.
pub(super) fn full(kind: ImageKind) -> Error {
    Error::unsupported(kind, "all 998 places for paths are taken", "delete paths that are no longer needed")
}

fn damaged(kind: ImageKind, fault: BlockFault) -> Error {
    Error::damaged(kind, fault.to_string())
}
