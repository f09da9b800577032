//! The address space of a child, measured and limited by its parent.

/// How much more a child may hold between runs than at its start, in bytes. The networks keep their maps, and the
/// allocator keeps some memory; a child above that is replaced.
#[cfg(target_os = "linux")]
const BLOATED: u64 = 2 << 30;

/// The address space of a child. Limited on Linux only.
pub(crate) struct AddressSpace {
    #[cfg(target_os = "linux")]
    pid: u32,
    /// Its size after the start, in bytes.
    #[cfg(target_os = "linux")]
    at_start: u64,
}

#[cfg(not(target_os = "linux"))]
impl AddressSpace {
    pub(crate) fn new(_: u32) -> Self {
        Self {}
    }

    pub(crate) fn started(&mut self) {}

    pub(crate) fn allow(&self, _: u64) {}

    pub(crate) fn is_bloated(&self) -> bool {
        false
    }
}

#[cfg(target_os = "linux")]
impl AddressSpace {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid, at_start: 0 }
    }

    /// Notes the size after the start. From now on the child can write no file and no core dump.
    pub(crate) fn started(&mut self) {
        match self.size() {
            Some(size) => self.at_start = size,
            None => {
                tracing::warn!(worker = self.pid, "cannot read the size of an image worker: its memory is not limited")
            }
        }
        self.limit(rlimit::Resource::CORE, 0);
        self.limit(rlimit::Resource::FSIZE, 0);
    }

    /// Lets the child grow by this many bytes from its present size, and no further. Memory kept from earlier
    /// runs does not count, so that one run does not take another's memory; see [`AddressSpace::is_bloated`].
    pub(crate) fn allow(&self, bytes: u64) {
        // A child that has just ended has no size.
        if let Some(size) = self.size() {
            self.limit(rlimit::Resource::AS, size.saturating_add(bytes));
        }
    }

    pub(crate) fn is_bloated(&self) -> bool {
        self.size().is_some_and(|size| size > self.at_start + BLOATED)
    }

    /// The size in bytes.
    fn size(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.pid)).ok()?;
        let pages: u64 = text.split(' ').next()?.parse().ok()?;
        Some(pages * rustix::param::page_size() as u64)
    }

    /// Sets the soft limit. The child cannot raise it: its filter refuses the call.
    fn limit(&self, resource: rlimit::Resource, limit: u64) {
        let (mut soft, mut hard) = (0, 0);
        let pid = self.pid as rlimit::pid_t;
        let set = rlimit::prlimit(pid, resource, None, Some((&mut soft, &mut hard)))
            .and_then(|()| rlimit::prlimit(pid, resource, Some((limit.min(hard), hard)), None));
        if let Err(error) = set {
            tracing::warn!(worker = pid, ?resource, %error, "cannot limit an image worker");
        }
    }
}
