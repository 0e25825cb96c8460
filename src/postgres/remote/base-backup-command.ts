/** The command `BASE_BACKUP` of the replication protocol, whose form depends on the version of the server. */

/** What is asked for. WAL is never included: the archive has it. */
export interface BaseBackupRequest {
  readonly label: string;
  /** The server sends no faster; undefined: unlimited. From 32 to 1048576. */
  readonly kibibytesPerSecond: number | undefined;
  /** The server verifies the checksums of pages while it reads them. */
  readonly verifiesChecksums: boolean;
  /** The server adds a `backup_manifest`. */
  readonly withManifest: boolean;
}

/** How servers of some versions are asked, and answer. */
export interface BaseBackupForm {
  /** Version number (`server_version_num`) of the first server that it is for. */
  readonly from: number;
  command(request: BaseBackupRequest): string;
  /** All archives come in one stream that says where each begins; else every archive is a stream. */
  readonly isOneStream: boolean;
}

/** Newest first. */
const forms: readonly BaseBackupForm[] = [
  { from: 150_000, command: (request) => optionList(request), isOneStream: true },
  { from: 110_000, command: (request) => optionWords(request, 'NOVERIFY_CHECKSUMS'), isOneStream: false },
  // Older ones verify nothing, and don't know the word.
  { from: 0, command: (request) => optionWords(request, ''), isOneStream: false },
];

/** The limits of `MAX_RATE`. */
export const rateLimits = { min: 32, max: 1_048_576 } as const;

/** The first server that makes manifests. */
export const firstWithManifest = 130_000;

/** The form for a server of this version (`server_version_num`). */
export function baseBackupForm(version: number): BaseBackupForm {
  const form = forms.find((one) => version >= one.from);
  if (form === undefined) throw new RangeError(`no version of a server: ${version}`);
  return form;
}

// Neither waits for the archiver: a command that fails there would keep the backup from ending, and whether the WAL
// arrived is looked up in the archive.
function optionList(request: BaseBackupRequest): string {
  const { label, kibibytesPerSecond: rate, verifiesChecksums, withManifest } = request;
  const options = [
    `LABEL ${quoted(label)}`,
    'PROGRESS',
    `CHECKPOINT 'fast'`,
    'WAIT false',
    rate === undefined ? '' : `MAX_RATE ${rate}`,
    'TABLESPACE_MAP',
    verifiesChecksums ? '' : 'VERIFY_CHECKSUMS false',
    withManifest ? `MANIFEST 'yes'` : '',
  ];
  return `BASE_BACKUP (${options.filter((option) => option !== '').join(', ')})`;
}

function optionWords(request: BaseBackupRequest, noVerification: string): string {
  const { label, kibibytesPerSecond: rate, verifiesChecksums, withManifest } = request;
  const options = [
    `LABEL ${quoted(label)}`,
    'PROGRESS',
    'FAST',
    'NOWAIT',
    rate === undefined ? '' : `MAX_RATE ${rate}`,
    'TABLESPACE_MAP',
    verifiesChecksums ? '' : noVerification,
    withManifest ? `MANIFEST 'yes'` : '',
  ];
  return `BASE_BACKUP ${options.filter((option) => option !== '').join(' ')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(`'`, `''`)}'`;
}
