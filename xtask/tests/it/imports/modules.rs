//! The module tree of one crate, as its source files declare it.

use std::collections::BTreeMap;

use quote::ToTokens;
use syn::{Attribute, Item, ItemMod, ItemUse, Visibility};

use super::Sources;
use super::scan::{Scan, UsePath, flatten};

/// An index into [`Crate::modules`].
pub(super) type ModuleId = usize;

/// All modules of a crate. The root is the first.
pub(super) struct Crate {
    pub(super) modules: Vec<Module>,
}

pub(super) struct Module {
    /// The file that holds the module's items.
    pub(super) file: String,
    pub(super) parent: Option<ModuleId>,
    /// The meanings of each name: a module and a function, for example, may share one.
    pub(super) names: BTreeMap<String, Vec<Name>>,
    pub(super) uses: Vec<Use>,
    /// The paths and identifiers in the module's code.
    pub(super) code: Scan,
}

/// A meaning of a name in a module.
#[derive(Clone, Copy)]
pub(super) enum Name {
    Module(ModuleId),
    /// Defined in the module.
    Item,
    /// Brought in by the `use` with this index in [`Module::uses`].
    Import(usize),
}

pub(super) struct Use {
    pub(super) path: UsePath,
    /// Whether the `use` has a visibility of its own, as a re-export does.
    pub(super) exported: bool,
}

impl Crate {
    pub(super) fn read(root: &str, sources: &Sources) -> Result<Self, String> {
        let mut reader = Reader { sources, modules: Vec::new() };
        let (folder, _) = root.rsplit_once('/').unwrap_or(("", root));
        reader.file(root, folder.to_owned(), None)?;
        Ok(Self { modules: reader.modules })
    }
}

struct Reader<'a> {
    sources: &'a Sources,
    modules: Vec<Module>,
}

impl Reader<'_> {
    /// Reads a file whose child modules are under `folder`.
    fn file(&mut self, file: &str, folder: String, parent: Option<ModuleId>) -> Result<ModuleId, String> {
        let source = self.sources.get(file).ok_or_else(|| format!("{file}: declared as a module and not found"))?;
        let parsed = syn::parse_file(source).map_err(|error| format!("{file}: {error}"))?;
        if parsed.attrs.iter().any(is_test_only) {
            return Ok(self.add(file, parent));
        }
        self.module(file, &folder, parent, &parsed.items)
    }

    fn add(&mut self, file: &str, parent: Option<ModuleId>) -> ModuleId {
        let (names, uses, code) = Default::default();
        self.modules.push(Module { file: file.to_owned(), parent, names, uses, code });
        self.modules.len() - 1
    }

    fn module(
        &mut self,
        file: &str,
        folder: &str,
        parent: Option<ModuleId>,
        items: &[Item],
    ) -> Result<ModuleId, String> {
        let id = self.add(file, parent);
        for item in items.iter().filter(|item| !attributes(item).iter().any(is_test_only)) {
            match item {
                Item::Mod(child) => {
                    let child_id = self.child(file, folder, id, child)?;
                    self.name(id, &child.ident.to_string(), Name::Module(child_id));
                }
                Item::Use(item) => self.import(id, item),
                item => {
                    self.modules[id].code.read(without_tests(item).into_token_stream());
                    if let Some(name) = defined_name(item) {
                        self.name(id, &name, Name::Item);
                    }
                }
            }
        }
        // A `use` inside a function brings its names into the function alone. Here they count for the whole module.
        for path in std::mem::take(&mut self.modules[id].code.uses) {
            self.add_use(id, Use { path, exported: false });
        }
        Ok(id)
    }

    fn child(&mut self, file: &str, folder: &str, parent: ModuleId, child: &ItemMod) -> Result<ModuleId, String> {
        let name = child.ident.to_string();
        if let Some((_, items)) = &child.content {
            return self.module(file, &join(folder, &name), Some(parent), items);
        }
        if let Some(path) = path_attribute(&child.attrs) {
            let (own_folder, _) = file.rsplit_once('/').unwrap_or(("", file));
            let target = join(own_folder, &path);
            let (target_folder, _) = target.rsplit_once('/').unwrap_or(("", &target));
            return self.file(&target, target_folder.to_owned(), Some(parent));
        }
        let children = join(folder, &name);
        let nested = join(&children, "mod.rs");
        let beside = format!("{children}.rs");
        let target = if self.sources.contains_key(&nested) { nested } else { beside };
        self.file(&target, children, Some(parent))
    }

    fn import(&mut self, id: ModuleId, item: &ItemUse) {
        let exported = !matches!(item.vis, Visibility::Inherited);
        for path in flatten(item) {
            self.add_use(id, Use { path, exported });
        }
    }

    fn add_use(&mut self, id: ModuleId, item: Use) {
        if let UsePath::Named { name, .. } = &item.path {
            let index = self.modules[id].uses.len();
            self.name(id, &name.clone(), Name::Import(index));
        }
        self.modules[id].uses.push(item);
    }

    fn name(&mut self, id: ModuleId, name: &str, meaning: Name) {
        self.modules[id].names.entry(name.to_owned()).or_default().push(meaning);
    }
}

/// `folder/path`, with `..` resolved.
fn join(folder: &str, path: &str) -> String {
    let mut segments: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in path.split('/') {
        if segment == ".." {
            segments.pop();
        } else {
            segments.push(segment);
        }
    }
    segments.join("/")
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.path().is_ident("path"))?;
    let syn::Expr::Lit(value) = &attribute.meta.require_name_value().ok()?.value else { return None };
    let syn::Lit::Str(path) = &value.lit else { return None };
    Some(path.value())
}

/// Whether this is `#[cfg(test)]`, `#[test]` or `#[cfg(all(test, …))]`.
fn is_test_only(attribute: &Attribute) -> bool {
    if attribute.path().is_ident("test") {
        return true;
    }
    let condition = match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string(),
        _ => return false,
    };
    let condition: String = condition.split_whitespace().collect();
    condition == "test"
        || condition.starts_with("all(test,")
        || condition.starts_with("all(") && condition.contains(",test")
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The item without the test-only functions of an `impl` block.
fn without_tests(item: &Item) -> Item {
    let mut item = item.clone();
    if let Item::Impl(block) = &mut item {
        block.items.retain(|item| !matches!(item, syn::ImplItem::Fn(f) if f.attrs.iter().any(is_test_only)));
    }
    item
}

fn defined_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
