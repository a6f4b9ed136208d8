#!/bin/sh
# Finds Chromium for the browser tests, or installs the distribution's; else says in a line what to do.
set -u
test -n "${MTCHAT_CHROMIUM:-}" && exit 0
command -v chromium chromium-browser google-chrome >/dev/null && exit 0
root=""
test "$(id -u)" = 0 || root="sudo -n"
if command -v apt-get >/dev/null; then
  echo "Installing Chromium for the browser tests: a minute, once."
  { $root apt-get update -qq && $root apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1
fi
command -v chromium chromium-browser google-chrome >/dev/null && exit 0
echo "The browser tests need Chromium and it cannot be installed here: install your system's package chromium, name one with MTCHAT_CHROMIUM=/path/to/chromium, or leave these tests out with WEB=0." >&2
exit 1
