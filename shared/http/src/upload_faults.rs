//! Why no job can be made from a direct upload, in words for the caller.

use cutline_core::domain::limits::{MAX_JOBS_PER_UPLOAD, MAX_MASK_BYTES, thousands};
use cutline_core::usecases::UploadFault;

use crate::field::FILE_KEY;
use crate::field_errors::FieldErrors;
use crate::kinds;

/// The error of the field that holds the key. Another owner's key is an unknown one.
pub(crate) fn errors(field: &'static str, fault: UploadFault) -> FieldErrors {
    let mut errors = FieldErrors::default();
    errors.add(field, message(field, fault));
    errors
}

fn message(field: &str, fault: UploadFault) -> String {
    match fault {
        UploadFault::Unknown => format!("This {field} is unknown or has expired. {}", again(field)),
        UploadFault::Missing => {
            format!("No file was uploaded under this {field}. Send it with PUT to its upload_url first.")
        }
        UploadFault::Deleted => format!("The file was deleted with the job that was made from it. {}", again(field)),
        UploadFault::Spent => format!("{MAX_JOBS_PER_UPLOAD} jobs were made from this file. {}", again(field)),
        UploadFault::WrongSize { announced, found } => {
            let [announced, found] = [announced, found].map(thousands);
            format!("The uploaded file has {found} bytes, and {announced} were announced. Upload it again.")
        }
        UploadFault::UnknownKind(foreign) => kinds::refusal(foreign),
        UploadFault::Undecodable(kind) => kind.undecodable(),
        UploadFault::MaskTooLarge { found } => {
            let [found, max] = [found, MAX_MASK_BYTES].map(thousands);
            format!("The mask has {found} bytes, and may have {max}. Save it as a grayscale PNG, and upload that.")
        }
        UploadFault::Drawing => "A drawing is no mask. Upload a PNG, or another picture of pixels.".to_owned(),
    }
}

/// How to send the file under another key. The route that grants uploads calls every key a `file_key`.
fn again(field: &str) -> String {
    let request = "Request another file_key with POST /api/v1/uploads";
    if field == FILE_KEY {
        format!("{request}, and upload the file again.")
    } else {
        format!("{request}, upload the file again, and send its key as {field}.")
    }
}
