#!/bin/sh
# Prefect's server needs a PostgreSQL with pg_trgm, which no wheel has. Where Debian's packages can be had, get it.
for file in /usr/share/postgresql/*/extension/pg_trgm.control; do
    [ -e "$file" ] && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing Debian's PostgreSQL for the tests of Prefect's server"
    # the tests start clusters of their own; none of the machine's is wanted
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql; } >/dev/null 2>&1 ||
        echo "PostgreSQL could not be installed"
else
    echo "no PostgreSQL with pg_trgm found: the tests of a Prefect server on PostgreSQL will be skipped"
fi
exit 0
