#!/bin/sh
# planted.sh FOLDER TEXT [COMMAND ...]: has httpd, run by COMMAND, load
# FOLDER/mod_planted.so, which reads memory of a pool that is gone, and fails
# unless TEXT is said about it. A fault that is there must be found, or finding
# nothing means nothing.
set -eu
cd "$1"
FOLDER=$PWD
TEXT=$2
shift 2
PATH=$PATH:/usr/sbin:/sbin
APXS=${APXS:-apxs}
HTTPD=$("$APXS" -q sbindir)/$("$APXS" -q progname)
MODULES=$("$APXS" -q LIBEXECDIR)

cat >planted.conf <<END
ServerRoot $FOLDER
ServerName localhost
DefaultRuntimeDir $FOLDER
Listen 127.0.0.1:1
<IfModule !mpm_event_module>
    LoadModule mpm_event_module $MODULES/mod_mpm_event.so
</IfModule>
LoadModule planted_module $FOLDER/mod_planted.so
PlantedUseAfterPool
END
said=$("$@" "$HTTPD" -t -f "$FOLDER/planted.conf" 2>&1) || :
case $said in
*"$TEXT"*)
    echo "the planted use after pool destruction was caught"
    ;;
*)
    echo "$said" >&2
    echo "the planted use after pool destruction was NOT caught" >&2
    exit 1
    ;;
esac
