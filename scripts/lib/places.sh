# Where DANE S/MIME is installed for one user. Sourced by scripts/install and scripts/uninstall, so that they agree.
# shellcheck shell=bash disable=SC2034

[ -n "${HOME:-}" ] || fail "HOME is not set, so nobody knows where this user's files lie."

# Neither Thunderbird's list of profiles nor ours could name a folder in such a home.
case $HOME in *$'\n'*) fail "The name of your home directory has a line break in it. Nothing can be installed there." ;; esac

# The XDG rules: a place that is not absolute counts as none. The programs see it so, too.
absolute_or() {
  case $1 in /*) printf '%s' "$1" ;; *) printf '%s' "$2" ;; esac
}

PROGRAMS=$HOME/.local/lib/dane-smime
COMMAND=$HOME/.local/bin/dane-smime
# Thunderbird looks here whatever XDG says.
MOZILLA=$HOME/.mozilla
MANIFEST=$MOZILLA/native-messaging-hosts/dane_smime.json
# Thunderbird's own id; add-ons in this folder are for all profiles of the user.
ADDON="$MOZILLA/extensions/{3550f703-e582-4d05-9a08-453d09bdfdc6}/dane-smime@dane-smime.org.xpi"

data=$(absolute_or "${XDG_DATA_HOME:-}" "$HOME/.local/share")
config=$(absolute_or "${XDG_CONFIG_HOME:-}" "$HOME/.config")
PAGES=$data/man/man1
BASH_COMPLETION=$data/bash-completion/completions/dane-smime
FISH_COMPLETION=$config/fish/completions/dane-smime.fish
DATA=$data/dane-smime
SETTINGS=$config/dane-smime

# Has Thunderbird look into the folder of ADDON at each start (2) beside those that it looks into anyway (4); of itself it looks
# there in a new profile only, and would neither find the add-on nor see that it has changed. In a profile's user.js.
LOOK='user_pref("extensions.startupScanScopes", 6); // DANE S/MIME'

# The profiles of this user's Thunderbird, a line each.
profiles() {
  local root profile
  for root in "$HOME/.thunderbird" "$config/thunderbird"; do
    [ -f "$root/profiles.ini" ] || continue
    while IFS= read -r profile; do
      case $profile in /*) ;; *) profile=$root/$profile ;; esac
      if [ -f "$profile/prefs.js" ]; then printf '%s\n' "$profile"; fi
    done < <(sed -n 's/^Path=//p' "$root/profiles.ini")
  done
}
