//! Profiles a network: the time of each layer, and its rate in multiplications and additions of a plain convolution per
//! second, however the engine computes it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use anyhow::Result;
use cutline_engine::{Engine, LayerTime, Network, Threads};
use cutline_imaging::models::Model;

/// How often the network runs. The shortest time of each layer counts.
const RUNS: usize = 5;

/// The cost of one or several layers.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    seconds: f64,
    multiplications: f64,
}

impl Cost {
    fn of(layer: &LayerTime) -> Self {
        Self { seconds: layer.time.as_secs_f64(), multiplications: layer.multiplications as f64 }
    }

    fn add(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.multiplications += other.multiplications;
    }

    fn print(self, what: &str) {
        // Each multiplication has an addition.
        let rate = 2.0 * self.multiplications / 1e9 / self.seconds;
        let rate = if self.multiplications > 0.0 { format!("{rate:7.1} GFLOP/s") } else { String::new() };
        println!("    {:9.3} ms  {rate:15}  {what}", self.seconds * 1e3);
    }
}

/// Prints the layers of a network on one thread, the slowest first, and the sums by operator.
pub(crate) fn print(model: &Model, network: Network, input: &[f32]) -> Result<()> {
    let engine = Engine::new(network, Threads::new(NonZeroUsize::MIN)?)?;
    let (_, mut layers) = engine.run_timed(input)?;
    for _ in 1..RUNS {
        for (layer, again) in layers.iter_mut().zip(engine.run_timed(input)?.1) {
            layer.time = layer.time.min(again.time);
        }
    }
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.time));
    println!("\n{}, {}, 1 thread, by layer:", model.name, engine.isa().name());
    let (mut operators, mut all) = (BTreeMap::<&str, Cost>::new(), Cost::default());
    for layer in &layers {
        let cost = Cost::of(layer);
        cost.print(&format!("{} {}", layer.operator, layer.shapes));
        operators.entry(&layer.operator).or_default().add(cost);
        all.add(cost);
    }
    let mut operators: Vec<_> = operators.into_iter().collect();
    operators.sort_by(|one, other| other.1.seconds.total_cmp(&one.1.seconds));
    println!("\n{}, {}, 1 thread, by operator:", model.name, engine.isa().name());
    operators.iter().for_each(|(operator, cost)| cost.print(operator));
    all.print("all");
    Ok(())
}
