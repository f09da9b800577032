//! The imports between the source files of a crate.
//!
//! An import is any path that names an item of another file: in a `use`, inline in code, in a macro's arguments, or in
//! an attribute such as `#[serde(with = "…")]`. A path through a re-export leads to the file that defines the item.
//! Declaring a child module (`mod child;`) and re-exporting its items do not count as imports. Test code is left out.
//!
//! The analysis is syntactic: it knows no method calls and no items that macros generate. A name that it cannot find in
//! a module of the crate counts as defined in that module's file.

mod modules;
mod resolve;
mod scan;

use std::collections::{BTreeMap, BTreeSet};

use modules::Crate;

/// Source text by path, relative to the workspace.
pub(crate) type Sources = BTreeMap<String, String>;

/// For each file, the files that it imports from, each with the names of the imported items.
#[derive(Debug, Default)]
pub(crate) struct ImportGraph(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl ImportGraph {
    /// Reads the crate (or test, or benchmark) whose root module is `root`.
    ///
    /// # Errors
    ///
    /// A file that is declared as a module and is missing from `sources`, or that does not parse.
    pub(crate) fn read(root: &str, sources: &Sources) -> Result<Self, String> {
        let krate = Crate::read(root, sources)?;
        let mut graph = Self::default();
        for (importer, imported, name) in resolve::imports(&krate) {
            if importer != imported {
                graph.0.entry(importer).or_default().entry(imported).or_default().insert(name);
            }
        }
        Ok(graph)
    }

    /// Groups of files that import each other, directly or through others of the group.
    pub(crate) fn cycles(&self) -> Vec<Cycle> {
        let reachable: BTreeMap<&str, BTreeSet<&str>> =
            self.0.keys().map(|file| (file.as_str(), self.reachable_from(file))).collect();
        let reaches = |from: &str, to: &str| reachable.get(from).is_some_and(|files| files.contains(to));
        let mut grouped: BTreeSet<&str> = BTreeSet::new();
        let mut cycles = Vec::new();
        for &file in reachable.keys() {
            if !reaches(file, file) || grouped.contains(file) {
                continue;
            }
            let members: BTreeSet<&str> =
                reachable.keys().copied().filter(|other| reaches(file, other) && reaches(other, file)).collect();
            grouped.extend(&members);
            cycles.push(self.cycle(&members));
        }
        cycles
    }

    /// The files that `start` imports from, and those that they import from, and so on.
    fn reachable_from(&self, start: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut pending = vec![start];
        while let Some(file) = pending.pop() {
            for next in self.0.get(file).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(next.as_str()) {
                    pending.push(next);
                }
            }
        }
        reached
    }

    fn cycle(&self, members: &BTreeSet<&str>) -> Cycle {
        let mut imports = Vec::new();
        for &importer in members {
            for (imported, names) in self.0.get(importer).into_iter().flatten() {
                if members.contains(imported.as_str()) {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    imports.push(format!("{importer} imports {} from {imported}", names.join(", ")));
                }
            }
        }
        Cycle { files: members.iter().map(|&file| file.to_owned()).collect(), imports }
    }
}

/// Files that import each other.
#[derive(Debug)]
pub(crate) struct Cycle {
    pub(crate) files: Vec<String>,
    /// One line for each import inside the group.
    imports: Vec<String>,
}

impl std::fmt::Display for Cycle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} files import each other:", self.files.len())?;
        self.imports.iter().try_for_each(|import| write!(f, "\n  {import}"))
    }
}
