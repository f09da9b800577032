//! Reads ONNX files of the U²-Net family into a [`Network`].
//!
//! Only the operators that the wanted output depends on are read. All sizes are fixed, so operators that compute sizes
//! (`Shape`, `Slice`, `Gather` and so on) are evaluated here. Casts between half and single precision are dropped: all
//! arithmetic is in single precision. A convolution absorbs the ReLU after it and the addition after that. Concatenating
//! channels costs nothing, since a convolution reads several maps.
//!
//! The operators are those of opsets 11 to 20; of each, only the forms that the family uses.

mod builder;
mod node;
mod reader;
mod tensor;
mod wire;

use std::collections::HashMap;
use std::path::Path;

use rten_onnx::onnx::{GraphProto, ModelProto, NodeProto};

use crate::error::Error;
use crate::network::Network;
use reader::Reader;

/// The most operators that an output may depend on. The shipped networks have fewer than 1,100.
const MAX_NODES: usize = 8192;

impl Network {
    /// Reads an ONNX file. The network computes the output named `output`.
    ///
    /// # Errors
    /// [`Error::Io`], and those of [`Network::from_onnx`].
    pub fn read_onnx(path: &Path, output: &str) -> Result<Self, Error> {
        Self::from_onnx(&std::fs::read(path)?, output)
    }

    /// Reads the bytes of an ONNX file. The network computes the output named `output`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is not an ONNX file or has no such output; [`Error::Unsupported`] if it is not of the
    /// family.
    pub fn from_onnx(bytes: &[u8], output: &str) -> Result<Self, Error> {
        wire::check(bytes)?;
        let model =
            ModelProto::parse_buf(bytes).map_err(|error| Error::malformed(format!("not an ONNX file: {error}")))?;
        let graph = model.graph.ok_or_else(|| Error::malformed("no graph"))?;
        let mut reader = Reader::new(&graph)?;
        let nodes = dependencies(&graph, output)?;
        if nodes.len() > MAX_NODES {
            return Err(Error::unsupported(format!("more than {MAX_NODES} operators")));
        }
        for node in nodes {
            reader.read(node)?;
        }
        reader.finish(output)
    }
}

/// The nodes that an output depends on, each after its own dependencies. Files should be in that order, but not all are.
fn dependencies<'a>(graph: &'a GraphProto, output: &str) -> Result<Vec<&'a NodeProto>, Error> {
    let producers: HashMap<&str, usize> = graph
        .node
        .iter()
        .enumerate()
        .flat_map(|(at, node)| node.output.iter().map(move |name| (name.as_str(), at)))
        .collect();
    let last = *producers.get(output).ok_or_else(|| {
        let names: Vec<_> = graph.output.iter().filter_map(|output| output.name.as_deref()).collect();
        Error::malformed(format!("no output named {output}; it has {}", names.join(", ")))
    })?;
    let inputs = |node: &'a NodeProto| node.input.iter().filter_map(|name| producers.get(name.as_str()).copied());
    let (mut order, mut visited) = (Vec::new(), vec![false; graph.node.len()]);
    // A depth-first search: the nodes on the current path, each with the inputs that it still waits for.
    let mut path = vec![(last, inputs(&graph.node[last]))];
    visited[last] = true;
    while let Some((at, waiting)) = path.last_mut() {
        match waiting.next() {
            Some(next) if !visited[next] => {
                visited[next] = true;
                path.push((next, inputs(&graph.node[next])));
            }
            Some(_) => {}
            None => {
                order.push(&graph.node[*at]);
                path.pop();
            }
        }
    }
    Ok(order)
}
