//! Keeps keys in memory out of files: core dumps and debuggers of the same user.

/// Forbids core dumps of this process and, on Linux, that other processes of the same user
/// attach to it or read its memory. Call it first thing in `main`. A system that refuses is
/// logged and no reason to stop: mail is not less readable for it.
#[cfg(unix)]
pub fn harden_process() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps cannot be switched off");
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "this process's memory cannot be closed to others");
    }
}

/// Does nothing on systems without core limits.
#[cfg(not(unix))]
pub fn harden_process() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn core_dumps_are_off_afterwards() {
        super::harden_process();
        assert_eq!(rustix::process::getrlimit(rustix::process::Resource::Core).current, Some(0));
        assert_eq!(
            rustix::process::dumpable_behavior().unwrap(),
            rustix::process::DumpableBehavior::NotDumpable
        );
    }
}
