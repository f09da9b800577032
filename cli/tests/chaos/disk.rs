//! A small disk that can be full: a file system in memory (tmpfs) whose size limit is lowered to what it holds.
//!
//! Mounting needs root, or `sudo` without a password. Otherwise the disk is a plain folder, and cannot be full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The size limit while the disk is not full, in bytes. Only what is stored takes memory.
const SIZE: u64 = 6_000_000_000;

/// How often to try to fill it.
const TRIES: usize = 10;

/// The disk of a run, with the data folder and the watched folder.
pub(crate) struct Disk {
    path: PathBuf,
    /// The words before `mount`; `Err` with the reason why it is a plain folder.
    mounted: Result<&'static [&'static str], String>,
}

impl Disk {
    /// Mounts an empty disk at `path`, or creates a plain folder there.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        unmount_leftover(path)?;
        if path.exists() {
            fs::remove_dir_all(path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut reasons = Vec::new();
        for sudo in [&[][..], &["sudo", "-n"]] {
            let options = format!("size={SIZE},mode=755,uid={},gid={}", id("-u")?, id("-g")?);
            match run(sudo, &["mount", "-t", "tmpfs", "-o", &options, "tmpfs"], path) {
                Ok(()) => return Ok(Self { path: path.to_owned(), mounted: Ok(sudo) }),
                Err(error) => reasons.push(format!("{error:#}")),
            }
        }
        Ok(Self { path: path.to_owned(), mounted: Err(reasons.join("; ")) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Why the disk cannot be full, if it cannot.
    pub(crate) fn cannot_fill(&self) -> Option<&str> {
        self.mounted.as_ref().err().map(String::as_str)
    }

    /// Leaves `free` bytes.
    pub(crate) fn fill(&self, free: u64) -> Result<()> {
        let mut result = Ok(());
        for _ in 0..TRIES {
            result = self.used().and_then(|used| self.resize(used + free));
            // The limit is refused if the server has stored more meanwhile.
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// The bytes that are stored.
    fn used(&self) -> Result<u64> {
        let output = Command::new("df").args(["--output=used", "-B1"]).arg(&self.path).output();
        let output = output.context("cannot run df")?;
        let used = String::from_utf8_lossy(&output.stdout);
        used.lines().nth(1).and_then(|line| line.trim().parse().ok()).context("cannot read df")
    }

    /// Ends the shortage.
    pub(crate) fn free(&self) -> Result<()> {
        self.resize(SIZE)
    }

    fn resize(&self, bytes: u64) -> Result<()> {
        match &self.mounted {
            Ok(sudo) => run(sudo, &["mount", "-o", &format!("remount,size={bytes}")], &self.path),
            Err(reason) => bail!("the disk is a plain folder: {reason}"),
        }
    }

    /// Unmounts the disk and leaves its files as a plain folder, for people to look at.
    pub(crate) fn keep(&mut self) -> Result<()> {
        let Ok(sudo) = self.mounted else { return Ok(()) };
        let copy = self.path.with_extension("copy");
        if copy.exists() {
            fs::remove_dir_all(&copy).context("cannot remove an old copy")?;
        }
        run(&[], &["cp", "-a", &self.path.display().to_string()], &copy)?;
        run(sudo, &["umount"], &self.path)?;
        self.mounted = Err("unmounted".to_owned());
        fs::remove_dir(&self.path).context("cannot remove the mount point")?;
        fs::rename(&copy, &self.path).context("cannot move the copy of the disk")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = self.keep() {
            eprintln!("the disk stays mounted at {}: {error:#}", self.path.display());
        }
    }
}

/// Unmounts the disk of a run that was killed.
fn unmount_leftover(path: &Path) -> Result<()> {
    let is_mounted = || {
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        let name = path.display().to_string().replace(' ', "\\040");
        mounts.lines().any(|line| line.split(' ').nth(1) == Some(&name))
    };
    if is_mounted() && run(&[], &["umount"], path).is_err() {
        run(&["sudo", "-n"], &["umount"], path).context("cannot unmount the disk of an earlier run")?;
    }
    ensure!(!is_mounted(), "the disk of an earlier run is still mounted at {}; unmount it", path.display());
    Ok(())
}

fn id(which: &str) -> Result<String> {
    let output = Command::new("id").arg(which).output().context("cannot run id")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn run(sudo: &[&str], words: &[&str], last: &Path) -> Result<()> {
    let mut all = sudo.iter().chain(words);
    let program = all.next().context("a program")?;
    let output = Command::new(program).args(all).arg(last).output().with_context(|| format!("cannot run {program}"))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {}", error.trim());
    Ok(())
}
