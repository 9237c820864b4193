# Sourced by what makes packages: version, architecture, and the date of the commit instead of that of the build, so that two runs give the same bytes.
# shellcheck shell=bash disable=SC2034 # for the scripts that source this
version=$(sed -n 's#.*<Version>\(.*\)</Version>.*#\1#p' Directory.Build.props)
case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y LICENSE)}
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
