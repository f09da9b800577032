//! The rights of a child.
//!
//! | | Linux | other systems |
//! |---|---|---|
//! | empty environment, own process group, none of the files that Cutline opened | yes | yes |
//! | not dumpable: no core dump, no debugger of the same user | yes | no |
//! | killed first when the machine runs out of memory | yes | no |
//! | address space limited for each run, writes to files refused | yes | no |
//! | system calls limited to computing | yes, if the kernel has seccomp | no |
//!
//! Files that the parent itself inherited from its own parent, without close-on-exec, stay open in the child.
//!
//! After its models are loaded, a child needs memory, threads, and its three pipes. Every other system call fails with
//! `EPERM`: it opens no file, no socket and no process, signals nobody, and cannot raise its own limits. `clone3` fails with `ENOSYS`,
//! since a filter cannot see its flags; the C library then uses `clone`, which is allowed for threads only.

/// Why a child could not give up its rights.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfineError {
    /// The kernel refused the filter.
    #[cfg(target_os = "linux")]
    #[error("the kernel refused the seccomp filter: {0}")]
    Refused(#[from] seccompiler::Error),
    /// The filter could not be built for this machine.
    #[cfg(target_os = "linux")]
    #[error("no seccomp filter for this machine: {0}")]
    Unsupported(#[from] seccompiler::BackendError),
    /// This system has no seccomp.
    #[cfg(not(target_os = "linux"))]
    #[error("this system has no seccomp")]
    NotLinux,
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn prepare() {}

#[cfg(not(target_os = "linux"))]
pub(crate) fn confine() -> Result<(), ConfineError> {
    Err(ConfineError::NotLinux)
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{confine, prepare};

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;

    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        apply_filter_all_threads,
    };

    use super::ConfineError;

    /// System calls that take memory, threads and open pipes.
    const ALLOWED: [i64; 40] = [
        // Memory.
        libc::SYS_brk,
        libc::SYS_madvise,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_munmap,
        // Threads. `clone3` is refused by a filter of its own.
        libc::SYS_clone3,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_get_robust_list,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_membarrier,
        libc::SYS_restart_syscall,
        libc::SYS_rseq,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_set_robust_list,
        libc::SYS_set_tid_address,
        libc::SYS_sigaltstack,
        // Time and chance.
        libc::SYS_clock_getres,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_getrandom,
        libc::SYS_getrusage,
        libc::SYS_gettimeofday,
        libc::SYS_nanosleep,
        libc::SYS_sysinfo,
        libc::SYS_times,
        libc::SYS_uname,
        // Pipes that are open.
        libc::SYS_close,
        libc::SYS_ppoll,
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
    ];

    /// Makes the process the first one to be killed when memory runs out, and not dumpable.
    pub(crate) fn prepare() {
        // Before the process is not dumpable: afterwards the file belongs to root.
        if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "1000") {
            tracing::debug!(%error, "cannot volunteer for the out-of-memory killer");
        }
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%error, "the image worker stays dumpable");
        }
    }

    /// Gives up all rights but those for computing, in all threads, for good.
    pub(crate) fn confine() -> Result<(), ConfineError> {
        for filter in [without_clone3()?, computing()?] {
            apply_filter_all_threads(&filter)?;
        }
        Ok(())
    }

    fn without_clone3() -> Result<BpfProgram, ConfineError> {
        let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        program(rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))
    }

    fn computing() -> Result<BpfProgram, ConfineError> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
        let thread = libc::CLONE_THREAD as u64;
        let flags = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(thread), thread)?;
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![flags])?]);
        // A process signals itself when it aborts. It must not reach any other.
        let own = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(std::process::id()))?;
        let abort = SeccompCondition::new(2, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, libc::SIGABRT as u64)?;
        rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![own, abort])?]);
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_poll, Vec::new());
        program(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
    }

    fn program(
        rules: BTreeMap<i64, Vec<SeccompRule>>,
        otherwise: SeccompAction,
        matched: SeccompAction,
    ) -> Result<BpfProgram, ConfineError> {
        let arch = std::env::consts::ARCH.try_into()?;
        Ok(SeccompFilter::new(rules, otherwise, matched, arch)?.try_into()?)
    }
}
