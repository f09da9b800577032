//! Why no job can be made from a direct upload, in words for the caller.

use cutline_core::domain::limits::{MAX_JOBS_PER_UPLOAD, thousands};
use cutline_core::usecases::UploadFault;

use crate::field::FILE_KEY;
use crate::field_errors::FieldErrors;
use crate::kinds;

/// The error of the field. Another owner's key is an unknown one.
pub(crate) fn errors(fault: UploadFault) -> FieldErrors {
    let mut errors = FieldErrors::default();
    errors.add(FILE_KEY, message(fault));
    errors
}

fn message(fault: UploadFault) -> String {
    match fault {
        UploadFault::Unknown => {
            "This file_key is unknown or has expired. Request another one with POST /api/v1/uploads, \
                                 and upload the file again."
                .to_owned()
        }
        UploadFault::Missing => {
            "No file was uploaded under this file_key. Send it with PUT to its upload_url first.".to_owned()
        }
        UploadFault::Deleted => {
            "The file was deleted with the job that was made from it. Request another file_key with POST \
                                 /api/v1/uploads, and upload the file again."
                .to_owned()
        }
        UploadFault::Spent => format!(
            "{MAX_JOBS_PER_UPLOAD} jobs were made from this file. Request another file_key with POST /api/v1/uploads, and \
             upload the file again."
        ),
        UploadFault::WrongSize { announced, found } => {
            let [announced, found] = [announced, found].map(thousands);
            format!("The uploaded file has {found} bytes, and {announced} were announced. Upload it again.")
        }
        UploadFault::UnknownKind(foreign) => kinds::refusal(foreign),
    }
}
