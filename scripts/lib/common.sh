# Functions for the scripts beside this folder. Sourced, never run; the caller stands in the project's root.
# shellcheck shell=bash

LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Says something to the person who waits.
say() {
  printf '%s\n' "$*" >&2
}

fail() {
  say "$*"
  exit 1
}

# Runs a command and says what it is for, and at the end how long it took, so that silence never looks like a hang.
# Its output goes to a log that is shown where the command fails.
quietly() {
  local what=$1 started=$SECONDS log
  shift
  log=$(mktemp)
  say "$what ..."
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    fail "$what: failed; what it said stands above."
  fi
  rm -f "$log"
  say "$what: done in $((SECONDS - started)) s"
}

# Runs a command as root.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -- "$@"
  else
    fail "This needs root once, and there is no sudo here. As root: $*"
  fi
}

# Names the packages of the given lists that are missing.
missing_packages() {
  local list package instead
  for list in "$@"; do
    while read -r package instead _; do
      case $package in '' | '#'*) continue ;; esac
      case $instead in
        -) ;;
        /*) [ -e "$instead" ] && continue ;;
        *) command -v "$instead" >/dev/null && continue ;;
      esac
      dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed && continue
      printf '%s\n' "$package"
    done <"$LIB/packages/$list"
  done
}

# Installs what is missing of the given lists; does nothing, and asks for nothing, where nothing is.
need_packages() {
  local missing
  # dovecot and knotd lie where only root's PATH leads.
  PATH=$PATH:/usr/sbin:/sbin
  command -v dpkg-query >/dev/null || fail "This script installs Debian packages; here is no dpkg. The lists are in scripts/lib/packages/."
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  install_packages "${missing[@]}"
}

install_packages() {
  say "Missing Debian packages: $*"
  quietly "Installing them (a minute or two)" as_root "$LIB/install-packages" "$@"
}
