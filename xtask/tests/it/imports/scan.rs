//! The paths in a piece of code, read from its tokens: so those in the arguments of macros count too.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::{ItemUse, UseTree};

/// The segments of a path: `["crate", "ports", "Jobs"]`.
pub(super) type Segments = Vec<String>;

/// The paths and identifiers of a module's code.
#[derive(Default)]
pub(super) struct Scan {
    /// Paths of two segments or more.
    pub(super) paths: BTreeSet<Segments>,
    /// First segments of all paths. Fields and methods are not among them.
    pub(super) idents: BTreeSet<String>,
    /// Paths of one segment.
    pub(super) bare: BTreeSet<String>,
    /// `use` declarations inside functions.
    pub(super) uses: Vec<UsePath>,
}

/// One leaf of a `use` declaration.
pub(super) enum UsePath {
    Named {
        segments: Segments,
        name: String,
        /// Whether it ends in `self`: then it imports a module, and no item of the same name.
        is_self: bool,
    },
    Glob {
        segments: Segments,
    },
}

impl Scan {
    pub(super) fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at += match &tokens[at] {
                TokenTree::Ident(ident) if ident == "use" && !is_punct(tokens.get(at + 1), '<') => {
                    self.inner_use(&tokens[at..])
                }
                TokenTree::Ident(ident) if ident == "pub" && is_visibility(tokens.get(at + 1)) => 2,
                TokenTree::Ident(ident) => self.path(ident, &tokens, at),
                TokenTree::Group(group) => {
                    if at > 0 && is_punct(tokens.get(at - 1), '#') && group.delimiter() == Delimiter::Bracket {
                        self.attribute(group.stream());
                    } else {
                        self.read(group.stream());
                    }
                    1
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => 1,
            };
        }
    }

    /// Reads a path that begins at `at`, and returns its number of tokens.
    fn path(&mut self, first: &Ident, tokens: &[TokenTree], at: usize) -> usize {
        let mut segments = vec![first.to_string()];
        let mut end = at + 1;
        while is_punct(tokens.get(end), ':') && is_punct(tokens.get(end + 1), ':') {
            let Some(TokenTree::Ident(segment)) = tokens.get(end + 2) else { break };
            segments.push(segment.to_string());
            end += 3;
        }
        // A field or method, a lifetime, or the rest of a path that began with a type or with `::`.
        let previous = at.checked_sub(1).and_then(|before| tokens.get(before));
        let field = is_punct(previous, '.') && !is_punct(at.checked_sub(2).and_then(|i| tokens.get(i)), '.');
        let rest = is_punct(previous, ':') && is_punct(at.checked_sub(2).and_then(|i| tokens.get(i)), ':');
        if !field && !rest && !is_punct(previous, '\'') {
            self.idents.insert(segments[0].clone());
            if segments.len() > 1 {
                self.paths.insert(segments);
            } else {
                self.bare.extend(segments);
            }
        }
        end - at
    }

    fn inner_use(&mut self, tokens: &[TokenTree]) -> usize {
        let length = tokens.iter().position(|token| is_punct(Some(token), ';')).map_or(tokens.len(), |end| end + 1);
        if let Ok(item) = syn::parse2::<ItemUse>(tokens[..length].iter().cloned().collect()) {
            self.uses.extend(flatten(&item));
            return length;
        }
        1
    }

    /// An attribute may name functions in strings: `#[serde(with = "crate::time")]`.
    fn attribute(&mut self, tokens: TokenStream) {
        let is_doc = matches!(tokens.clone().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "doc");
        if !is_doc {
            self.strings(tokens.clone());
            self.read(tokens);
        }
    }

    fn strings(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.strings(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    if let Ok(path) = syn::parse_str::<syn::Path>(text.trim_matches('"')) {
                        let segments: Segments = path.segments.iter().map(|one| one.ident.to_string()).collect();
                        self.idents.insert(segments[0].clone());
                        // A path to a function of a module, or to a module that stands for its functions.
                        self.paths.insert(segments);
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

/// All leaves of a `use` declaration.
pub(super) fn flatten(item: &ItemUse) -> Vec<UsePath> {
    let mut leaves = Vec::new();
    if item.leading_colon.is_none() {
        collect(&item.tree, &mut Vec::new(), &mut leaves);
    }
    leaves
}

fn collect(tree: &UseTree, prefix: &mut Segments, leaves: &mut Vec<UsePath>) {
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            collect(&path.tree, prefix, leaves);
            prefix.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, prefix, leaves)),
        UseTree::Glob(_) => leaves.push(UsePath::Glob { segments: prefix.clone() }),
        UseTree::Name(name) => leaves.push(named(prefix, &name.ident, None)),
        UseTree::Rename(rename) => leaves.push(named(prefix, &rename.ident, Some(&rename.rename))),
    }
}

/// `prefix::ident as rename`; `ident` may be `self`, which means the prefix itself.
fn named(prefix: &Segments, ident: &Ident, rename: Option<&Ident>) -> UsePath {
    let mut segments = prefix.clone();
    let is_self = ident == "self" && !segments.is_empty();
    if !is_self {
        segments.push(ident.to_string());
    }
    let name = rename.map(ToString::to_string).unwrap_or_else(|| segments[segments.len() - 1].clone());
    UsePath::Named { segments, name, is_self }
}

/// Whether this is the scope of a visibility, such as `(crate)` or `(in crate::decode)`, which imports nothing.
fn is_visibility(token: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = token else { return false };
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(scope)] => ["crate", "super", "self"].iter().any(|name| scope == name),
        [TokenTree::Ident(first), ..] => first == "in",
        _ => false,
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}
