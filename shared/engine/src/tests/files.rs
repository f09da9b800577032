//! Tests networks from files, intact and damaged.

use std::cell::RefCell;
use std::path::Path;

use proptest::prelude::*;
use rten_onnx::onnx::{
    AttributeProto, DataType, Dimension, GraphProto, ModelProto, NodeProto, TensorProto, TensorShapeProto, TypeProto,
    TypeProtoTensor, ValueInfoProto,
};

use super::Random;
use crate::engine::Engine;
use crate::error::Error;
use crate::graph::Layer;
use crate::network::Network;
use crate::threads::Threads;

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

/// Two levels of the family as exporters write them: with casts, computed sizes, outputs that are not used, and nodes out
/// of order.
fn model() -> ModelProto {
    let mut random = Random(3);
    let mut initializer = vec![sizes("zero", &[0]), sizes("two", &[2]), sizes("four", &[4])];
    for (name, outputs, inputs, size) in
        [("first", 16, 3, 3), ("inner", 16, 16, 3), ("whole", 16, 32, 3), ("side", 1, 16, 3)]
    {
        let weights = random.values((outputs * inputs * size * size) as usize);
        initializer.push(tensor(&format!("{name}.w"), &[outputs, inputs, size, size], &weights));
        initializer.push(tensor(&format!("{name}.b"), &[outputs], &random.values(outputs as usize)));
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
    model.write_buf().expect("written")
}

/// Maps a file of this test, which does not change it afterwards.
#[expect(unsafe_code, reason = "maps a file that only this test knows")]
fn load(path: &Path) -> Result<Network, Error> {
    // SAFETY: the file is in the repository or in the test's own folder, and nobody writes to it while the test runs.
    unsafe { Network::load_mmap(path) }
}

fn outputs(network: Network) -> Vec<f32> {
    let engine =
        Engine::new(network, Threads::new(std::num::NonZeroUsize::MIN).expect("threads start")).expect("a plan");
    engine.run(&Random(9).values(3 * 34 * 34)).expect("a run")
}

#[test]
fn reads_the_layers_that_the_output_depends_on() {
    let network = Network::from_onnx(&bytes(&model()), "matte").expect("a network");
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

/// Other crates' tests and the fuzzers start from these files. `CUTLINE_BLESS=1` rewrites them.
#[test]
fn committed_files_hold_this_network() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/small.onnx");
    if std::env::var_os("CUTLINE_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(&path, bytes(&model())).expect("written");
        let network = Network::from_onnx(&bytes(&model()), "matte").expect("a network");
        network.prepare(&path.with_extension("network")).expect("written");
    }
    let file = std::fs::read(&path).expect("there");
    assert!(file == bytes(&model()), "small.onnx holds another network; rerun with CUTLINE_BLESS=1");
    let prepared = load(&path.with_extension("network")).expect("of this version");
    let network = Network::from_onnx(&file, "matte").expect("a network");
    assert_eq!(prepared.graph(), network.graph());
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("small.network");
    network.prepare(&copy).expect("written");
    let same = std::fs::read(copy).expect("there") == std::fs::read(path.with_extension("network")).expect("there");
    assert!(same, "the format of prepared files has changed");
}

#[test]
fn any_map_can_be_the_output() {
    for (output, channels) in [("c1", 16), ("r1", 16), ("pooled", 16), ("large", 16), ("sum", 16), ("logits", 1)] {
        let network = Network::from_onnx(&bytes(&model()), output);
        // A convolution absorbs a ReLU, unless the map between them is the output.
        assert_eq!(network.unwrap_or_else(|error| panic!("{output}: {error}")).output().channels, channels);
    }
}

#[test]
fn refuses_unsupported_and_malformed_networks_by_name() {
    let refused = |output: &str, change: &dyn Fn(&mut GraphProto)| {
        let mut model = model();
        change(model.graph.as_mut().expect("there"));
        Network::from_onnx(&bytes(&model), output).expect_err("refused")
    };
    let unknown = refused("unwanted", &|_| ());
    assert!(matches!(&unknown, Error::Unsupported(what) if what.contains("Tanh")), "{unknown}");
    let missing = refused("nothing", &|_| ());
    assert!(matches!(&missing, Error::Malformed(what) if what.contains("nothing")), "{missing}");
    let even = refused("matte", &|graph| graph.node[1].attribute[2] = ints("pads", &[0; 4]));
    assert!(matches!(&even, Error::Unsupported(what) if what.contains("padding")), "{even}");
    let circle = refused("matte", &|graph| graph.node[0].input[0] = "matte".into());
    assert!(matches!(circle, Error::Malformed(_)), "{circle}");
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
    assert!(matches!(short, Error::Malformed(_)), "{short}");
}

#[test]
fn a_prepared_file_holds_the_same_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("small.network");
    let network = Network::from_onnx(&bytes(&model()), "matte").expect("a network").with_source("this test");
    network.prepare(&path).expect("written");
    let loaded = load(&path).expect("loaded");
    assert_eq!((loaded.graph(), loaded.source()), (network.graph(), "this test"));
    let from_bytes = Network::from_prepared(&std::fs::read(&path).expect("there")).expect("a network");
    let expected = outputs(network);
    assert!(outputs(loaded) == expected && outputs(from_bytes) == expected);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no other file stays behind");
}

#[test]
fn rejects_a_truncated_prepared_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("small.network");
    Network::from_onnx(&bytes(&model()), "matte").expect("a network").prepare(&path).expect("written");
    let complete = std::fs::read(&path).expect("there");
    for length in [0, 5, 12, 16, 100, complete.len() / 2, complete.len() - 64] {
        let refused = Network::from_prepared(&complete[..length]).expect_err("truncated");
        assert!(matches!(refused, Error::Malformed(_)), "{length}: {refused}");
    }
}

/// Plans and runs a network, if it loads and is small. Nothing of that may panic.
fn try_to_run(network: Result<Network, Error>) {
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
    fn damaged_files_never_panic(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<u8>(),
    ) {
        let onnx = bytes(&model());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("small.network");
        Network::from_onnx(&onnx, "matte").expect("a network").prepare(&path).expect("written");
        let prepared = std::fs::read(&path).expect("there");
        for (mut file, is_onnx) in [(onnx, true), (prepared, false)] {
            // Most of either file is weights, of which any bytes are valid.
            let structure = if is_onnx { 2_000 } else { 2_500 };
            let length = file.len().min(structure);
            for (place, value) in &places {
                let at = place.index(length);
                file[at] = *value;
            }
            if cut < 40 {
                file.truncate(file.len() * usize::from(cut) / 40);
            }
            try_to_run(if is_onnx { Network::from_onnx(&file, "matte") } else { Network::from_prepared(&file) });
        }
    }
}
