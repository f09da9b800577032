//! Each layer at odd shapes, with every tail of a tile, a strip and a group.

use proptest::prelude::*;

use super::Build;
use crate::network::{Layer, Shape};

fn sized(build: &Build, map: usize, height: usize, width: usize) -> Shape {
    Shape { height, width, ..build.graph.maps[map] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn convolutions_of_blocks(
        (height, width) in (1_usize..30, 1_usize..30),
        (inputs, outputs) in (1_usize..4, 1_usize..8),
        dilation in 1_usize..10,
        (relu, half, add) in any::<(bool, bool, bool)>(),
        seed in any::<u64>(),
    ) {
        let mut build = Build::new((inputs * 16, height, width), seed);
        let first = build.conv(&[0], outputs * 16, |_| ());
        build.conv(&[0], outputs * 16, |conv| {
            (conv.dilation, conv.relu, conv.weights.half) = (dilation, relu, half);
            conv.add = add.then_some(first);
        });
        build.check();
    }

    #[test]
    fn convolutions_whose_threads_share_the_tiles(
        (height, width) in (60_usize..80, 60_usize..80),
        outputs in 1_usize..4,
        dilation in 1_usize..4,
        seed in any::<u64>(),
    ) {
        let mut build = Build::new((16, height, width), seed);
        build.conv(&[0], outputs * 16, |conv| conv.dilation = dilation);
        build.check();
    }

    #[test]
    fn maps_that_are_joined_and_enlarged_as_they_are_read(
        (height, width) in (1_usize..45, 1_usize..45),
        (tall, wide) in (60_usize..80, 60_usize..80),
        first_if_single in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut build = Build::new((16, tall, wide), seed);
        let small = sized(&build, 0, height, width);
        let small = build.layer(small, |to| Layer::Resize { from: 0, to, first_if_single });
        // What it is enlarged from is read long after the layer that would have enlarged it.
        let shape = sized(&build, small, tall, wide);
        let large = build.layer(shape, |to| Layer::Resize { from: small, to, first_if_single });
        let between = build.conv(&[0], 16, |conv| conv.relu = true);
        build.conv(&[large, between], 32, |_| ());
        build.check();
    }

    #[test]
    fn convolutions_of_planes(
        (height, width) in (1_usize..20, 1_usize..20),
        (inputs, blocks) in (1_usize..6, 1_usize..8),
        (size, stride) in (0_usize..3, 1_usize..4),
        relu in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut build = Build::new((inputs, height, width), seed);
        build.conv(&[0], blocks * 16, |conv| {
            (conv.size, conv.stride, conv.relu) = (2 * size + 1, stride, relu);
        });
        build.check();
    }

    #[test]
    fn convolutions_to_planes_and_of_them(
        (height, width) in (1_usize..20, 1_usize..20),
        (blocks, outputs) in (1_usize..4, 1_usize..4),
        (size, dilation) in (0_usize..3, 1_usize..4),
        relu in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut build = Build::new((blocks * 16, height, width), seed);
        let planes = build.conv(&[0], outputs, |conv| {
            (conv.size, conv.dilation, conv.relu) = (2 * size + 1, dilation, relu);
        });
        let mixed = build.conv(&[planes, planes], 3, |conv| (conv.size, conv.relu) = (1, !relu));
        let shape = build.graph.maps[mixed];
        build.layer(shape, |to| Layer::Sigmoid { from: mixed, to });
        build.check();
    }

    #[test]
    fn everything_between(
        (height, width) in (1_usize..20, 1_usize..20),
        (tall, wide) in (1_usize..40, 1_usize..40),
        channels in 1_usize..50,
        first_if_single in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut build = Build::new((channels, height, width), seed);
        let mut last = 0;
        if channels.is_multiple_of(16) {
            let half = sized(&build, 0, height.div_ceil(2), width.div_ceil(2));
            last = build.layer(half, |to| Layer::MaxPool { from: 0, to });
        }
        let shape = sized(&build, last, tall, wide);
        let resized = build.layer(shape, |to| Layer::Resize { from: last, to, first_if_single });
        build.layer(shape, |to| Layer::Add { a: resized, b: resized, to });
        build.check();
    }
}

#[test]
fn a_network_of_the_family_in_small() {
    let mut build = Build::new((3, 70, 66), 7);
    let first = build.conv(&[0], 32, |conv| conv.relu = true);
    let half = sized(&build, first, 35, 33);
    let pooled = build.layer(half, |to| Layer::MaxPool { from: first, to });
    let inner = build.conv(&[pooled], 16, |conv| (conv.relu, conv.dilation) = (true, 2));
    let deeper = build.conv(&[pooled, inner], 16, |conv| conv.relu = true);
    let large = sized(&build, deeper, 70, 66);
    let large = build.layer(large, |to| Layer::Resize { from: deeper, to, first_if_single: false });
    let whole = build.conv(&[large, first], 32, |conv| (conv.relu, conv.add) = (true, Some(first)));
    let one = build.conv(&[whole], 1, |_| ());
    let other = build.conv(&[deeper], 1, |_| ());
    let shape = build.graph.maps[one];
    let other = build.layer(shape, |to| Layer::Resize { from: other, to, first_if_single: true });
    build.conv(&[one, other], 1, |conv| conv.size = 1);
    build.check();
}
