//! This machine's name.

/// The host's name, or an empty text if the OS does not tell.
pub fn host_name() -> String {
    #[cfg(unix)]
    let name = nix::unistd::gethostname();
    #[cfg(not(unix))]
    let name = std::env::var_os("COMPUTERNAME").ok_or(());
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
