#!/bin/sh
# Makes the secrets of compose.yaml in ./secrets, each once: what exists is left as it is.
# The folder is closed to others; the files in it can be read by the users of the containers they are mounted into.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
chmod 700 secrets

made() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

write() {
    if [ ! -e "secrets/$1" ]; then
        printf '%s\n' "$2" > "secrets/$1"
        chmod 444 "secrets/$1"
        echo "made secrets/$1"
    fi
}

write secret_key "$(made)"
write postgres_password "$(made)"
write database_url "postgresql://warmtrail:$(cat secrets/postgres_password)@postgres/warmtrail"
write valkey_auth "requirepass $(made)"
write redis_url "redis://:$(sed -n 's/^requirepass //p' secrets/valkey_auth)@valkey:6379/0"
