//! The use cases of jobs.

use cutline_core::Policy;
use cutline_core::usecases::{Env, RecordStores, UseCases};

/// The use cases on these records. The default policy serves any server: they differ in the retention alone, and here it
/// applies only to the record of a deleted job, which has to outlive the job's files.
pub(super) fn use_cases(stores: RecordStores) -> UseCases {
    UseCases { env: Env::system(Policy::default()), stores }
}
