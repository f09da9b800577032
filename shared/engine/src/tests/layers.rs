//! Tests each layer at odd shapes, which leave every kind of incomplete tile, strip and group.

use proptest::prelude::*;

use super::NetworkBuilder;
use crate::graph::{Layer, MapId};
use crate::shape::Shape;

fn sized(builder: &NetworkBuilder, map: MapId, height: usize, width: usize) -> Shape {
    Shape { height, width, ..builder.graph.maps[map] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn convolves_blocks(
        (height, width) in (1_usize..30, 1_usize..30),
        (inputs, outputs) in (1_usize..4, 1_usize..8),
        dilation in 1_usize..10,
        (relu, half, add) in any::<(bool, bool, bool)>(),
        seed in any::<u64>(),
    ) {
        let mut builder = NetworkBuilder::new((inputs * 16, height, width), seed);
        let first = builder.conv(&[0], outputs * 16, |_| ());
        builder.conv(&[0], outputs * 16, |conv| {
            (conv.window.dilation, conv.relu, conv.half) = (dilation, relu, half);
            conv.add = add.then_some(first);
        });
        builder.check();
    }

    #[test]
    fn convolves_blocks_where_threads_share_the_tiles(
        (height, width) in (60_usize..80, 60_usize..80),
        outputs in 1_usize..4,
        dilation in 1_usize..4,
        seed in any::<u64>(),
    ) {
        let mut builder = NetworkBuilder::new((16, height, width), seed);
        builder.conv(&[0], outputs * 16, |conv| conv.window.dilation = dilation);
        builder.check();
    }

    #[test]
    fn convolves_joined_maps_that_are_resized_while_read(
        (height, width) in (1_usize..45, 1_usize..45),
        (tall, wide) in (60_usize..80, 60_usize..80),
        first_if_single in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut builder = NetworkBuilder::new((16, tall, wide), seed);
        let small = sized(&builder, 0, height, width);
        let small = builder.layer(small, |to| Layer::Resize { from: 0, to, first_if_single });
        // The small map is read long after the resize, by the convolution that performs it.
        let shape = sized(&builder, small, tall, wide);
        let large = builder.layer(shape, |to| Layer::Resize { from: small, to, first_if_single });
        let between = builder.conv(&[0], 16, |conv| conv.relu = true);
        builder.conv(&[large, between], 32, |_| ());
        builder.check();
    }

    #[test]
    fn convolves_planes_to_blocks(
        (height, width) in (1_usize..20, 1_usize..20),
        (inputs, blocks) in (1_usize..6, 1_usize..8),
        (size, stride) in (0_usize..3, 1_usize..4),
        relu in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut builder = NetworkBuilder::new((inputs, height, width), seed);
        builder.conv(&[0], blocks * 16, |conv| {
            (conv.window.size, conv.window.stride, conv.relu) = (2 * size + 1, stride, relu);
        });
        builder.check();
    }

    #[test]
    fn convolves_blocks_to_planes_and_planes_to_planes(
        (height, width) in (1_usize..20, 1_usize..20),
        (blocks, outputs) in (1_usize..4, 1_usize..4),
        (size, dilation) in (0_usize..3, 1_usize..4),
        relu in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut builder = NetworkBuilder::new((blocks * 16, height, width), seed);
        let planes = builder.conv(&[0], outputs, |conv| {
            (conv.window.size, conv.window.dilation, conv.relu) = (2 * size + 1, dilation, relu);
        });
        let mixed = builder.conv(&[planes, planes], 3, |conv| (conv.window.size, conv.relu) = (1, !relu));
        let shape = builder.graph.maps[mixed];
        builder.layer(shape, |to| Layer::Sigmoid { from: mixed, to });
        builder.check();
    }

    #[test]
    fn pools_resizes_and_adds(
        (height, width) in (1_usize..20, 1_usize..20),
        (tall, wide) in (1_usize..40, 1_usize..40),
        channels in 1_usize..50,
        first_if_single in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut builder = NetworkBuilder::new((channels, height, width), seed);
        let mut last = 0;
        if channels.is_multiple_of(16) {
            let half = sized(&builder, 0, height.div_ceil(2), width.div_ceil(2));
            last = builder.layer(half, |to| Layer::MaxPool { from: 0, to });
        }
        let shape = sized(&builder, last, tall, wide);
        let resized = builder.layer(shape, |to| Layer::Resize { from: last, to, first_if_single });
        builder.layer(shape, |to| Layer::Add { a: resized, b: resized, to });
        builder.check();
    }
}

#[test]
fn runs_a_small_network_of_the_family() {
    let mut builder = NetworkBuilder::new((3, 70, 66), 7);
    let first = builder.conv(&[0], 32, |conv| conv.relu = true);
    let half = sized(&builder, first, 35, 33);
    let pooled = builder.layer(half, |to| Layer::MaxPool { from: first, to });
    let inner = builder.conv(&[pooled], 16, |conv| (conv.relu, conv.window.dilation) = (true, 2));
    let deeper = builder.conv(&[pooled, inner], 16, |conv| conv.relu = true);
    let large = sized(&builder, deeper, 70, 66);
    let large = builder.layer(large, |to| Layer::Resize { from: deeper, to, first_if_single: false });
    let whole = builder.conv(&[large, first], 32, |conv| (conv.relu, conv.add) = (true, Some(first)));
    let one = builder.conv(&[whole], 1, |_| ());
    let other = builder.conv(&[deeper], 1, |_| ());
    let shape = builder.graph.maps[one];
    let other = builder.layer(shape, |to| Layer::Resize { from: other, to, first_if_single: true });
    builder.conv(&[one, other], 1, |conv| conv.window.size = 1);
    builder.check();
}
