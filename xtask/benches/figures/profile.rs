//! How long each layer of a network takes, and how much work a second that is: of a plain convolution, two operations
//! for each product, whatever way the engine has to the same result. Products are told in whole millions, so the rate of
//! a small layer is too low, or none.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use cutline_engine::{Engine, Network, Threads};
use cutline_imaging::models::Model;

/// Of how many runs the least time of a layer is told.
const RUNS: usize = 5;

/// What a layer, or several of them, took; and products that it is made of, in millions.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    seconds: f64,
    products: f64,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.products += other.products;
    }

    fn print(self, what: &str) {
        // A product and a sum.
        let rate = 2.0 * self.products / 1e3 / self.seconds;
        let rate = if self.products > 0.0 { format!("{rate:7.1} GFLOP/s") } else { String::new() };
        println!("    {:9.3} ms  {rate:15}  {what}", self.seconds * 1e3);
    }
}

/// Prints the layers of a network that was prepared, on one thread, the longest first; and what all of a kind take.
pub(crate) fn print(model: &Model, prepared: &Path, input: &[f32]) -> Result<()> {
    let engine = Engine::new(Network::load(prepared)?, Threads::new(NonZeroUsize::MIN)?)?;
    let mut layers: Vec<(String, Duration)> = engine.run_timed(input)?.1.0;
    for _ in 1..RUNS {
        for (layer, (_, again)) in layers.iter_mut().zip(engine.run_timed(input)?.1.0) {
            layer.1 = layer.1.min(again);
        }
    }
    let mut layers = layers.into_iter().map(|(what, time)| cost(what, time)).collect::<Result<Vec<_>>>()?;
    layers.sort_by(|one, other| other.1.seconds.total_cmp(&one.1.seconds));
    println!("\n{}, {}, 1 thread, by layer:", model.name, engine.isa().name());
    let (mut kinds, mut all) = (BTreeMap::<String, Cost>::new(), Cost::default());
    for (what, cost) in layers {
        cost.print(&what);
        kinds.entry(kind(&what)).or_default().add(cost);
        all.add(cost);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by(|one, other| other.1.seconds.total_cmp(&one.1.seconds));
    println!("\n{}, {}, 1 thread, by kind of layer:", model.name, engine.isa().name());
    kinds.iter().for_each(|(kind, cost)| cost.print(kind));
    all.print("all");
    Ok(())
}

/// A layer's text ends with its products, in millions.
fn cost(text: String, time: Duration) -> Result<(String, Cost)> {
    let (what, products) = text.rsplit_once(' ').context("a layer without a count")?;
    let products = products.parse().with_context(|| format!("a layer without a count: {text}"))?;
    Ok((what.to_owned(), Cost { seconds: time.as_secs_f64(), products }))
}

/// The words before any number or arrow: what a layer does, and how far apart it looks.
fn kind(what: &str) -> String {
    let words = what.split(' ').take_while(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
    words.collect::<Vec<_>>().join(" ")
}
