# Finds a Rust that is new enough, or installs Debian's. Sourced after common.sh.
# shellcheck shell=bash

# The oldest Rust that builds the host.
rust_wanted() {
  sed -n 's/^rust-version = "\(.*\)"/\1/p' native-host/Cargo.toml
}

# Whether the compiler that PATH ($1) leads to is new enough.
rust_fits() {
  local version
  version=$(PATH=$1 rustc --version 2>/dev/null | cut -d' ' -f2) || return 1
  [ -n "$version" ] && PATH=$1 command -v cargo >/dev/null || return 1
  [ "$(printf '%s\n' "$(rust_wanted)" "$version" | sort -V | head -n 1)" = "$(rust_wanted)" ]
}

# Debian's own rustc is older than the host wants; rustc-web, which Debian keeps current for its browsers, is not.
# Argument: "plain", or "lint" for clippy and rustfmt too.
need_rust() {
  local packages=(cargo-web rustc-web)
  if [ -d "$HOME/.cargo/bin" ]; then PATH=$HOME/.cargo/bin:$PATH; fi
  if ! rust_fits "$PATH" && ! rust_fits "/usr/bin:$PATH"; then
    if [ "$1" = lint ]; then packages+=(rust-web-clippy rustfmt-web); fi
    say "No Rust from $(rust_wanted) on is here."
    install_packages "${packages[@]}"
  fi
  if ! rust_fits "$PATH"; then PATH=/usr/bin:$PATH; fi
  rust_fits "$PATH" || fail "Debian's rustc-web is older than $(rust_wanted) here (is bookworm-security among the package sources?). Rust from rustup.rs does as well."
  if [ "$1" = lint ] && [ "$(command -v cargo)" = /usr/bin/cargo ] && ! { command -v cargo-clippy && command -v cargo-fmt; } >/dev/null; then
    install_packages rust-web-clippy rustfmt-web
  fi
}
