//! No two source files import each other, neither directly nor through others: each file can be understood, and tested,
//! after those that it builds on.

use std::fs;
use std::path::Path;

use crate::imports::{ImportGraph, Sources};
use crate::metadata::{list, metadata, root};

#[test]
fn no_file_of_the_workspace_is_part_of_an_import_cycle() {
    let root = root();
    let sources = rust_sources(&root);
    let mut cycles = Vec::new();
    for target in crate_roots(&root) {
        let graph = ImportGraph::read(&target, &sources).unwrap_or_else(|error| panic!("{error}"));
        cycles.extend(graph.cycles().iter().map(ToString::to_string));
    }
    assert!(
        cycles.is_empty(),
        "{} import cycles; move what the files of each share to a file of its own:\n\n{}\n",
        cycles.len(),
        cycles.join("\n\n")
    );
}

/// The root files of all libraries, programs and benchmarks of the workspace.
fn crate_roots(root: &Path) -> Vec<String> {
    let metadata = metadata(&["--no-deps"]);
    let roots: Vec<String> = list(&metadata["packages"])
        .flat_map(|package| list(&package["targets"]))
        .filter(|target| list(&target["kind"]).all(|kind| kind != "test"))
        .map(|target| relative(root, Path::new(target["src_path"].as_str().expect("a path"))))
        .collect();
    assert!(roots.len() >= 10, "cargo metadata lists too few targets: {roots:?}");
    roots
}

fn rust_sources(root: &Path) -> Sources {
    let mut sources = Sources::new();
    let mut folders: Vec<_> = ["cli", "functions", "shared", "xtask"].map(|name| root.join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("UTF-8");
                sources.insert(relative(root, &path), source);
            }
        }
    }
    sources
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).expect("a path of the workspace").to_str().expect("UTF-8").replace('\\', "/")
}

mod planted {
    //! The detector itself, on small crates.

    use super::*;

    /// The files of each cycle in a crate of these files, whose root is `src/lib.rs`.
    fn cycles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let sources = files.iter().map(|&(path, source)| (format!("src/{path}"), source.to_owned())).collect();
        let graph = ImportGraph::read("src/lib.rs", &sources).expect("a crate that parses");
        let shorten = |file: &String| file.strip_prefix("src/").expect("a file of the crate").to_owned();
        graph.cycles().iter().map(|cycle| cycle.files.iter().map(shorten).collect()).collect()
    }

    #[track_caller]
    fn assert_cycle(files: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(cycles(files), [expected]);
    }

    #[track_caller]
    fn assert_no_cycle(files: &[(&str, &str)]) {
        assert_eq!(cycles(files), Vec::<Vec<String>>::new());
    }

    #[test]
    fn finds_two_files_that_import_each_other() {
        assert_cycle(
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::B; pub struct A(B);"),
                ("b.rs", "use super::a::A; pub struct B(Box<A>);"),
            ],
            &["a.rs", "b.rs"],
        );
    }

    #[test]
    fn finds_three_files_that_import_in_a_circle() {
        assert_cycle(
            &[
                ("lib.rs", "mod a; mod b; mod c; mod other;"),
                ("a.rs", "use crate::{b::{self, f}, other::O}; pub const X: u8 = 1; fn a(_: O) { f(); b::f() }"),
                ("b.rs", "pub fn f() { crate::c::g() }"),
                ("c.rs", "pub fn g() { println!(\"{}\", super::a::X) }"),
                ("other.rs", "pub struct O;"),
            ],
            &["a.rs", "b.rs", "c.rs"],
        );
    }

    #[test]
    fn finds_a_parent_and_child_that_import_each_other() {
        assert_cycle(
            &[
                ("lib.rs", "mod parent;"),
                ("parent.rs", "mod child; pub struct Shared; pub fn run() { child::run() }"),
                ("parent/child.rs", "use super::Shared; pub fn run() -> Shared { Shared }"),
            ],
            &["parent.rs", "parent/child.rs"],
        );
    }

    #[test]
    fn finds_a_crate_root_that_a_module_imports_from() {
        let files =
            [("lib.rs", "mod a; fn f() { a::run(); } fn root() {}"), ("a.rs", "pub fn run() { crate::root() }")];
        assert_cycle(&files, &["a.rs", "lib.rs"]);
    }

    #[test]
    fn declaring_and_re_exporting_a_child_is_no_import() {
        assert_no_cycle(&[
            ("lib.rs", "mod parent; pub use parent::*;"),
            ("parent.rs", "mod child; pub use child::{Child, make}; pub struct Shared;"),
            ("parent/child.rs", "use super::Shared; pub struct Child(Shared); pub fn make() {}"),
        ]);
    }

    #[test]
    fn using_a_re_exported_item_is_an_import() {
        assert_cycle(
            &[
                ("lib.rs", "mod parent;"),
                ("parent.rs", "mod child; pub use child::Child; pub struct Shared; impl Child { }"),
                ("parent/child.rs", "use super::Shared; pub struct Child(Shared);"),
            ],
            &["parent.rs", "parent/child.rs"],
        );
    }

    #[test]
    fn follows_re_exports_to_the_file_that_defines_the_item() {
        let ports = ("ports.rs", "mod jobs; mod keys; pub use jobs::Jobs; pub(crate) use self::keys::*;");
        assert_no_cycle(&[
            ("lib.rs", "pub mod ports; mod user; pub use user::run; pub struct Error;"),
            ports,
            ("ports/jobs.rs", "use crate::ports::Keys; pub struct Jobs(Keys);"),
            ("ports/keys.rs", "pub struct Keys;"),
            ("user.rs", "use crate::ports::{self, Jobs}; pub fn run(_: Jobs, _: ports::Keys) {}"),
        ]);
        assert_cycle(
            &[
                ("lib.rs", "pub mod ports; mod user;"),
                ports,
                ("ports/jobs.rs", "pub struct Jobs; pub fn f() { crate::user::run() }"),
                ("ports/keys.rs", "pub struct Keys;"),
                ("user.rs", "use crate::ports::Jobs; pub fn run() {}"),
            ],
            &["ports/jobs.rs", "user.rs"],
        );
    }

    #[test]
    fn tells_a_function_from_a_module_of_the_same_name() {
        assert_no_cycle(&[
            ("lib.rs", "mod decode; pub use decode::decode; mod user;"),
            ("decode.rs", "pub fn decode() {}"),
            ("user.rs", "pub fn user() { crate::decode() }"),
        ]);
    }

    #[test]
    fn a_restricted_visibility_is_no_import() {
        assert_no_cycle(&[
            ("lib.rs", "mod a; pub use a::a;"),
            ("a.rs", "mod b; pub fn a() { b::f() }"),
            ("a/b.rs", "pub(in crate::a) fn f() {} pub(in super::super::a) struct B { pub(crate) x: u8 }"),
        ]);
    }

    #[test]
    fn importing_a_module_is_no_import_of_an_item_of_the_same_name() {
        for user in ["use crate::decode::{self, tool::f};", "use crate::decode;"] {
            let user = format!("{user} pub fn user() {{ decode::tool::f() }}");
            assert_no_cycle(&[
                ("lib.rs", "mod decode; pub use decode::decode; mod user;"),
                ("decode.rs", "pub mod tool; pub fn decode() { crate::user::user() }"),
                ("decode/tool.rs", "pub fn f() {}"),
                ("user.rs", &user),
            ]);
        }
    }

    #[test]
    fn follows_globs_by_the_names_that_the_code_uses() {
        let parent = ("parent.rs", "mod child; use crate::other::O; pub fn f(_: O) { child::g() } pub struct Unused;");
        let lib = ("lib.rs", "mod other; mod parent;");
        let other = ("other.rs", "pub struct O;");
        assert_no_cycle(&[lib, other, parent, ("parent/child.rs", "use super::*; pub fn g() { let _ = O; }")]);
        assert_cycle(
            &[lib, other, parent, ("parent/child.rs", "use super::*; pub fn g() { let _ = Unused; }")],
            &["parent.rs", "parent/child.rs"],
        );
    }

    #[test]
    fn reads_macros_attributes_and_uses_inside_functions() {
        let lib = ("lib.rs", "mod a; mod b;");
        let b = ("b.rs", "use crate::a::A; pub fn time(_: A) {} pub struct B;");
        for user in [
            "pub struct A; fn f() { assert!(matches!(1, crate::b::B)); }",
            "#[derive(Serialize)] pub struct A { #[serde(serialize_with = \"crate::b::time\")] x: u8 }",
            "pub struct A; fn f() { use crate::b::{B as Other, time}; time(Other) }",
            "pub struct A; type T = Vec<crate::b::B>;",
        ] {
            assert_eq!(cycles(&[lib, b, ("a.rs", user)]), [["a.rs", "b.rs"]], "{user}");
        }
    }

    #[test]
    fn leaves_test_code_out() {
        assert_no_cycle(&[
            ("lib.rs", "mod a; mod b; #[cfg(test)] mod missing;"),
            (
                "a.rs",
                "pub struct A; impl A { #[cfg(test)] fn b() -> crate::b::B {} }
                #[cfg(test)] mod tests { use super::*; use crate::b::B; }
                #[cfg(all(test, feature = \"x\"))] use crate::b::B; #[test] fn t() { crate::b::B; }",
            ),
            ("b.rs", "use crate::a::A; pub struct B(A); fn f(other: A) { other.path.a(); std::a::b(); }"),
        ]);
    }

    #[test]
    fn follows_modules_in_folders_inline_modules_and_path_attributes() {
        assert_cycle(
            &[
                ("lib.rs", "mod a; mod inline { pub mod deep; } #[path = \"elsewhere/c.rs\"] mod c;"),
                ("a/mod.rs", "pub use crate::inline::deep::Deep as Other; pub fn f(_: Other) {}"),
                ("inline/deep.rs", "pub struct Deep; fn f() { crate::c::g() }"),
                ("elsewhere/c.rs", "pub fn g() { super::a::f(super::a::Other) }"),
            ],
            &["a/mod.rs", "elsewhere/c.rs", "inline/deep.rs"],
        );
    }

    #[test]
    fn reports_the_names_that_tie_a_cycle() {
        let files = [("src/lib.rs", "mod a; mod b;"), ("src/a.rs", "use crate::b::{B, C}; pub struct A;")];
        let mut sources: Sources = files.map(|(path, source)| (path.to_owned(), source.to_owned())).into();
        sources.insert("src/b.rs".to_owned(), "pub struct B(crate::a::A); pub struct C;".to_owned());
        let graph = ImportGraph::read("src/lib.rs", &sources).expect("a crate that parses");
        let report = graph.cycles().iter().map(ToString::to_string).collect::<String>();
        assert!(report.contains("src/a.rs imports B, C from src/b.rs"), "{report}");
        assert!(report.contains("src/b.rs imports A from src/a.rs"), "{report}");
    }

    #[test]
    fn a_missing_module_file_is_an_error() {
        let sources = Sources::from([("src/lib.rs".to_owned(), "mod gone;".to_owned())]);
        assert!(ImportGraph::read("src/lib.rs", &sources).is_err());
    }
}
