/**
 * Names of WAL-G's settings that nothing here reads yet. They are accepted, so that a configuration made for WAL-G gives
 * no warnings. A name leaves this list when its owner declares it.
 */

/** Settings of storages and services: `N` is also known as `WALG_N` and `WALE_N` (`storages.md` 1.3 of the specification). */
const withSpellings = `
OSS_ACCESS_KEY_ID OSS_ACCESS_KEY_SECRET OSS_SESSION_TOKEN OSS_REGION OSS_ENDPOINT OSS_ROLE_ARN OSS_ROLE_SESSION_NAME
OSS_SKIP_VALIDATION OSS_MAX_RETRIES OSS_CONNECT_TIMEOUT OSS_UPLOAD_PART_SIZE OSS_COPY_PART_SIZE
`;

/** Settings with one spelling. */
const plain = `
WALG_DAEMON_WAL_UPLOAD_TIMEOUT WALG_DIRECT_IO WALG_DIRECT_IO_BLOCK_COUNT
WALG_PG_BLOCK_SIZE WALG_PG_WAL_PAGE_SIZE WALG_SERIALIZER_TYPE
WALG_ENVELOPE_CACHE_EXPIRATION WALG_ENVELOPE_PGP_YC_CSE_KMS_KEY_ID WALG_ENVELOPE_PGP_YC_ENDPOINT
WALG_ENVELOPE_PGP_YC_SERVICE_ACCOUNT_KEY_FILE YC_SERVICE_ACCOUNT_KEY_FILE
WALG_UNSPECIFIED_STREAM_BACKUP_TOOL WALG_XTRABACKUP_TOOL WALG_MYSQL_CURRENT_BINLOG
WALG_MYSQL_TAKE_BINLOGS_FROM_MASTER WALG_STATSD_ADDRESS WALG_STATSD_EXTRA_TAGS
PROFILE_SAMPLING_RATIO PROFILE_MODE PROFILE_PATH HTTP_LISTEN HTTP_EXPOSE_PPROF HTTP_EXPOSE_EXPVAR GOMAXPROCS GODEBUG
PGBACKREST_STANZA PGDATA
`;

/**
 * All those names.
 *
 * @param options.spellings also give the `WALG_` and `WALE_` forms of those that have them; default true
 */
export function* settingsKnownLater({ spellings = true } = {}): Generator<string> {
  for (const name of words(withSpellings)) {
    yield name;
    if (spellings) yield* [`WALG_${name}`, `WALE_${name}`];
  }
  yield* words(plain);
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
