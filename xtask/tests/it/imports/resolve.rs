//! Follows paths through modules and re-exports to the file that defines the item.

use std::collections::BTreeSet;

use super::modules::{Crate, ModuleId, Name};
use super::scan::UsePath;

/// Every import of the crate: the importing file, the defining file and the item's name.
pub(super) fn imports(krate: &Crate) -> Vec<(String, String, String)> {
    let mut imports = Vec::new();
    for (id, module) in krate.modules.iter().enumerate() {
        let mut found = Vec::new();
        for item in &module.uses {
            match &item.path {
                // A re-export is an import only where the module's own code needs the item.
                UsePath::Named { name, .. } if item.exported && !module.code.idents.contains(name) => {}
                UsePath::Named { segments, name, is_self } => {
                    let targets = Resolver::new(krate).path(id, segments);
                    // Of a module and an item with the same name, the code may need the module alone.
                    let module_only = targets.iter().any(|target| module_of(target).is_some())
                        && (*is_self || !module.code.bare.contains(name));
                    found.extend(targets.into_iter().filter(|_| !module_only));
                }
                UsePath::Glob { segments } => {
                    for name in module.code.idents.iter().filter(|name| !module.names.contains_key(*name)) {
                        found.extend(Resolver::new(krate).through_glob(id, segments, name));
                    }
                }
            }
        }
        for path in &module.code.paths {
            found.extend(Resolver::new(krate).path(id, path));
        }
        imports.extend(found.into_iter().filter_map(|target| match target {
            Target::Item { module: definer, name } => {
                Some((module.file.clone(), krate.modules[definer].file.clone(), name))
            }
            Target::Module(_) => None,
        }));
    }
    imports
}

/// The target of a path within the crate.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Module(ModuleId),
    Item { module: ModuleId, name: String },
}

/// Resolves one path. Remembers the `use` declarations that it went through, since they may lead in circles.
struct Resolver<'a> {
    krate: &'a Crate,
    visited: BTreeSet<(ModuleId, usize)>,
}

impl<'a> Resolver<'a> {
    fn new(krate: &'a Crate) -> Self {
        Self { krate, visited: BTreeSet::new() }
    }

    /// Everything that a path in module `from` may mean. Empty for paths into other crates.
    fn path(&mut self, from: ModuleId, segments: &[String]) -> Vec<Target> {
        let Some((first, mut rest)) = segments.split_first() else { return Vec::new() };
        let parent = |id: ModuleId| self.krate.modules[id].parent;
        let mut targets = match first.as_str() {
            "crate" => vec![Target::Module(0)],
            "self" => vec![Target::Module(from)],
            "super" => {
                let Some(mut module) = parent(from) else { return Vec::new() };
                while let Some(("super", after)) = rest.split_first().map(|(next, after)| (next.as_str(), after)) {
                    let Some(above) = parent(module) else { return Vec::new() };
                    (module, rest) = (above, after);
                }
                vec![Target::Module(module)]
            }
            name => self.lookup(from, name),
        };
        for segment in rest {
            // Past an item there are only its own variants, constants and functions.
            let Some(module) = targets.iter().find_map(module_of) else { break };
            targets = self.lookup(module, segment);
            if targets.is_empty() && !self.has_foreign_names(module, segment) {
                targets = vec![Target::Item { module, name: segment.clone() }];
            }
        }
        targets
    }

    /// The meanings of a name in a module.
    fn lookup(&mut self, module: ModuleId, name: &str) -> Vec<Target> {
        let krate = self.krate;
        let mut targets = Vec::new();
        for meaning in krate.modules[module].names.get(name).into_iter().flatten() {
            match *meaning {
                Name::Module(id) => targets.push(Target::Module(id)),
                Name::Item => targets.push(Target::Item { module, name: name.to_owned() }),
                Name::Import(index) => targets.extend(self.follow(module, index)),
            }
        }
        if !targets.is_empty() || krate.modules[module].names.contains_key(name) {
            return targets;
        }
        for (index, item) in krate.modules[module].uses.iter().enumerate() {
            if let UsePath::Glob { segments } = &item.path
                && self.visited.insert((module, index))
            {
                targets.extend(self.through_glob(module, segments, name));
            }
        }
        targets
    }

    /// The target of the `use` with this index.
    fn follow(&mut self, module: ModuleId, index: usize) -> Vec<Target> {
        match &self.krate.modules[module].uses[index].path {
            UsePath::Named { segments, .. } if self.visited.insert((module, index)) => {
                let targets = self.path(module, segments);
                self.visited.remove(&(module, index));
                targets
            }
            UsePath::Named { .. } | UsePath::Glob { .. } => Vec::new(),
        }
    }

    /// The meanings of `name` if `use segments::*` brings it into the module `from`.
    fn through_glob(&mut self, from: ModuleId, segments: &[String], name: &str) -> Vec<Target> {
        match self.path(from, segments).iter().find_map(module_of) {
            Some(module) => self.lookup(module, name),
            None => Vec::new(),
        }
    }

    /// Whether the module may have this name from another crate.
    fn has_foreign_names(&self, module: ModuleId, name: &str) -> bool {
        let module = &self.krate.modules[module];
        module.names.contains_key(name) || module.uses.iter().any(|item| matches!(item.path, UsePath::Glob { .. }))
    }
}

fn module_of(target: &Target) -> Option<ModuleId> {
    match target {
        Target::Module(id) => Some(*id),
        Target::Item { .. } => None,
    }
}
