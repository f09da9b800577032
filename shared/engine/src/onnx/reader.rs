//! Reads one ONNX operator after another into a [`GraphBuilder`], and evaluates those that compute sizes.

use std::collections::HashMap;

use rten_onnx::onnx::{GraphProto, NodeProto, TensorProto, ValueInfoProto};

use super::builder::{ConvDraft, GraphBuilder, Operator};
use super::node::{attribute, input, int, ints, operator, size, text};
use super::tensor::integers;
use crate::error::Error;
use crate::graph::MapId;
use crate::method::Window;
use crate::network::Network;
use crate::shape::Shape;

/// ONNX's data types `FLOAT` and `FLOAT16`, as `Cast` names them.
const FLOAT_TYPES: [i64; 2] = [1, 10];
/// The most maps or numbers that are joined into one value.
const MAX_JOINED: usize = 1024;

/// The meaning of a name in the file.
#[derive(Debug, Clone)]
enum Value {
    /// Maps whose channels follow each other.
    Maps(Vec<MapId>),
    /// Integers, such as sizes.
    Integers(Vec<i64>),
    /// A tensor of another type. No operator that is supported reads it as a value.
    Other,
}

pub(super) struct Reader<'a> {
    tensors: HashMap<&'a str, &'a TensorProto>,
    values: HashMap<&'a str, Value>,
    graph: GraphBuilder<'a>,
}

impl<'a> Reader<'a> {
    /// Starts with a graph's input.
    ///
    /// # Errors
    /// [`Error::Unsupported`] unless there is one input of batch size 1 and fixed size.
    pub(super) fn new(graph: &'a GraphProto) -> Result<Self, Error> {
        let tensors: HashMap<_, _> =
            graph.initializer.iter().filter_map(|tensor| Some((tensor.name.as_deref()?, tensor))).collect();
        let mut inputs = graph.input.iter().filter(|input| !tensors.contains_key(input.name.as_deref().unwrap_or("")));
        let (Some(input), None) = (inputs.next(), inputs.next()) else {
            return Err(Error::unsupported("no input, or several"));
        };
        let name = input.name.as_deref().unwrap_or("");
        let values = HashMap::from([(name, Value::Maps(vec![0]))]);
        Ok(Self { tensors, values, graph: GraphBuilder::new(input_shape(input)?) })
    }

    /// Reads a node whose inputs have been read.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the operator, or the form of it, is not one of the family's; [`Error::Malformed`] if an
    /// input is missing.
    pub(super) fn read(&mut self, node: &'a NodeProto) -> Result<(), Error> {
        let value = match operator(node) {
            "Conv" => self.conv(node)?,
            "Relu" => self.elementwise(node, |from| Operator::Relu { from })?,
            "Sigmoid" => self.elementwise(node, |from| Operator::Sigmoid { from })?,
            "Add" => {
                let b = self.map(node, 1)?;
                self.elementwise(node, |a| Operator::Add { a, b })?
            }
            "MaxPool" => self.max_pool(node)?,
            "Resize" => self.resize(node)?,
            "Concat" => self.concat(node)?,
            "Cast" => self.cast(node)?,
            "Shape" => self.shape(node)?,
            "Slice" => self.slice(node)?,
            "Gather" => self.gather(node)?,
            "Unsqueeze" => Value::Integers(self.integers(node, 0)?),
            "Constant" => match attribute(node, "value").and_then(|value| value.t.as_ref()) {
                Some(tensor) => integers(tensor)?.map_or(Value::Other, Value::Integers),
                None => Value::Other,
            },
            _ => return Err(unknown(node)),
        };
        let [name] = &node.output[..] else { return Err(unknown(node)) };
        self.values.insert(name, value);
        Ok(())
    }

    /// Turns what has been read into a network that computes `output`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the output is not one map, and those of [`GraphBuilder::build`].
    pub(super) fn finish(self, output: &str) -> Result<Network, Error> {
        match self.value(output)? {
            Value::Maps(maps) if maps.len() == 1 => self.graph.build(maps[0]),
            _ => Err(Error::unsupported("an output that is not one map")),
        }
    }

    fn value(&self, name: &str) -> Result<Value, Error> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        match self.tensors.get(name) {
            Some(tensor) => Ok(integers(tensor)?.map_or(Value::Other, Value::Integers)),
            None if name.is_empty() => Err(Error::unsupported("an operator without one of its inputs")),
            None => Err(Error::malformed(format!("no operator computes {name}"))),
        }
    }

    fn maps(&self, node: &NodeProto, at: usize) -> Result<Vec<MapId>, Error> {
        match self.value(input(node, at)?)? {
            Value::Maps(maps) => Ok(maps),
            _ => Err(Error::unsupported(format!("{} of something other than a map", operator(node)))),
        }
    }

    fn map(&self, node: &NodeProto, at: usize) -> Result<MapId, Error> {
        match self.maps(node, at)?[..] {
            [map] => Ok(map),
            _ => Err(Error::unsupported(format!("{} of joined maps", operator(node)))),
        }
    }

    fn integers(&self, node: &NodeProto, at: usize) -> Result<Vec<i64>, Error> {
        match self.value(input(node, at)?)? {
            Value::Integers(numbers) => Ok(numbers),
            _ => Err(Error::unsupported(format!("{} of sizes that are not constant", operator(node)))),
        }
    }

    /// An operator whose output has the shape of its first input.
    fn elementwise(&mut self, node: &NodeProto, operator: impl Fn(MapId) -> Operator<'a>) -> Result<Value, Error> {
        let from = self.map(node, 0)?;
        let to = self.graph.push(operator(from), self.graph.shape(from));
        Ok(Value::Maps(vec![to]))
    }

    fn conv(&mut self, node: &'a NodeProto) -> Result<Value, Error> {
        let from = self.maps(node, 0)?;
        let tensor = |at: usize| node.input.get(at).and_then(|name| self.tensors.get(name.as_str()).copied());
        let weights = tensor(1).ok_or_else(|| Error::unsupported("a convolution with computed weights"))?;
        let bias = tensor(2);
        if node.input.get(2).is_some_and(|name| !name.is_empty()) && bias.is_none() {
            return Err(Error::unsupported("a convolution with a computed bias"));
        }
        let shape = self.graph.joined(&from)?;
        let (window, outputs) = window(node, weights, shape)?;
        let draft = ConvDraft { from, window, weights, bias, relu: false, add: None };
        let to = self.graph.push(Operator::Conv(draft), shape.strided(window.stride, outputs));
        Ok(Value::Maps(vec![to]))
    }

    fn max_pool(&mut self, node: &NodeProto) -> Result<Value, Error> {
        let from = self.map(node, 0)?;
        let shape = self.graph.shape(from);
        let even = shape.height.is_multiple_of(2) && shape.width.is_multiple_of(2);
        let supported = ints(node, "kernel_shape") == [2, 2]
            && ints(node, "strides") == [2, 2]
            && ints(node, "pads").iter().all(|pad| *pad == 0)
            && ints(node, "dilations").iter().all(|dilation| *dilation == 1)
            && (even || int(node, "ceil_mode", 0) == 1);
        if !supported {
            return Err(Error::unsupported("pooling of other than 2 x 2 pixels"));
        }
        let to = self.graph.push(Operator::MaxPool { from }, shape.halved());
        Ok(Value::Maps(vec![to]))
    }

    fn resize(&mut self, node: &NodeProto) -> Result<Value, Error> {
        let from = self.map(node, 0)?;
        let first_if_single = match text(node, "coordinate_transformation_mode") {
            None | Some("half_pixel") => false,
            Some("pytorch_half_pixel") => true,
            Some(other) => return Err(Error::unsupported(format!("resizing with {other} coordinates"))),
        };
        if text(node, "mode") != Some("linear") || int(node, "antialias", 0) != 0 || attribute(node, "axes").is_some() {
            return Err(Error::unsupported("resizing that is not bilinear"));
        }
        if text(node, "keep_aspect_ratio_policy").is_some_and(|policy| policy != "stretch") || node.input.len() != 4 {
            return Err(Error::unsupported("resizing to other than a given size"));
        }
        let shape = self.graph.shape(from);
        let to = match self.integers(node, 3)?[..] {
            [1, channels, height, width] if size(channels)? == shape.channels => {
                Shape { height: size(height)?, width: size(width)?, ..shape }
            }
            _ => return Err(Error::unsupported("resizing of channels")),
        };
        if to == shape {
            return Ok(Value::Maps(vec![from]));
        }
        let to = self.graph.push(Operator::Resize { from, first_if_single }, to);
        Ok(Value::Maps(vec![to]))
    }

    /// Joins channels along axis 1, or sizes along axis 0.
    fn concat(&self, node: &NodeProto) -> Result<Value, Error> {
        let axis = int(node, "axis", i64::MIN);
        let unsupported = || Error::unsupported(format!("joining along axis {axis}"));
        let (mut maps, mut numbers) = (Vec::new(), Vec::new());
        for name in &node.input {
            match (axis, self.value(name)?) {
                (1, Value::Maps(more)) => maps.extend(more),
                (0, Value::Integers(more)) => numbers.extend(more),
                _ => return Err(unsupported()),
            }
            if maps.len().max(numbers.len()) > MAX_JOINED {
                return Err(Error::unsupported(format!("joining of more than {MAX_JOINED} values")));
            }
        }
        match axis {
            0 => Ok(Value::Integers(numbers)),
            1 => Ok(Value::Maps(maps)),
            _ => Err(unsupported()),
        }
    }

    fn cast(&self, node: &NodeProto) -> Result<Value, Error> {
        match self.value(input(node, 0)?)? {
            Value::Maps(_) if !FLOAT_TYPES.contains(&int(node, "to", 0)) => {
                Err(Error::unsupported("a cast to other than half or single precision"))
            }
            value => Ok(value),
        }
    }

    fn shape(&self, node: &NodeProto) -> Result<Value, Error> {
        if attribute(node, "start").is_some() || attribute(node, "end").is_some() {
            return Err(Error::unsupported("a slice of a shape"));
        }
        let shape = self.graph.joined(&self.maps(node, 0)?)?;
        Ok(Value::Integers([1, shape.channels, shape.height, shape.width].map(|side| side as i64).to_vec()))
    }

    fn slice(&self, node: &NodeProto) -> Result<Value, Error> {
        let unsupported = || Error::unsupported("Slice of other than a list of sizes");
        let from = self.integers(node, 0)?;
        let scalar = |at: usize, default: i64| -> Result<i64, Error> {
            match node.input.get(at) {
                Some(name) if !name.is_empty() => match self.integers(node, at)?[..] {
                    [number] => Ok(number),
                    _ => Err(unsupported()),
                },
                _ => Ok(default),
            }
        };
        let (start, end) = (scalar(1, 0)?, scalar(2, i64::MAX)?);
        let (axis, step) = (scalar(3, 0)?, scalar(4, 1)?);
        if axis != 0 || step != 1 {
            return Err(unsupported());
        }
        let length = from.len() as i64;
        // A negative index counts from the end.
        let index = |at: i64| if at < 0 { at.saturating_add(length).max(0) } else { at.min(length) } as usize;
        Ok(Value::Integers(from.get(index(start)..index(end)).unwrap_or_default().to_vec()))
    }

    fn gather(&self, node: &NodeProto) -> Result<Value, Error> {
        let (from, indices) = (self.integers(node, 0)?, self.integers(node, 1)?);
        let pick = |at: &i64| from.get(usize::try_from(*at).ok()?).copied();
        let picked = indices.iter().map(pick).collect::<Option<_>>();
        Ok(Value::Integers(picked.ok_or_else(|| unknown(node))?))
    }
}

fn unknown(node: &NodeProto) -> Error {
    Error::unsupported(format!("the operator {}", operator(node)))
}

fn input_shape(input: &ValueInfoProto) -> Result<Shape, Error> {
    let shape = input.r#type.as_ref().and_then(|of| of.tensor_type.as_ref()).and_then(|of| of.shape.as_ref());
    let sides: Vec<Option<i64>> = shape.iter().flat_map(|shape| &shape.dim).map(|side| side.dim_value).collect();
    match sides[..] {
        [Some(1), Some(channels), Some(height), Some(width)] => {
            Ok(Shape { channels: size(channels)?, height: size(height)?, width: size(width)? })
        }
        _ => Err(Error::unsupported("an input that is not one map of a fixed size")),
    }
}

/// The window of a convolution that reads a map of shape `input`, and the number of its output channels.
fn window(node: &NodeProto, weights: &TensorProto, input: Shape) -> Result<(Window, usize), Error> {
    let unsupported = |what: &str| Error::unsupported(format!("a convolution with {what}"));
    let [outputs, inputs, height, width] = weights.dims[..] else {
        return Err(unsupported("weights that do not have four dimensions"));
    };
    if size(inputs)? != input.channels || height != width || int(node, "group", 1) != 1 {
        return Err(unsupported("groups, or a kernel that is not square"));
    }
    if text(node, "auto_pad").is_some_and(|pad| pad != "NOTSET") {
        return Err(unsupported("automatic padding"));
    }
    let uniform = |name: &str, default: i64| -> Result<i64, Error> {
        let values = ints(node, name);
        match values.first() {
            None => Ok(default),
            Some(first) if values.iter().all(|value| value == first) => Ok(*first),
            Some(_) => Err(unsupported(&format!("{name} that differ by side"))),
        }
    };
    let (stride, dilation, pad) = (uniform("strides", 1)?, uniform("dilations", 1)?, uniform("pads", 0)?);
    let window = Window { size: size(height)?, stride: size(stride)?, dilation: size(dilation)? };
    if window.size.is_multiple_of(2) || usize::try_from(pad).ok() != Some(window.size / 2 * window.dilation) {
        return Err(unsupported("padding of other than half its kernel"));
    }
    Ok((window, size(outputs)?))
}
