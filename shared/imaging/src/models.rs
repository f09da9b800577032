//! What the models are: file names, checksums, and what their networks want and give. Where they are
//! obtained is not known here; see `cutline models`.

/// A segmentation network, as an ONNX file.
///
/// Its input is one picture, `[1, 3, side, side]`, planar RGB: each value divided by the picture's largest
/// one, then `mean` subtracted and the rest divided by `std`, by channel. Of its several outputs only the
/// first is wanted: `[1, 1, side, side]`, 0 (background) to 1 (subject).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// Its name, for people.
    pub name: &'static str,
    /// Its file's name in the folder of models.
    pub file: &'static str,
    /// Its file's size in bytes.
    pub bytes: u64,
    /// Its file's SHA-256, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// Width and height of its input and output, in pixels.
    pub side: u32,
    /// The name of its input.
    pub input: &'static str,
    /// The name of its first output.
    pub output: &'static str,
    /// What is subtracted from each channel.
    pub mean: [f32; 3],
    /// What each channel is divided by.
    pub std: [f32; 3],
}

/// IS-Net for general use (Qin et al., "Highly Accurate Dichotomous Image Segmentation", 2022), weights
/// stored in 16 bits. It sees detail, and is sometimes unsure of what the subject is.
pub const ISNET: Model = Model {
    name: "IS-Net general use",
    file: "isnet-general-use-fp16.onnx",
    bytes: 88_188_479,
    sha256: "b6e8497ba978a6f5fbb647e419d2696cd80df5a23cb6a8ea532021911bd76acb",
    side: 1024,
    input: "input",
    output: "output",
    mean: [0.5; 3],
    std: [1.0; 3],
};

/// U²-Netp (Qin et al., "U²-Net: Going Deeper with Nested U-Structure for Salient Object Detection", 2020).
/// It sees the whole, and little detail.
pub const U2NETP: Model = Model {
    name: "U2-Netp",
    file: "u2netp.onnx",
    bytes: 4_574_861,
    sha256: "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
    side: 320,
    input: "input.1",
    output: "1959",
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
};

/// Every model that is used.
pub const ALL: [Model; 2] = [ISNET, U2NETP];
