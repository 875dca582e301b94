//! The heaps of the process: the only unsafe code of the crate.
#![allow(unsafe_code)]

/// Gives back to the system what is free in the heaps.
///
/// Loading takes for a moment as much again as the file has bytes, and glibc has a heap for each of several threads:
/// what is free in one is not used by a thread of another. Without this, a model that was loaded a second time took
/// half a gigabyte more, every other time.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes no pointer, locks each heap that it walks through, and may be called from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
