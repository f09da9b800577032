//! The numbers in a file's tensors.

use std::cell::Ref;

use half::f16;
use rten_onnx::onnx::{DataType, TensorProto};

use crate::error::Error;
use crate::weights::FloatValues;

/// The integers of a tensor; `None` if it holds numbers of another type.
///
/// # Errors
/// [`Error::Unsupported`] if they are in another file.
pub(super) fn integers(tensor: &TensorProto) -> Result<Option<Vec<i64>>, Error> {
    if tensor.data_type != Some(DataType::INT64) {
        return Ok(None);
    }
    if !tensor.int64_data.is_empty() {
        return Ok(Some(tensor.int64_data.clone()));
    }
    let bytes = raw_bytes(tensor)?;
    Ok(Some(bytes.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()))
}

/// The numbers of a tensor of half or single precision.
///
/// # Errors
/// [`Error::Unsupported`] if they have another precision or are in another file.
pub(super) fn floats(tensor: &TensorProto) -> Result<FloatValues, Error> {
    match tensor.data_type {
        Some(DataType::FLOAT) if !tensor.float_data.is_empty() => Ok(FloatValues::Single(tensor.float_data.clone())),
        Some(DataType::FLOAT) => {
            let bytes = raw_bytes(tensor)?;
            Ok(FloatValues::Single(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
        }
        Some(DataType::FLOAT16) => {
            let bytes = raw_bytes(tensor)?;
            Ok(FloatValues::Half(bytes.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes)).collect()))
        }
        _ => Err(Error::unsupported("weights of other than half or single precision")),
    }
}

fn raw_bytes(tensor: &TensorProto) -> Result<Ref<'_, Vec<u8>>, Error> {
    let bytes = tensor.raw_data.as_ref().ok_or_else(|| Error::unsupported("a tensor in another file"))?;
    bytes.try_borrow().map_err(|_| Error::malformed("a tensor is used twice"))
}
