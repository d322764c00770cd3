# Where DANE S/MIME is installed for one user. Sourced by scripts/install and scripts/uninstall, so that they agree.
# shellcheck shell=bash disable=SC2034

PROGRAMS=$HOME/.local/lib/dane-smime
COMMAND=$HOME/.local/bin/dane-smime
# Thunderbird looks here whatever XDG says.
MOZILLA=$HOME/.mozilla
MANIFEST=$MOZILLA/native-messaging-hosts/dane_smime.json
# Thunderbird's own id; add-ons in this folder are for all profiles of the user.
ADDON="$MOZILLA/extensions/{3550f703-e582-4d05-9a08-453d09bdfdc6}/dane-smime@dane-smime.org.xpi"

data=${XDG_DATA_HOME:-$HOME/.local/share}
PAGES=$data/man/man1
BASH_COMPLETION=$data/bash-completion/completions/dane-smime
FISH_COMPLETION=${XDG_CONFIG_HOME:-$HOME/.config}/fish/completions/dane-smime.fish
DATA=$data/dane-smime
SETTINGS=${XDG_CONFIG_HOME:-$HOME/.config}/dane-smime
