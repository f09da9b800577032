//! Each expensive drawing is refused, and each harmless one is accepted, by counted work.

use std::time::Instant;

use resvg::tiny_skia::Pixmap;
use resvg::usvg::Options;

use super::*;

/// A document of `side` by `side` pixels.
fn svg(side: u32, inner: &str) -> String {
    format!("<svg xmlns='http://www.w3.org/2000/svg' width='{side}' height='{side}'>{inner}</svg>")
}

fn tree(text: &str) -> (Tree, u64) {
    let (document, contents) = crate::decode::svg::document::parse(text).expect("unfolds");
    (Tree::from_xmltree(&document, &Options::default()).expect("parses"), contents.tree_bytes)
}

fn counted(text: &str) -> Result<Budget, Exceeded> {
    let (tree, bytes) = tree(text);
    count(&tree, crate::decode::svg::drawn_size(&tree), bytes, &Limits::default())
}

/// A number from 0 to `end`, by a hash of `seed`.
fn random(seed: usize, end: usize) -> usize {
    (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % end
}

/// A zigzag between two rows, through random columns.
fn zigzag(points: usize, top: usize, bottom: usize) -> String {
    let at = |index: usize| format!("L{} {}", random(index, 2048), if index.is_multiple_of(2) { top } else { bottom });
    format!("M0 {top}{}", (1..points).map(at).collect::<String>())
}

fn gradient(kind: &str, stops: usize) -> String {
    let stop =
        |at: usize| format!("<stop offset='{}' stop-color='#{:03x}'/>", at as f64 / stops as f64, random(at, 4096));
    format!("<{kind}Gradient id='g' fx='.3'>{}</{kind}Gradient>", (0..=stops).map(stop).collect::<String>())
}

const SOLID: &str = "<rect width='2048' height='2048' fill='red'/>";
const FULL: &str = "<rect width='2048' height='2048' fill='url(#g)'/>";

#[test]
fn refuses_what_takes_too_long() {
    let line = |style: &str, d: &str| format!("<path fill='none' stroke='red' {style} d='{d}'/>");
    for (part, heavy) in [
        // Each dash is far wider than long, and its outline crosses a thousand rows.
        (Part::Dashes, line("stroke-width='900' stroke-dasharray='.02'", "M0 0H2048")),
        // Dashes far outside of the drawing whose outlines reach into its rows.
        (Part::Dashes, line("stroke-width='6000' stroke-dasharray='2'", "M0 0H90000")),
        (Part::Dashes, line("stroke-width='.5' stroke-dasharray='.01'", "M0 0H2048 0 2048").repeat(50)),
        (Part::Gradients, gradient("radial", 3) + &FULL.repeat(60)),
        (Part::Gradients, gradient("linear", 4000) + FULL),
        // Few pixels, but each row is a run of its own, and each run searches all stops.
        (Part::Gradients, gradient("linear", 4000) + &"<path fill='url(#g)' d='M0 0h1V2048z'/>".repeat(200)),
        (
            Part::Patterns,
            format!("<pattern id='g' width='1' height='1'><path d='M0 0h1v1z'/></pattern>{}", FULL.repeat(9)),
        ),
        // All edges cross all rows; all cross each other within one row.
        (Part::Outlines, format!("<path d='{}'/>", zigzag(20_000, 0, 2048))),
        (Part::Outlines, format!("<path d='{}'/>", zigzag(60_000, 100, 101))),
        (Part::Outlines, line("stroke-width='.3'", &zigzag(9_000, 0, 2048))),
        (Part::Layers, format!("<g opacity='.5'>{SOLID}</g>").repeat(90)),
        (
            Part::Filters,
            format!("<filter id='f'><feTurbulence numOctaves='40'/></filter><g filter='url(#f)'>{SOLID}</g>"),
        ),
        (
            Part::Filters,
            format!("<filter id='f'><feGaussianBlur stdDeviation='1'/></filter><g filter='url(#f)'>{SOLID}</g>"),
        ),
    ] {
        let exceeded = counted(&svg(2048, &heavy)).map(|budget| budget.work());
        assert_eq!(exceeded, Err(Exceeded::Work(part)), "{}", &heavy[..heavy.len().min(200)]);
    }
}

#[test]
fn refuses_what_takes_too_much_memory() {
    let dashed = "<path fill='none' stroke='red' stroke-linecap='round' stroke-width='3' stroke-dasharray='.003' d='M0 0H2048'/>";
    let nested = format!("{}{SOLID}{}", "<g opacity='.9'>".repeat(20), "</g>".repeat(20));
    // Dashes nobody sees, along curves so large that their pieces never get close enough to them.
    let huge = "<circle r='5e8' fill='none' stroke='red' stroke-dasharray='350'/>";
    for (part, heavy) in [(Part::Dashes, dashed.to_owned()), (Part::Dashes, huge.to_owned()), (Part::Layers, nested)] {
        assert_eq!(counted(&svg(2048, &heavy)).map(|budget| budget.work()), Err(Exceeded::Memory(part)), "{heavy}");
    }
}

/// These made the drawing library panic, the arc even within a destructor, which ended the process.
#[test]
fn refuses_coordinates_that_overflow() {
    for huge in [
        "<path d='M-2e9-2e9H2e9V2e9H-2e9z'/>",
        "<path d='M0 0A1e9 1e9 0 1 1 1 1'/>",
        "<circle r='1e12'/>",
        "<path fill='none' stroke='red' stroke-width='1e12' d='M5 5L1000 80'/>",
        "<mask id='m' x='-1e12' y='-1e12' width='1e13' height='1e13'><circle r='5' fill='red'/></mask>\
         <g mask='url(#m)'><path d='M0 0h9v9z'/></g>",
    ] {
        assert_eq!(counted(&svg(2048, huge)).map(|budget| budget.work()), Err(Exceeded::Coordinates), "{huge}");
    }
}

/// What people draw, at its most elaborate.
fn harmless() -> Vec<(&'static str, String)> {
    let line = |style: &str, d: &str| format!("<path fill='none' stroke='red' {style} d='{d}'/>");
    let shape = |at: usize| {
        let (x, y) = (random(at, 2000), random(at + 9_999_999, 2000));
        format!(
            "<path d='M{x} {y}c9 0 20 10 20 20s-9 20-20 20-20-9-20-20S{x} {y} {x} {y}z' fill='#{:03x}'/>",
            random(at, 4096)
        )
    };
    let grid: String = (0..200).map(|at| format!("M0 {0}H2048M{0} 0V2048", at * 10)).collect();
    let blur = "<filter id='f'><feGaussianBlur stdDeviation='12'/><feOffset dy='9'/></filter>";
    let clip = "<clipPath id='c'><circle cx='1000' cy='1000' r='900'/></clipPath>";
    let hatch: String = (0..400).map(|at| format!("M{} 0L{} 2048", at * 5, random(at, 2048))).collect();
    vec![
        ("a map of 20,000 shapes", (0..20_000).map(shape).collect()),
        (
            "a shape of 30,000 points",
            format!(
                "<path d='{}'/>",
                (0..30_000)
                    .map(|at| {
                        let angle = at as f64 / 30_000.0 * std::f64::consts::TAU;
                        let radius = 900.0 + random(at, 20) as f64;
                        format!(
                            "{}{:.1} {:.1}",
                            if at == 0 { 'M' } else { 'L' },
                            1024.0 + radius * angle.cos(),
                            1024.0 + radius * angle.sin()
                        )
                    })
                    .collect::<String>()
            ),
        ),
        ("a technical drawing with a dashed grid", line("stroke-width='2' stroke-dasharray='12 6 2 6'", &grid)),
        ("a dotted grid", line("stroke-width='3' stroke-linecap='round' stroke-dasharray='0 20'", &grid)),
        ("hatching", line("stroke-width='1.5'", &hatch)),
        ("gradients over everything", gradient("radial", 5) + &FULL.repeat(20)),
        ("blurred shadows", format!("{blur}{}", format!("<g filter='url(#f)'>{SOLID}</g>").repeat(2))),
        ("clipped groups", format!("{clip}{}", format!("<g clip-path='url(#c)'>{SOLID}</g>").repeat(20))),
        ("nested groups", format!("{}{SOLID}{}", "<g opacity='.9'>".repeat(8), "</g>".repeat(8))),
        ("a background far larger than the drawing", "<rect x='-1e6' y='-1e6' width='2e6' height='2e6'/>".into()),
        ("an icon", "<path d='M100 100h800a99 99 0 0 1 99 99v99a99 99 0 0 1-99 99z'/>".into()),
    ]
}

#[test]
fn accepts_elaborate_artwork() {
    for (name, inner) in harmless() {
        let counted = counted(&svg(2048, &inner)).map(|budget| budget.work());
        assert!(counted.is_ok(), "{name}: {counted:?}");
    }
}

/// Drawings at a fraction of the budget whose kinds differ, so that each constant shows.
fn elaborate() -> Vec<(&'static str, String)> {
    let line = |style: &str, d: &str| format!("<path fill='none' stroke='red' {style} d='{d}'/>");
    let filter = |primitive: &str| {
        format!("<filter id='f' x='0' y='0' width='1' height='1'>{primitive}</filter><g filter='url(#f)'>{SOLID}</g>")
    };
    let comb: String = (0..500).map(|_| "h2v2048h2v-2048").collect();
    vec![
        ("two stops", gradient("linear", 1) + &FULL.repeat(20)),
        ("hundred stops", gradient("radial", 100) + &FULL.repeat(5)),
        ("comb", format!("<path d='M0 0{comb}'/>")),
        ("comb with gradient", format!("{}<path fill='url(#g)' d='M0 0{comb}'/>", gradient("radial", 9))),
        ("star", format!("<path d='{}'/>", zigzag(2000, 0, 2048))),
        ("flat star", format!("<path d='{}'/>", zigzag(9000, 100, 102))),
        ("hairlines", line("stroke-width='.3'", &zigzag(800, 0, 2048))),
        ("wide strokes", line("stroke-width='20' stroke-linejoin='round'", &zigzag(800, 0, 2048))),
        ("dashes", line("stroke-width='3' stroke-dasharray='4' stroke-linecap='round'", &zigzag(80, 0, 2048))),
        ("wide dashes", line("stroke-width='300' stroke-dasharray='4'", "M0 1000H2048")),
        ("layers", format!("<g opacity='.5'>{SOLID}</g>").repeat(20)),
        ("masks", format!("<mask id='m'>{SOLID}</mask>{}", format!("<g mask='url(#m)'>{SOLID}</g>").repeat(8))),
        ("blur", filter("<feGaussianBlur stdDeviation='9'/>")),
        ("turbulence", filter("<feTurbulence baseFrequency='.05' numOctaves='4'/>")),
        ("morphology", filter("<feMorphology radius='3'/>")),
        ("convolution", filter("<feConvolveMatrix order='3' kernelMatrix='1 2 3 4 5 6 7 8 9'/>")),
        ("lighting", filter("<feSpecularLighting><fePointLight z='50'/></feSpecularLighting>")),
        (
            "pattern",
            format!(
                "<pattern id='g' width='.1' height='.1' patternTransform='rotate(9)'><rect width='99' height='99'/></pattern>{}",
                FULL.repeat(2)
            ),
        ),
        (
            "shapes",
            (0..9000)
                .map(|at| format!("<circle cx='{}' cy='{}' r='20'/>", random(at, 2048), random(at + 1_234_567, 2048)))
                .collect(),
        ),
    ]
}

/// Compares counted work with measured time, in ratio to the other drawings of the same run. On a busy machine a single
/// drawing may be slow, so the fastest of three counts.
#[test]
#[ignore = "measures time for half a minute, as a part of `cargo xtask bench imaging`"]
fn counted_work_agrees_with_the_time_it_takes() {
    let drawings = elaborate().into_iter().chain(harmless());
    let mut ratios: Vec<(f64, &str)> = drawings
        .filter_map(|(name, inner)| {
            let text = svg(2048, &inner);
            let work = counted(&text).expect(name).work();
            let (tree, _) = tree(&text);
            let times = (0..3).map(|_| {
                let start = Instant::now();
                let mut canvas = Pixmap::new(2048, 2048).expect("a canvas");
                resvg::render(&tree, Transform::identity(), &mut canvas.as_mut());
                start.elapsed().as_secs_f64()
            });
            let seconds = times.fold(f64::INFINITY, f64::min);
            println!("{name:45} {:8.1} ms, counted {:8.1}: {:.2}", seconds * 1e3, work / 1e6, seconds * 1e9 / work);
            // Short times are mostly overhead.
            (seconds > 0.02).then_some((seconds * 1e9 / work, name))
        })
        .collect();
    assert!(ratios.len() > 15, "most drawings take a while");
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let median = ratios[ratios.len() / 2].0;
    for (ratio, name) in ratios {
        assert!((median / 8.0..median * 3.0).contains(&ratio), "{name}: {ratio:.2} where others take {median:.2}");
    }
}
