//! From an ONNX file to a [`Network`], for the family of networks that the engine knows.
//!
//! Only what the wanted output needs is taken. All sizes are known, so whatever works out a size (`Shape`, `Slice`,
//! `Gather` and so on) is worked out here. Casts between half and single precision are left out: all arithmetic is in
//! single precision. A ReLU becomes part of its convolution, and so does an addition after it; joining channels
//! costs nothing, since a convolution takes several maps.
//!
//! The operators are those of opset 11 to 20; of each, only the forms that the family has.

use std::collections::HashMap;

use half::f16;
use rten_onnx::onnx::{AttributeProto, DataType, GraphProto, ModelProto, NodeProto, TensorProto};

use crate::error::Error;
use crate::network::{Conv, Graph, Layer, Network, Packer, Piece, Shape, Values};

/// Single and half precision, as a cast names them.
const FLOATS: [i64; 2] = [1, 10];
/// The most operators that a network may need; the shipped ones have less than 1,100.
const MOST_NODES: usize = 8192;
/// The most maps that are joined, and numbers in a row.
const MOST_JOINED: usize = 1024;

/// Reads a network, to work out `output`.
pub(crate) fn read(bytes: &[u8], output: &str) -> Result<Network, Error> {
    crate::wire::check(bytes)?;
    let model = ModelProto::parse_buf(bytes).map_err(|error| Error::damaged(format!("it is no ONNX file: {error}")))?;
    let graph = model.graph.ok_or_else(|| Error::damaged("it has no graph"))?;
    let mut reader = Reader::new(&graph)?;
    let nodes = needed(&graph, output)?;
    if nodes.len() > MOST_NODES {
        return Err(Error::unsupported(format!("a network of {} operators", nodes.len())));
    }
    for node in nodes {
        reader.node(node)?;
    }
    let output = match reader.value(output)? {
        Value::Maps(maps) if maps.len() == 1 => maps[0],
        _ => return Err(Error::unsupported("an output that is no map")),
    };
    reader.finish(output)
}

/// The nodes that the output needs, each after those that it needs itself. A file should have them in such an order,
/// but not all do.
fn needed<'a>(graph: &'a GraphProto, output: &str) -> Result<Vec<&'a NodeProto>, Error> {
    let made_by: HashMap<&str, usize> = graph
        .node
        .iter()
        .enumerate()
        .flat_map(|(at, node)| node.output.iter().map(move |name| (name.as_str(), at)))
        .collect();
    let last = *made_by.get(output).ok_or_else(|| {
        let names: Vec<_> = graph.output.iter().filter_map(|output| output.name.as_deref()).collect();
        Error::damaged(format!("output: it has no {output}, but {}", names.join(", ")))
    })?;
    let before = |node: &'a NodeProto| node.input.iter().filter_map(|name| made_by.get(name.as_str()).copied());
    let (mut order, mut seen) = (Vec::new(), vec![false; graph.node.len()]);
    // The nodes on the way to the one that is looked at, each with those that it still waits for.
    let mut way = vec![(last, before(&graph.node[last]))];
    seen[last] = true;
    while let Some((at, waits)) = way.last_mut() {
        match waits.next() {
            Some(next) if !seen[next] => {
                seen[next] = true;
                way.push((next, before(&graph.node[next])));
            }
            Some(_) => {}
            None => {
                order.push(&graph.node[*at]);
                way.pop();
            }
        }
    }
    Ok(order)
}

/// What a name stands for.
#[derive(Debug, Clone)]
enum Value {
    /// Maps whose channels come one after another.
    Maps(Vec<usize>),
    /// Whole numbers, such as sizes.
    Numbers(Vec<i64>),
    /// What nothing that is known looks at.
    Other,
}

/// A convolution whose weights are still those of the file.
struct Raw<'a> {
    weights: &'a TensorProto,
    bias: Option<&'a TensorProto>,
}

struct Reader<'a> {
    tensors: HashMap<&'a str, &'a TensorProto>,
    values: HashMap<&'a str, Value>,
    graph: Graph,
    /// For each convolution, by its map.
    raw: HashMap<usize, Raw<'a>>,
    /// Maps that a ReLU makes of another.
    relus: Vec<(usize, usize)>,
}

impl<'a> Reader<'a> {
    fn new(graph: &'a GraphProto) -> Result<Self, Error> {
        let tensors: HashMap<_, _> =
            graph.initializer.iter().filter_map(|tensor| Some((tensor.name.as_deref()?, tensor))).collect();
        let mut inputs = graph.input.iter().filter(|input| !tensors.contains_key(input.name.as_deref().unwrap_or("")));
        let (Some(input), None) = (inputs.next(), inputs.next()) else {
            return Err(Error::unsupported("a network that has not one input"));
        };
        let shape = input.r#type.as_ref().and_then(|of| of.tensor_type.as_ref()).and_then(|of| of.shape.as_ref());
        let sides: Vec<Option<i64>> = shape.iter().flat_map(|shape| &shape.dim).map(|side| side.dim_value).collect();
        let [Some(1), Some(channels), Some(height), Some(width)] = sides[..] else {
            return Err(Error::unsupported("an input that is not one map of a fixed size"));
        };
        let input_name = input.name.as_deref().unwrap_or("");
        let shape = Shape { channels: side(channels)?, height: side(height)?, width: side(width)? };
        Ok(Self {
            tensors,
            values: HashMap::from([(input_name, Value::Maps(vec![0]))]),
            graph: Graph { maps: vec![shape], layers: Vec::new(), output: 0 },
            raw: HashMap::new(),
            relus: Vec::new(),
        })
    }

    fn value(&self, name: &str) -> Result<Value, Error> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        match self.tensors.get(name) {
            Some(tensor) => Ok(numbers(tensor)?.map_or(Value::Other, Value::Numbers)),
            None if name.is_empty() => Err(Error::unsupported("an operator without one of its inputs")),
            None => Err(Error::damaged(format!("{name} is made by nothing"))),
        }
    }

    fn maps(&self, node: &NodeProto, at: usize) -> Result<Vec<usize>, Error> {
        match self.value(input(node, at)?)? {
            Value::Maps(maps) => Ok(maps),
            _ => Err(Error::unsupported(format!("{} of what is no map", kind(node)))),
        }
    }

    fn map(&self, node: &NodeProto, at: usize) -> Result<usize, Error> {
        match self.maps(node, at)?[..] {
            [map] => Ok(map),
            _ => Err(Error::unsupported(format!("{} of joined maps", kind(node)))),
        }
    }

    fn numbers(&self, node: &NodeProto, at: usize) -> Result<Vec<i64>, Error> {
        match self.value(input(node, at)?)? {
            Value::Numbers(numbers) => Ok(numbers),
            _ => Err(Error::unsupported(format!("{} of sizes that are not known", kind(node)))),
        }
    }

    /// A new map.
    fn make(&mut self, shape: Shape) -> usize {
        self.graph.maps.push(shape);
        self.graph.maps.len() - 1
    }

    fn shape(&self, map: usize) -> Shape {
        self.graph.maps[map]
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<(), Error> {
        let unknown = || Error::unsupported(format!("the operator {}", kind(node)));
        let value = match kind(node) {
            "Conv" => self.conv(node)?,
            "Relu" => {
                let from = self.map(node, 0)?;
                let to = self.make(self.shape(from));
                self.relus.push((from, to));
                Value::Maps(vec![to])
            }
            "MaxPool" => self.max_pool(node)?,
            "Resize" => self.resize(node)?,
            "Add" => {
                let (a, b) = (self.map(node, 0)?, self.map(node, 1)?);
                let to = self.make(self.shape(a));
                self.graph.layers.push(Layer::Add { a, b, to });
                Value::Maps(vec![to])
            }
            "Sigmoid" => {
                let from = self.map(node, 0)?;
                let to = self.make(self.shape(from));
                self.graph.layers.push(Layer::Sigmoid { from, to });
                Value::Maps(vec![to])
            }
            "Concat" => self.concat(node)?,
            "Cast" => match self.value(input(node, 0)?)? {
                Value::Maps(_) if !FLOATS.contains(&int(node, "to", 0)) => {
                    return Err(Error::unsupported("a cast to other than half or single precision"));
                }
                value => value,
            },
            "Shape" if attribute(node, "start").is_some() || attribute(node, "end").is_some() => {
                return Err(Error::unsupported("a part of a shape"));
            }
            "Shape" => {
                let shape = self.graph.joined(&self.maps(node, 0)?)?;
                Value::Numbers([1, shape.channels, shape.height, shape.width].map(|side| side as i64).to_vec())
            }
            "Slice" => Value::Numbers(self.slice(node)?),
            "Gather" => {
                let (from, which) = (self.numbers(node, 0)?, self.numbers(node, 1)?);
                let pick = |at: &i64| from.get(usize::try_from(*at).ok()?).copied();
                Value::Numbers(which.iter().map(pick).collect::<Option<_>>().ok_or_else(unknown)?)
            }
            "Unsqueeze" => Value::Numbers(self.numbers(node, 0)?),
            "Constant" => match attribute(node, "value").and_then(|value| value.t.as_ref()) {
                Some(tensor) => numbers(tensor)?.map_or(Value::Other, Value::Numbers),
                None => Value::Other,
            },
            _ => return Err(unknown()),
        };
        let [name] = &node.output[..] else { return Err(unknown()) };
        self.values.insert(name, value);
        Ok(())
    }

    fn conv(&mut self, node: &'a NodeProto) -> Result<Value, Error> {
        let unknown = |what: &str| Error::unsupported(format!("a convolution with {what}"));
        let from = self.maps(node, 0)?;
        let tensor = |at: usize| node.input.get(at).and_then(|name| self.tensors.get(name.as_str()).copied());
        let weights = tensor(1).ok_or_else(|| unknown("weights that are worked out"))?;
        let bias = tensor(2);
        if node.input.get(2).is_some_and(|name| !name.is_empty()) && bias.is_none() {
            return Err(unknown("a bias that is worked out"));
        }
        let shape = self.graph.joined(&from)?;
        let [outputs, inputs, size, wide] = weights.dims[..] else {
            return Err(unknown("weights of other dimensions"));
        };
        if side(inputs)? != shape.channels || size != wide || int(node, "group", 1) != 1 {
            return Err(unknown("groups, or a kernel that is no square"));
        }
        if attribute(node, "auto_pad").and_then(|pad| pad.s.as_deref()).is_some_and(|pad| pad != "NOTSET") {
            return Err(unknown("automatic padding"));
        }
        let same = |name: &str, default: i64| -> Result<i64, Error> {
            let all = ints(node, name);
            match all.first() {
                None => Ok(default),
                Some(first) if all.iter().all(|one| one == first) => Ok(*first),
                Some(_) => Err(unknown("sides that differ")),
            }
        };
        let (stride, dilation, pad) = (same("strides", 1)?, same("dilations", 1)?, same("pads", 0)?);
        let (size, stride, dilation) = (side(size)?, side(stride)?, side(dilation)?);
        if size % 2 == 0 || usize::try_from(pad).ok() != Some(size / 2 * dilation) {
            return Err(unknown("another padding than half its kernel"));
        }
        let after = |side: usize| (side - 1) / stride + 1;
        let to = Shape { channels: side(outputs)?, height: after(shape.height), width: after(shape.width) };
        let to = self.make(to);
        self.raw.insert(to, Raw { weights, bias });
        let nothing = Piece { at: 0, lanes: 0, half: false };
        self.graph.layers.push(Layer::Conv(Conv {
            from,
            to,
            size,
            stride,
            dilation,
            relu: false,
            add: None,
            weights: nothing,
            bias: nothing,
        }));
        Ok(Value::Maps(vec![to]))
    }

    fn max_pool(&mut self, node: &NodeProto) -> Result<Value, Error> {
        let from = self.map(node, 0)?;
        let shape = self.shape(from);
        let even = shape.height.is_multiple_of(2) && shape.width.is_multiple_of(2);
        let known = ints(node, "kernel_shape") == [2, 2]
            && ints(node, "strides") == [2, 2]
            && ints(node, "pads").iter().all(|pad| *pad == 0)
            && ints(node, "dilations").iter().all(|dilation| *dilation == 1)
            && (even || int(node, "ceil_mode", 0) == 1);
        if !known {
            return Err(Error::unsupported("pooling of other than 2 x 2 pixels"));
        }
        let half = Shape { height: shape.height.div_ceil(2), width: shape.width.div_ceil(2), ..shape };
        let to = self.make(half);
        self.graph.layers.push(Layer::MaxPool { from, to });
        Ok(Value::Maps(vec![to]))
    }

    fn resize(&mut self, node: &NodeProto) -> Result<Value, Error> {
        let from = self.map(node, 0)?;
        let text = |name: &str| attribute(node, name).and_then(|text| text.s.as_deref());
        let first_if_single = match text("coordinate_transformation_mode") {
            None | Some("half_pixel") => false,
            Some("pytorch_half_pixel") => true,
            Some(other) => return Err(Error::unsupported(format!("resizing by {other}"))),
        };
        if text("mode") != Some("linear") || int(node, "antialias", 0) != 0 || attribute(node, "axes").is_some() {
            return Err(Error::unsupported("resizing that is not bilinear"));
        }
        if text("keep_aspect_ratio_policy").is_some_and(|policy| policy != "stretch") || node.input.len() != 4 {
            return Err(Error::unsupported("resizing by other than a size"));
        }
        let shape = self.shape(from);
        let sizes = self.numbers(node, 3)?;
        let to = match sizes[..] {
            [1, channels, height, width] if side(channels)? == shape.channels => {
                Shape { height: side(height)?, width: side(width)?, ..shape }
            }
            _ => return Err(Error::unsupported("resizing of channels")),
        };
        if to == shape {
            return Ok(Value::Maps(vec![from]));
        }
        let to = self.make(to);
        self.graph.layers.push(Layer::Resize { from, to, first_if_single });
        Ok(Value::Maps(vec![to]))
    }

    fn concat(&mut self, node: &NodeProto) -> Result<Value, Error> {
        let axis = int(node, "axis", i64::MIN);
        let values = node.input.iter().map(|name| self.value(name)).collect::<Result<Vec<_>, _>>()?;
        if axis == 1 {
            let maps = values.iter().map(|value| if let Value::Maps(maps) = value { Some(maps.clone()) } else { None });
            if let Some(maps) = maps.collect::<Option<Vec<_>>>()
                && maps.iter().map(Vec::len).sum::<usize>() <= MOST_JOINED
            {
                return Ok(Value::Maps(maps.concat()));
            }
        } else if axis == 0 {
            let numbers = values
                .iter()
                .map(|value| if let Value::Numbers(numbers) = value { Some(numbers.clone()) } else { None });
            if let Some(numbers) = numbers.collect::<Option<Vec<_>>>()
                && numbers.iter().map(Vec::len).sum::<usize>() <= MOST_JOINED
            {
                return Ok(Value::Numbers(numbers.concat()));
            }
        }
        Err(Error::unsupported(format!("joining along axis {axis}")))
    }

    fn slice(&self, node: &NodeProto) -> Result<Vec<i64>, Error> {
        let unknown = || Error::unsupported("Slice of other than a row of sizes");
        let from = self.numbers(node, 0)?;
        let one = |at: usize, default: i64| -> Result<i64, Error> {
            match node.input.get(at) {
                Some(name) if !name.is_empty() => match self.numbers(node, at)?[..] {
                    [number] => Ok(number),
                    _ => Err(unknown()),
                },
                _ => Ok(default),
            }
        };
        let (start, end) = (one(1, 0)?, one(2, i64::MAX)?);
        if one(3, 0)? != 0 || one(4, 1)? != 1 {
            return Err(unknown());
        }
        let length = from.len() as i64;
        let within = |at: i64| if at < 0 { at.saturating_add(length).max(0) } else { at.min(length) } as usize;
        Ok(from.get(within(start)..within(end)).unwrap_or_default().to_vec())
    }

    /// Puts what belongs to a convolution into it, and the weights in order.
    fn finish(mut self, output: usize) -> Result<Network, Error> {
        self.graph.output = output;
        self.take_in_relus()?;
        self.take_in_additions();
        let mut packer = Packer::default();
        let mut layers = std::mem::take(&mut self.graph.layers);
        for layer in &mut layers {
            let Layer::Conv(conv) = layer else { continue };
            let inputs = self.graph.joined(&conv.from)?.channels;
            let outputs = self.graph.maps[conv.to].channels;
            let kind = self.graph.kind(conv)?;
            // The map that the file has is the one before what was taken in.
            let raw = self.raw.remove(&conv.weights.at).ok_or_else(|| Error::damaged("weights are missing"))?;
            let weights = values(raw.weights)?;
            if Some(weights.len()) != outputs.checked_mul(inputs).and_then(|all| all.checked_mul(conv.size * conv.size))
            {
                return Err(Error::damaged("a convolution's weights have another size"));
            }
            let bias = raw.bias.map(values).transpose()?;
            if bias.as_ref().is_some_and(|bias| bias.len() != outputs) {
                return Err(Error::damaged("a convolution's bias has another size"));
            }
            conv.weights = packer.weights(kind, (outputs, inputs, conv.size), &weights);
            conv.bias = packer.bias(outputs, bias.as_ref());
        }
        self.graph.layers = layers;
        // The weights were put in order just now: what does not fit together is a form that the family has not.
        Network::new(self.graph, packer.finish()).map_err(|error| match error {
            Error::Damaged(what) => Error::Unsupported(what),
            error => error,
        })
    }

    /// How often a map is looked at.
    fn uses(&self, map: usize) -> usize {
        let layers = self.graph.layers.iter().flat_map(Layer::from).filter(|from| *from == map).count();
        let relus = self.relus.iter().filter(|(from, _)| *from == map).count();
        layers + relus + usize::from(self.graph.output == map)
    }

    fn take_in_relus(&mut self) -> Result<(), Error> {
        // Until the weights are in their place, that tells whose they are.
        for layer in &mut self.graph.layers {
            if let Layer::Conv(conv) = layer {
                conv.weights.at = conv.to;
            }
        }
        for (from, to) in self.relus.clone() {
            let alone = self.uses(from) == 1;
            let conv = self.graph.layers.iter_mut().find_map(|layer| match layer {
                Layer::Conv(conv) if conv.to == from => Some(conv),
                _ => None,
            });
            match conv {
                Some(conv) if alone => (conv.to, conv.relu) = (to, true),
                _ => return Err(Error::unsupported("a ReLU that follows no convolution alone")),
            }
        }
        self.relus.clear();
        Ok(())
    }

    /// An addition of a map that was there before a convolution, to what the convolution makes.
    fn take_in_additions(&mut self) {
        for at in 0..self.graph.layers.len() {
            let Layer::Add { a, b, to } = self.graph.layers[at] else { continue };
            for (sum, other) in [(a, b), (b, a)] {
                let before = |map: usize| self.graph.layers.iter().position(|layer| layer.to() == map);
                let alone = self.uses(sum) == 1 && sum != other && !self.graph.maps[sum].is_planar();
                if let Some(place) =
                    before(sum).filter(|place| alone && before(other).is_none_or(|other| other < *place))
                    && let Layer::Conv(conv) = &mut self.graph.layers[place]
                    && conv.add.is_none()
                {
                    (conv.to, conv.add) = (to, Some(other));
                    // It makes nothing any more.
                    self.graph.layers[at] = Layer::Add { a: to, b: to, to };
                    break;
                }
            }
        }
        self.graph.layers.retain(|layer| !matches!(layer, Layer::Add { a, b, to } if a == to && b == to));
    }
}

fn kind(node: &NodeProto) -> &str {
    node.op_type.as_deref().unwrap_or("")
}

fn input(node: &NodeProto, at: usize) -> Result<&str, Error> {
    node.input.get(at).map(String::as_str).ok_or_else(|| Error::damaged(format!("{} lacks an input", kind(node))))
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name.as_deref() == Some(name))
}

fn int(node: &NodeProto, name: &str, default: i64) -> i64 {
    attribute(node, name).and_then(|attribute| attribute.i).unwrap_or(default)
}

fn ints<'a>(node: &'a NodeProto, name: &str) -> &'a [i64] {
    attribute(node, name).map(|attribute| attribute.ints.as_slice()).unwrap_or_default()
}

/// A size, from 1 on.
fn side(number: i64) -> Result<usize, Error> {
    let side = u32::try_from(number).ok().filter(|side| *side > 0);
    side.map(|side| side as usize).ok_or_else(|| Error::unsupported(format!("a size of {number}")))
}

fn raw(tensor: &TensorProto) -> Result<std::cell::Ref<'_, Vec<u8>>, Error> {
    let raw = tensor.raw_data.as_ref().ok_or_else(|| Error::unsupported("a tensor that is kept elsewhere"))?;
    raw.try_borrow().map_err(|_| Error::damaged("a tensor is used twice"))
}

/// The whole numbers of a tensor; `None` if it has others.
fn numbers(tensor: &TensorProto) -> Result<Option<Vec<i64>>, Error> {
    if tensor.data_type != Some(DataType::INT64) {
        return Ok(None);
    }
    if !tensor.int64_data.is_empty() {
        return Ok(Some(tensor.int64_data.clone()));
    }
    let bytes = raw(tensor)?;
    Ok(Some(bytes.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()))
}

/// The numbers of a tensor of half or single precision.
fn values(tensor: &TensorProto) -> Result<Values, Error> {
    match tensor.data_type {
        Some(DataType::FLOAT) if !tensor.float_data.is_empty() => Ok(Values::Single(tensor.float_data.clone())),
        Some(DataType::FLOAT) => {
            let bytes = raw(tensor)?;
            Ok(Values::Single(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
        }
        Some(DataType::FLOAT16) => {
            let bytes = raw(tensor)?;
            Ok(Values::Half(bytes.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes)).collect()))
        }
        _ => Err(Error::unsupported("weights of other than half or single precision")),
    }
}
