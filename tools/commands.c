/* The table of commands and their options. */
#include "tools/command.h"

static const struct argp_option check_options[] = {
    {"banks", 'b', "A,B", 0, "Look only in these banks", 0},
    {"orientations", 'o', "all|as-is", 0, "Also as turned and mirrored (default all)", 0},
    {"ref", 'r', "ID", 0, "Your own id of the content, kept with a decision that matched", 0},
    {0},
};
static const struct argp_option hash_options[] = {
    {"orientations", 'o', "all|as-is", 0, "All eight orientations (default as-is)", 0},
    {0},
};
static const struct argp_option bank_options[] = {
    {"action", 'a', "ACTION", 0, "block, review or observe", 0},
    {"threshold", 't', "N", 0, "Greatest distance that matches, 0 to 63", 0},
    {"bank-match-percent", 'B', "N", 0, "How much of a listed clip must be found, 1 to 100", 0},
    {"query-match-percent", 'Q', "N", 0, "How much of an upload must be of one clip, 0 to 100", 0},
    {"match-run", 'R', "N", 0,
     "Signals of a clip that are enough when found in a row, 2 to 100; 0: never", 0},
    {"description", 'd', "TEXT", 0, "What the bank holds", 0},
    {"owner", 'w', "WHO", 0, "Who answers for it", 0},
    {"sharing", 's', "TEXT", 0, "Who may share it", 0},
    {"label", 'l', "LABEL", 0, "A label; may be given more than once", 0},
    {"reason", 'r', "TEXT", 0, "Why, for the audit", 0},
    {0},
};
static const struct argp_option add_options[] = {
    {"bank", 'b', "BANK", 0, "The bank to list in", 0},
    {"reason", 'r', "TEXT", 0, "Why it is listed", 0},
    {"label", 'l', "LABEL", 0, "A label; may be given more than once", 0},
    {"case", 'c', "REF", 0, "The case it belongs to", 0},
    {"source", 's', "WHO", 0, "Where it comes from", 0},
    {"pdq", 'p', "HEX", 0, "List a bare PDQ hash; may be given more than once", 0},
    {"sha256", 'x', "HEX", 0, "List the digest of a file", 0},
    {"sha1", 'y', "HEX", 0, "The same, SHA-1", 0},
    {"md5", 'm', "HEX", 0, "The same, MD5", 0},
    {0},
};
static const struct argp_option entry_ls_options[] = {
    {"bank", 'b', "BANK", 0, "The bank", 0},
    {"state", 's', "STATE", 0, "active or revoked", 0},
    {"label", 'l', "LABEL", 0, "Only with this label", 0},
    {"signal", 'p', "HEX", 0, "Only entries with this hash", 0},
    {"limit", 'n', "N", 0, "At most so many (default: all)", 0},
    {0},
};
static const struct argp_option reason_options[] = {
    {"reason", 'r', "TEXT", 0, "Why", 0},
    {0},
};
static const struct argp_option import_options[] = {
    {"bank", 'b', "BANK", 0, "The bank to list in", 0},
    {"format", 'f', "FORMAT", 0, "text, csv or ndjson (default: by the file's name, else text)", 0},
    {"reason", 'r', "TEXT", 0, "Why (default: import of FILE)", 0},
    {"skip-bad", 'k', NULL, 0, "Import the good lines and tell the bad ones (default: all or none)",
     0},
    {0},
};
static const struct argp_option export_options[] = {
    {"bank", 'b', "BANK", 0, "The bank", 0},
    {"format", 'f', "FORMAT", 0, "text (default), csv or ndjson", 0},
    {"output", 'o', "FILE", 0, "Write here (mode 0600) instead of standard output", 0},
    {0},
};
static const struct argp_option audit_options[] = {
    {"bank", 'b', "BANK", 0, "Only of this bank", 0},
    {"actor", 'a', "NAME", 0, "Only what this key did", 0},
    {"action", 'c', "ACTION", 0, "Only this, as entry.add", 0},
    {"target", 't', "ID", 0, "Only of this entry or key", 0},
    {"limit", 'n', "N", 0, "At most so many, newest first (default 50)", 0},
    {0},
};
static const struct argp_option key_options[] = {
    {"name", 'n', "NAME", 0, "Who uses it", 0},
    {"scope", 's', "SCOPE", 0, "check, match, detail, moderate, metrics, admin; repeatable", 0},
    {"banks", 'b', "A,B", 0, "It sees only these banks", 0},
    {"rate", 'r', "N", 0, "Requests a second", 0},
    {"burst", 'u', "N", 0, "Requests at once", 0},
    {"expires", 'e', "TIME", 0, "RFC 3339 time after which it ends", 0},
    {0},
};

#define TELL_OPTIONS                                                                               \
    {"csv", 'c', NULL, 0, "Print CSV instead of a table", 3},                                      \
        {"all", 'A', NULL, 0, "Print every file, not only what matched or could not be read", 3},  \
    {                                                                                              \
        "report", 'o', "FILE", 0, "Write a page of HTML, too", 3                                   \
    }
static const struct argp_option scan_options[] = {
    {"state", 's', "FILE", 0,
     "What is known of the files (default $XDG_STATE_HOME/hashgate/scan.db)", 0},
    {"exclude", 'x', "PATTERN", 0,
     "Leave out names like this: of the last part, or with a slash of the whole; repeatable", 1},
    {"max-depth", 'd', "N", 0, "1: only what lies in the folder itself", 1},
    {"all-file-systems", 'a', NULL, 0, "Go through mounts, too", 1},
    {"files-from", 'T', "FILE", 0, "Scan what this list names, a name a line; -: standard input",
     1},
    {"null", '0', NULL, 0, "Names of the list end with a zero byte (default list: standard input)",
     1},
    {"archive-limit", 'L', "NAME=N", 0,
     "Of what lies in an archive: depth (4), members (1000000), total_bytes (1TiB), member_bytes "
     "(512MiB), ratio (250); repeatable",
     1},
    {"shard", 'S', "I/N", 0, "Only the I-th of N parts, by a hash of the name", 1},
    {"checksum", 'k', NULL, 0, "Read every file, whatever its time and size say", 1},
    {"retry-errors", 'e', NULL, 0, "Try again what could not be read or examined", 1},
    {"rematch", 'm', NULL, 0, "Match all that is known again; opens no file", 2},
    {"since", 'g', "GENERATION", 0,
     "Match all that is known again, only against what was listed after it", 2},
    {"offline", 'O', "LIST", 0,
     "Match against this exported list (text or NDJSON), asking no service; repeatable", 2},
    {"threshold", 't', "N", 0, "Greatest distance that matches a list (default 31)", 2},
    {"jobs", 'j', "N", 0, "Files hashed at a time (default: as many as processors)", 2},
    {"nice", 'n', "N", 0, "Give way to other programs, 0 to 19", 2},
    {"max-rate", 'R', "N", 0, "Hashes that the service is asked for in a second", 2},
    TELL_OPTIONS,
    {"action", 'q', "ACT", 0,
     "'quarantine DIR' or 'exec CMD' for files that matched; without --yes only told", 4},
    {"yes", 'y', NULL, 0, "Do what --action says", 4},
    {0},
};
static const struct argp_option merge_options[] = {
    {"state", 's', "FILE", 0, "Keep the joined state here", 0},
    TELL_OPTIONS,
    {0},
};

const struct command commands[] = {
    {"check", "FILE…", 1, -1, "Ask for a verdict on each file", "hashgate check holiday.jpg",
     check_options, NULL, NULL, run_check},
    {"hash", "FILE…", 1, -1, "Print the hashes of each file, matching nothing",
     "hashgate hash --orientations all holiday.jpg", hash_options, NULL, NULL, run_hash},
    {"bank create", "NAME", 1, 1, "Make a bank",
     "hashgate bank create TERROR_CORE --action block --threshold 31", bank_options, "l", NULL,
     run_bank_create},
    {"bank ls", NULL, 0, 0, "List the banks", "hashgate bank ls", NULL, NULL, NULL, run_bank_ls},
    {"bank show", "NAME", 1, 1, "Show one bank", "hashgate bank show TERROR_CORE", NULL, NULL, NULL,
     run_bank_show},
    {"bank set", "NAME", 1, 1, "Change a bank",
     "hashgate bank set TERROR_CORE --action review --reason 'too many near hits'", bank_options,
     "l", NULL, run_bank_set},
    {"add", "[FILE…]", 0, -1, "List files or bare hashes in a bank",
     "hashgate add flag.png --bank TERROR_CORE --reason 'propaganda of X' --label logo",
     add_options, "lpxym", "br", run_add},
    {"entry ls", NULL, 0, 0, "List the entries of a bank",
     "hashgate entry ls --bank TERROR_CORE --state active", entry_ls_options, NULL, "b",
     run_entry_ls},
    {"entry show", "ID", 1, 1, "Show one entry with its signals",
     "hashgate entry show 01J8ZQ4T9H3N5W7Y8X2V6B1C0D", NULL, NULL, NULL, run_entry_show},
    {"entry revoke", "ID…", 1, -1, "Stop entries from matching, at once",
     "hashgate entry revoke 01J8ZQ4T9H3N5W7Y8X2V6B1C0D --reason 'a news photo'", reason_options,
     NULL, "r", run_entry_revoke},
    {"entry restore", "ID…", 1, -1, "Let revoked entries match again",
     "hashgate entry restore 01J8ZQ4T9H3N5W7Y8X2V6B1C0D --reason 'revoked by mistake'",
     reason_options, NULL, "r", run_entry_restore},
    {"import", "FILE", 1, 1, "List every hash of a file",
     "hashgate import list.csv --bank SHARED --format csv", import_options, NULL, "b", run_import},
    {"export", NULL, 0, 0, "Write a bank's hashes", "hashgate export --bank SHARED --format csv",
     export_options, NULL, "b", run_export},
    {"audit ls", NULL, 0, 0, "Who changed what, when and why",
     "hashgate audit ls --bank TERROR_CORE --limit 20", audit_options, NULL, NULL, run_audit_ls},
    {"audit verify", NULL, 0, 0, "Check that no row of the audit was changed or removed",
     "hashgate audit verify", NULL, NULL, NULL, run_audit_verify},
    {"key create", NULL, 0, 0, "Make an API key; it is shown once",
     "hashgate key create --name uploads --scope check", key_options, "sb", "ns", run_key_create},
    {"key ls", NULL, 0, 0, "List the API keys", "hashgate key ls", NULL, NULL, NULL, run_key_ls},
    {"key revoke", "ID…", 1, -1, "End API keys, at once",
     "hashgate key revoke 01J8ZQ4T9H3N5W7Y8X2V6B1C0D", NULL, NULL, NULL, run_key_revoke},
    {"scan merge", "STATE…", 1, -1, "Tell the states of several scans as one",
     "hashgate scan merge shard1.db shard2.db --report found.html", merge_options, NULL, NULL,
     run_scan_merge},
    {"scan", "[PATH…|s3://BUCKET/PREFIX…]", 0, -1,
     "Hash an archive here and match it; scan again to go on",
     "hashgate scan /srv/media --report found.html", scan_options, "xOL", NULL, run_scan},
    {"completion", "SHELL", 1, 1, "Print completion for bash, zsh or fish",
     "hashgate completion bash >/etc/bash_completion.d/hashgate", NULL, NULL, NULL, run_completion},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
