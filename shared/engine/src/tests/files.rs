//! Networks from files, whole and damaged.

use std::cell::RefCell;

use proptest::prelude::*;
use rten_onnx::onnx::{
    AttributeProto, DataType, Dimension, GraphProto, ModelProto, NodeProto, TensorProto, TensorShapeProto, TypeProto,
    TypeProtoTensor, ValueInfoProto,
};

use super::Random;
use crate::network::{Layer, Network};
use crate::{Engine, Error, Threads};

fn node(kind: &str, input: &[&str], output: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: Some(kind.into()),
        input: input.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.into()],
        attribute: attributes,
        ..NodeProto::default()
    }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ints: ints.to_vec(), ..AttributeProto::default() }
}

fn int(name: &str, int: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), i: Some(int), ..AttributeProto::default() }
}

fn text(name: &str, text: &str) -> AttributeProto {
    AttributeProto { name: Some(name.into()), s: Some(text.into()), ..AttributeProto::default() }
}

fn tensor(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let bytes = values.iter().flat_map(|value| half::f16::from_f32(*value).to_le_bytes()).collect();
    TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(DataType::FLOAT16),
        raw_data: Some(RefCell::new(bytes)),
        ..TensorProto::default()
    }
}

fn sizes(name: &str, values: &[i64]) -> TensorProto {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    TensorProto {
        name: Some(name.into()),
        dims: vec![values.len() as i64],
        data_type: Some(DataType::INT64),
        raw_data: Some(RefCell::new(bytes)),
        ..TensorProto::default()
    }
}

/// Two levels of the family as exporters write them: casts, sizes that are worked out, outputs that nobody wants, and
/// nodes that do not stand in their order.
fn model() -> ModelProto {
    let mut random = Random(3);
    let mut initializer = vec![sizes("zero", &[0]), sizes("two", &[2]), sizes("four", &[4])];
    for (name, outputs, inputs, size) in
        [("first", 16, 3, 3), ("inner", 16, 16, 3), ("whole", 16, 32, 3), ("side", 1, 16, 3)]
    {
        let weights = random.some((outputs * inputs * size * size) as usize);
        initializer.push(tensor(&format!("{name}.w"), &[outputs, inputs, size, size], &weights));
        initializer.push(tensor(&format!("{name}.b"), &[outputs], &random.some(outputs as usize)));
    }
    let conv = |from: &str, name: &str, to: &str, dilation: i64| {
        let attributes = vec![
            ints("dilations", &[dilation; 2]),
            ints("kernel_shape", &[3, 3]),
            ints("pads", &[dilation; 4]),
            ints("strides", &[1, 1]),
            int("group", 1),
        ];
        node("Conv", &[from, &format!("{name}.w"), &format!("{name}.b")], to, attributes)
    };
    let pool =
        vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2]), ints("pads", &[0; 4]), int("ceil_mode", 1)];
    let linear = || vec![text("mode", "linear"), text("coordinate_transformation_mode", "half_pixel")];
    let nodes = vec![
        node("Cast", &["picture"], "cast", vec![int("to", 10)]),
        conv("cast", "first", "c1", 1),
        node("Relu", &["c1"], "r1", vec![]),
        node("MaxPool", &["r1"], "pooled", pool),
        conv("pooled", "inner", "c2", 2),
        node("Relu", &["c2"], "r2", vec![]),
        node("Concat", &["channels", "area"], "size", vec![int("axis", 0)]),
        node("Shape", &["r1"], "shape of r1", vec![]),
        node("Slice", &["shape of r1", "two", "four", "zero"], "area", vec![]),
        node("Shape", &["r2"], "shape of r2", vec![]),
        node("Slice", &["shape of r2", "zero", "two", "zero"], "channels", vec![]),
        node("Resize", &["r2", "", "", "size"], "large", linear()),
        node("Concat", &["large", "r1"], "joined", vec![int("axis", 1)]),
        conv("joined", "whole", "c3", 1),
        node("Relu", &["c3"], "r3", vec![]),
        node("Add", &["r3", "r1"], "sum", vec![]),
        conv("sum", "side", "logits", 1),
        node("Tanh", &["logits"], "unwanted", vec![]),
        node("Sigmoid", &["logits"], "matte", vec![]),
    ];
    let dims = [1, 3, 34, 34].map(|side| Dimension { dim_value: Some(side), ..Dimension::default() });
    let input = TypeProto {
        tensor_type: Some(TypeProtoTensor {
            elem_type: Some(DataType::FLOAT),
            shape: Some(TensorShapeProto { dim: dims.to_vec() }),
        }),
        ..TypeProto::default()
    };
    let graph = GraphProto {
        node: nodes,
        initializer,
        input: vec![ValueInfoProto { name: Some("picture".into()), r#type: Some(input) }],
        output: ["matte", "unwanted"].map(|name| ValueInfoProto { name: Some(name.into()), r#type: None }).to_vec(),
        ..GraphProto::default()
    };
    ModelProto { ir_version: Some(8), graph: Some(graph), ..ModelProto::default() }
}

fn bytes(model: &ModelProto) -> Vec<u8> {
    model.write_buf().expect("is written")
}

fn outputs(network: Network) -> Vec<f32> {
    let engine = Engine::new(network, Threads::new(std::num::NonZeroUsize::MIN).expect("start")).expect("is planned");
    engine.run(&Random(9).some(3 * 34 * 34)).expect("runs")
}

#[test]
fn an_onnx_file_becomes_the_layers_that_are_needed() {
    let network = Network::from_onnx(&bytes(&model()), "matte").expect("is read");
    let kinds: Vec<_> = network
        .graph()
        .layers
        .iter()
        .map(|layer| match layer {
            Layer::Conv(conv) if conv.add.is_some() => "conv add",
            Layer::Conv(conv) if conv.relu => "conv relu",
            Layer::Conv(_) => "conv",
            Layer::MaxPool { .. } => "pool",
            Layer::Resize { .. } => "resize",
            Layer::Add { .. } => "add",
            Layer::Sigmoid { .. } => "sigmoid",
        })
        .collect();
    assert_eq!(kinds, ["conv relu", "pool", "conv relu", "resize", "conv add", "conv", "sigmoid"]);
    assert_eq!((network.output().height, network.output().width), (34, 34));
}

/// What other crates' tests and the fuzzers begin with. `CUTLINE_BLESS=1` writes it anew.
#[test]
fn the_file_that_others_test_with_is_this_network() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/small.onnx");
    if std::env::var_os("CUTLINE_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(&path, bytes(&model())).expect("is written");
        let network = Network::from_onnx(&bytes(&model()), "matte").expect("is read");
        network.prepare(&path.with_extension("network")).expect("is written");
    }
    let file = std::fs::read(&path).expect("is there");
    assert!(file == bytes(&model()), "it is another");
    let prepared = Network::load(&path.with_extension("network")).expect("is of this version");
    assert_eq!(prepared.graph(), Network::from_onnx(&file, "matte").expect("is read").graph());
}

#[test]
fn any_map_may_be_the_output() {
    for (output, channels) in [("c1", 16), ("r1", 16), ("pooled", 16), ("large", 16), ("sum", 16), ("logits", 1)] {
        let network = Network::from_onnx(&bytes(&model()), output);
        // What only a ReLU reads is part of it, unless it is the output.
        assert_eq!(network.unwrap_or_else(|error| panic!("{output}: {error}")).output().channels, channels);
    }
}

#[test]
fn what_is_not_known_is_told_by_name() {
    let refused = |output: &str, change: &dyn Fn(&mut GraphProto)| {
        let mut model = model();
        change(model.graph.as_mut().expect("is there"));
        Network::from_onnx(&bytes(&model), output).expect_err("is refused")
    };
    let unknown = refused("unwanted", &|_| ());
    assert!(matches!(&unknown, Error::Unsupported(what) if what.contains("Tanh")), "{unknown}");
    let missing = refused("nothing", &|_| ());
    assert!(matches!(&missing, Error::Damaged(what) if what.contains("nothing")), "{missing}");
    let even = refused("matte", &|graph| graph.node[1].attribute[2] = ints("pads", &[0; 4]));
    assert!(matches!(&even, Error::Unsupported(what) if what.contains("padding")), "{even}");
    let circle = refused("matte", &|graph| graph.node[0].input[0] = "matte".into());
    assert!(matches!(circle, Error::Damaged(_)), "{circle}");
    let scales = refused("matte", &|graph| graph.node[11].input = vec!["r2".into(), String::new(), "scales".into()]);
    assert!(matches!(&scales, Error::Unsupported(what) if what.contains("size")), "{scales}");
    let odd = refused("matte", &|graph| graph.node[15].input[1] = "pooled".into());
    assert!(matches!(odd, Error::Unsupported(_)), "{odd}");
    let truncating = refused("matte", &|graph| graph.node[0].attribute[0] = int("to", 7));
    assert!(matches!(truncating, Error::Unsupported(_)), "{truncating}");
    let doubling = refused("matte", &|graph| {
        for level in 0..40 {
            let (from, to) = (format!("level {level}"), format!("level {}", level + 1));
            graph.node.push(node("Concat", &[&from, &from], &to, vec![int("axis", 1)]));
        }
        graph.node.push(node("Cast", &["r1"], "level 0", vec![int("to", 1)]));
        graph.node[12].input[0] = "level 40".into();
    });
    assert!(matches!(doubling, Error::Unsupported(_)), "{doubling}");
    let short = refused("matte", &|graph| graph.initializer[3] = tensor("first.w", &[16, 3, 3, 3], &[1.0; 5]));
    assert!(matches!(short, Error::Damaged(_)), "{short}");
}

#[test]
fn a_prepared_file_is_the_same_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("small.network");
    let network = Network::from_onnx(&bytes(&model()), "matte").expect("is read").from_source("this test");
    network.prepare(&path).expect("is written");
    let loaded = Network::load(&path).expect("is loaded");
    assert_eq!((loaded.graph(), loaded.source()), (network.graph(), "this test"));
    let of_bytes = Network::from_prepared(&std::fs::read(&path).expect("is there")).expect("is read");
    let expected = outputs(network);
    assert!(outputs(loaded) == expected && outputs(of_bytes) == expected);
    assert_eq!(std::fs::read_dir(folder.path()).expect("is a folder").count(), 1, "nothing else is left there");
}

#[test]
fn a_prepared_file_that_is_cut_off_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("small.network");
    Network::from_onnx(&bytes(&model()), "matte").expect("is read").prepare(&path).expect("is written");
    let whole = std::fs::read(&path).expect("is there");
    for length in [0, 5, 12, 16, 100, whole.len() / 2, whole.len() - 64] {
        let refused = Network::from_prepared(&whole[..length]).expect_err("is cut off");
        assert!(matches!(refused, Error::Damaged(_)), "{length}: {refused}");
    }
}

/// Loads it, and if that goes well and is small, runs it. None of that may panic.
fn try_it(network: Result<Network, Error>) {
    let Ok(network) = network else { return };
    let values = network.input().values();
    let Ok(threads) = Threads::new(std::num::NonZeroUsize::MIN) else { return };
    let Ok(engine) = Engine::new(network, threads) else { return };
    if engine.memory() < 64 << 20 {
        let _ = engine.run(&vec![0.5; values]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damage_ends_in_an_error(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<u8>(),
    ) {
        let onnx = bytes(&model());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("small.network");
        Network::from_onnx(&onnx, "matte").expect("is read").prepare(&path).expect("is written");
        let prepared = std::fs::read(&path).expect("is there");
        for (mut file, is_onnx) in [(onnx, true), (prepared, false)] {
            // Most of both files is weights, which may be anything.
            let structure = if is_onnx { 2_000 } else { 2_500 };
            let length = file.len().min(structure);
            for (place, value) in &places {
                let at = place.index(length);
                file[at] = *value;
            }
            if cut < 40 {
                file.truncate(file.len() * usize::from(cut) / 40);
            }
            try_it(if is_onnx { Network::from_onnx(&file, "matte") } else { Network::from_prepared(&file) });
        }
    }
}
