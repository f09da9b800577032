//! The progress of a backup or restore.

/// How far a backup or restore has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupProgress {
    /// Pages of the database.
    Database {
        /// Copied.
        done: u64,
        /// In total.
        total: u64,
    },
    /// Jobs whose files are copied, or files that are restored.
    Files {
        /// Copied.
        done: u64,
        /// In total.
        total: u64,
    },
}
