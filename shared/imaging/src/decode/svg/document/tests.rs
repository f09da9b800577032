use super::*;

fn svg(inner: &str) -> String {
    format!("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{inner}</svg>")
}

fn chain(first: &str, link: impl Fn(usize) -> String) -> String {
    let links: String = (1..12).map(link).collect();
    svg(&format!("{first}{links}"))
}

#[test]
fn rejects_documents_that_unfold_into_billions() {
    let uses = chain("<g id='a0'><path d='M0 0h1'/></g>", |at| {
        format!("<g id='a{at}'>{}</g>", format!("<use href='#a{}'/>", at - 1).repeat(10))
    });
    let patterns = chain("<pattern id='a0'><path d='M0 0h1'/></pattern>", |at| {
        let path = format!("<path d='M0 0h1' fill='url(#a{})'/>", at - 1);
        format!("<pattern id='a{at}'>{}</pattern>", path.repeat(10))
    });
    let styled = chain("<style>.x0{fill:url(#p0)}</style><pattern id='p0'/>", |at| {
        let path = format!("<path class='x{}'/>", at - 1);
        format!("<style>.x{at}{{mask:url( \"#p{at}\" )}}</style><mask id='p{at}'>{}</mask>", path.repeat(10))
    });
    let marked = svg(&format!(
        "<marker id='m'>{}</marker><path marker-mid='url(#m)' d='{}'/>",
        "<path/>".repeat(1000),
        "M0 0".repeat(1000)
    ));
    let nested = chain("<marker id='a0'><path d='M0 0h1'/></marker>", |at| {
        let path = format!("<path d='M0 0l.1.1.1.1.1.1' marker-mid='url(#a{})'/>", at - 1);
        format!("<marker id='a{at}'>{path}</marker>")
    });
    let inherited =
        svg(&format!("<pattern id='p'>{0}</pattern><g fill='url(#p)'>{0}</g>", "<path d='M0 0h1'/>".repeat(2000)));
    let used = svg(&format!(
        "<pattern id='p'>{0}</pattern><g id='g'>{0}</g><use fill='url(#p)' href='#g'/>",
        "<path/>".repeat(2000)
    ));
    let twice = format!("<g id='a'/><g id='a'>{}</g>", "<path/>".repeat(2000));
    let twice = svg(&format!("{twice}{}", "<use href='#a'/>".repeat(2000)));
    let pictures = svg(&format!(
        "<image id='i' href='data:image/png;base64,{}'/>{}",
        "A".repeat(1 << 20),
        "<use href='#i'/>".repeat(200)
    ));
    for bomb in [uses, patterns, styled, marked, nested, inherited, used, twice, pictures] {
        let refusal = parse(&bomb).map(|_| ()).expect_err("refuses it");
        assert_eq!(refusal, Refusal::UnfoldsTooFar, "{}", &bomb[..bomb.len().min(200)]);
    }
}

#[test]
fn limits_copies_of_gradients() {
    let gradient = |stops: usize| format!("<linearGradient id='a'>{}</linearGradient>", "<stop/>".repeat(stops));
    let inherited = |paths: usize| format!("<g fill='url(#a)'>{}</g>", "<path d='M0 0h1v1z'/>".repeat(paths));
    let own = "<path fill='url(#a)'/>".repeat(2000);
    for bomb in [gradient(2000) + &inherited(2000), gradient(2000) + &own] {
        assert_eq!(parse(&svg(&bomb)).map(|_| ()), Err(Refusal::UnfoldsTooFar));
    }
    // A map of many shapes with one gradient.
    parse(&svg(&(gradient(6) + &inherited(60_000)))).map(|_| ()).expect("is no bomb");
}

#[test]
fn limits_elements_points_and_levels() {
    let deep = format!("{}{}{}", "<g>".repeat(190), "<path/>".repeat(60_000), "</g>".repeat(190));
    let arcs = "<path d='M0 0A9 9 0 1 1 3 3'/>".repeat(9) + "<circle r='1e30'/>".repeat(20).as_str();
    for (document, refusal) in [
        ("<path/>".repeat(300_001), Refusal::TooManyElements),
        (format!("<path d='M{}'/>", "0 ".repeat(3_100_000)), Refusal::TooManyPoints),
        (arcs, Refusal::TooManyPoints),
        (deep, Refusal::TooDeep),
    ] {
        assert_eq!(parse(&svg(&document)).map(|_| ()), Err(refusal), "{}", &document[..60]);
    }
}

#[test]
fn limits_style_sheets() {
    let paths = "<path/>".repeat(2000);
    let many = format!("<style>{}</style>{paths}", "a{b:c}".repeat(6000));
    let one = format!("<style>*{{{}}}</style>{paths}", "fill:url(#a);".repeat(6000));
    let long = format!("<style>{}</style><path d='{}'/>", "[d~=x]{b:c}".repeat(100), "0 ".repeat(500_000));
    for sheet in [many, one, long] {
        let refusal = parse(&svg(&sheet)).map(|_| ()).expect_err("refuses it");
        assert_eq!(refusal, Refusal::TooManyStyleRules);
    }
}

#[test]
fn limits_inherited_references_and_namesakes() {
    let many: String = (0..2000).map(|at| format!("fill:url(#a{at});")).collect();
    let handed = format!("<g style='{many}'>{}</g>", "<path/>".repeat(3000));
    let namesakes = format!("{}<path fill='url(#a)'/>", "<linearGradient id='a'/>".repeat(65));
    for (document, refusal) in [(handed, Refusal::TooManyInheritedReferences), (namesakes, Refusal::TooManyNamesakes)] {
        assert_eq!(parse(&svg(&document)).map(|_| ()), Err(refusal));
    }
}

#[test]
fn rejects_deep_nesting() {
    let deep = svg(&format!("{}{}", "<g>".repeat(300), "</g>".repeat(300)));
    let long: String = (0..300).map(|at| format!("<use id='u{at}' href='#u{}'/>", at + 1)).collect();
    for document in [deep, svg(&long)] {
        let refusal = parse(&document).map(|_| ()).expect_err("refuses it");
        assert_eq!(refusal, Refusal::TooDeep);
    }
}

#[test]
fn rejects_self_references() {
    let pattern = |at: &str, inner: &str| format!("<pattern id='{at}' width='1' height='1'>{inner}</pattern>");
    let filled = |by: &str, with: &str| format!("<path d='M0 0h1v1z' {by}='url(#{with})'/>");
    let path = "<path d='M0 0h1v1z'/>";
    let cycles = [
        "<use id='a' href='#b'/><g id='b'><use href='#a'/></g>".to_owned(),
        ["ab", "bc", "ca"].map(|ends| pattern(&ends[..1], &filled("fill", &ends[1..]))).concat(),
        pattern("a", &filled("fill", "b")) + &pattern("b", &filled("stroke", "a")),
        pattern("a", &filled("style='x:y' mask", "b")) + &format!("<mask id='b'>{}</mask>", filled("fill", "a")),
        pattern("a", "<path style='stroke:red;fill:url( \"#a\" )'/>"),
        "<linearGradient id='a' href='#b'/><linearGradient id='b' href='#c'/><linearGradient id='c' href='#b'/>".into(),
        // Through inheritance from around the pattern, and through style rules.
        format!("<g fill='url(#a)'>{}</g>", pattern("a", path)),
        format!("<g fill='url(#a)'>{}</g>{path}", pattern("a", "<use href='#x'/>")).replace("h1v1z'", "h1' id='x'"),
        format!("<style>.f{{fill:url(#a)}}</style>{}", pattern("a", "<path class='e f' d='M0 0h1'/>")),
        format!("<style>g > path:first-child{{fill:url(#a)}}</style><g>{}</g>", pattern("a", path)),
        format!("<style>[x='a b']{{fill:url(#a)}}</style>{}", pattern("a", path)),
        format!("<style>g path{{fill:url(#a)}}</style><g>{}</g>", pattern("a", path)),
        format!("<style>#x/**/{{mask:url(#a)}}</style><mask id='a'>{path}</mask>"),
        "<filter id='f'><feImage href='#g'/></filter><g id='g'><path filter='url(#f)'/></g>".into(),
        format!(
            "<marker id='a'>{}</marker><marker id='b'>{}</marker>",
            filled("marker-mid", "b"),
            filled("marker-end", "a")
        ),
    ];
    for cycle in cycles {
        let refusal = parse(&svg(&cycle)).map(|_| ());
        assert_eq!(refusal, Err(Refusal::SelfReference), "{cycle}");
    }
}

#[test]
fn accepts_references_that_only_look_cyclic() {
    for drawn in [
        "<style>.a,#b path{fill:url(#p)}rect{fill:url(#g)}</style><g id='b'/><pattern id='p'><path/><rect/></pattern>\
         <linearGradient id='g'><stop/></linearGradient><path class='a'/>",
        "<style>path{marker-end:url(#m)}</style><marker id='m'><path d='M0 0h1'/></marker><path d='M0 0h9'/>",
        "<style>*{fill:url(#g)}</style><linearGradient id='g'><stop/></linearGradient><path/>",
        "<g fill='url(#p)'><pattern id='p'><path fill='red'/></pattern><path/></g>",
        "<g mask='url(#m)'><mask id='m'><path/></mask><path/></g>",
    ] {
        parse(&svg(drawn)).map(|_| ()).expect(drawn);
    }
}

#[test]
fn rejects_entity_bombs_external_entities_and_other_documents() {
    let entities: String =
        (1..20).map(|at| format!("<!ENTITY e{at} '{}'>", format!("&e{};", at - 1).repeat(10))).collect();
    let laughs = format!("<!DOCTYPE svg [<!ENTITY e0 'ha'>{entities}]>{}", svg("<g id='&e19;'/>"));
    assert!(matches!(parse(&laughs), Err(Refusal::InvalidXml(_))));
    assert!(matches!(parse("<html><svg/></html>"), Err(Refusal::NotSvg)));
    let outside = format!("<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{}", svg("<text>&x;</text>"));
    assert!(matches!(parse(&outside), Err(Refusal::InvalidXml(_))));
}

#[test]
fn detects_text() {
    assert!(parse(&svg("<g><text>hi</text></g>")).expect("parses").1.has_text);
    assert!(!parse(&svg("<g/>")).expect("parses").1.has_text);
}
