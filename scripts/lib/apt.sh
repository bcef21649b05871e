# Sourced by the scripts that find a program or install Debian's package of it; those define say and fail.
# shellcheck shell=sh

# install_package PACKAGE WHAT [SIZE]: WHAT there is none of, in words. Needs apt-get and root; fails without.
install_package() {
  command -v apt-get >/dev/null 2>&1 || fail "there is no $2, and no apt-get to install one with"
  [ "$(id -u)" -eq 0 ] || fail "there is no $2, and only root can install one (apt-get install $1)"
  say "installing the package $1${3:+ ($3)}"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$1"; } >&2 ||
    fail "apt-get could not install the package $1"
}
