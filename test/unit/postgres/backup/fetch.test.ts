import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import {
  lastParts,
  localPool,
  madeControl,
  madeLabel,
  madeName,
  makeBackup,
  plainTransport,
  type MadeBackup,
} from '../../../../testtools/made-backup.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';
import type { Transport } from '../../../../src/pipeline/transport.ts';
import { silentLogger, type LogFields } from '../../../../src/platform/logger.ts';
import {
  prepareFetch,
  restoreBackup,
  type FetchRequest,
  type FetchSummary,
} from '../../../../src/postgres/backup/fetch.ts';

let temporary: TemporaryDirectory;
let transport: Transport;
let destination: string;
let warnings: (readonly [string, LogFields | undefined])[];

beforeEach(async () => {
  temporary = await temporaryDirectory();
  transport = plainTransport();
  destination = join(temporary.path, 'new', 'data');
  warnings = [];
});
afterEach(() => temporary[Symbol.asyncDispose]());

const plain: MadeBackup['parts'] = {
  ...lastParts,
  'part_001.tar': [
    { name: '/', type: 'directory', mode: 0o750 },
    { name: '/PG_VERSION', content: '17\n' },
    { name: '/base', type: 'directory' },
    { name: '/pg_wal', type: 'directory' },
  ],
  'part_002.tar': [{ name: '/base/1/1247', content: 'x'.repeat(20_000), mode: 0o640 }],
};

async function restore(made: MadeBackup, request: Partial<FetchRequest> = {}): Promise<FetchSummary> {
  const sentinel = await makeBackup(transport.storage, made);
  const { signal } = new AbortController();
  const logger = {
    ...silentLogger,
    warn: (message: string, fields?: LogFields) => {
      warnings.push([message, fields]);
    },
  };
  const services = {
    transport,
    openPool: () => localPool(transport, signal),
    openProgress: () => ({ update: () => undefined, finish: () => undefined }),
    clock: fakeClock(),
    logger,
    signal,
    retries: 2,
  };
  const prepared = await prepareFetch(services, {
    destination,
    backup: madeName,
    sentinel,
    restoreSpec: undefined,
    mask: undefined,
    restoreOnly: undefined,
    additions: new Map(),
    durable: true,
    inPlace: false,
    newestFirst: true,
    skipRedundantParts: true,
    ...request,
  });
  return restoreBackup(services, prepared);
}

function content(path: string): string {
  return readFileSync(join(destination, path), 'utf8');
}

function modeOf(path: string): number {
  return lstatSync(join(destination, path)).mode & 0o7777;
}

/** A restore that fails leaves nothing that a server would start from. */
async function refuses(made: MadeBackup, error: unknown, request: Partial<FetchRequest> = {}): Promise<void> {
  await expect(restore(made, request)).rejects.toThrow(error);
  expect(existsSync(join(destination, 'global/pg_control'))).toBe(false);
}

const corrupt = expect.objectContaining({ kind: 'corrupt' }) as Error;

describe('a restore', () => {
  it('makes the directory with everything in it, modes included', async () => {
    const summary = await restore({ parts: plain });
    expect(summary).toEqual({ destination, files: 2, bytes: 20_003 });
    expect(content('PG_VERSION')).toBe('17\n');
    expect(content('base/1/1247')).toHaveLength(20_000);
    expect(content('backup_label')).toBe(madeLabel);
    expect(content('tablespace_map')).toBe('');
    expect(readFileSync(join(destination, 'global/pg_control')).equals(madeControl)).toBe(true);
    expect([modeOf('.'), modeOf('base/1/1247'), modeOf('base')]).toEqual([0o750, 0o640, 0o700]);
    expect(warnings).toEqual([]);
  });

  it('brings pg_control last also where a part has it, as in backups of WAL-E', async () => {
    const backup = `${madeName}_00000040`;
    const { 'pg_control.tar': control = [], ...parts } = plain;
    await restore({ name: backup, parts: { ...parts, 'part_003.tar': control }, files: null }, { backup });
    expect(content('PG_VERSION')).toBe('17\n');
    expect(readFileSync(join(destination, 'global/pg_control')).equals(madeControl)).toBe(true);
    expect(existsSync(join(destination, 'global/pg_control.walvault'))).toBe(false);
  });

  it('fails when such a backup has no pg_control at all', async () => {
    const backup = `${madeName}_00000040`;
    const parts = Object.fromEntries(Object.entries(plain).filter(([part]) => part !== 'pg_control.tar'));
    await refuses({ name: backup, parts, files: null }, /has no pg_control/, { backup });
  });

  it('leaves out a part that a failed push of the same name left behind', async () => {
    const stale = { 'part_003.tar': [{ name: '/base/1/1247', content: 'stale' }] };
    const tarFileSets = { 'part_001.tar': ['/', '/PG_VERSION', '/base', '/pg_wal'], 'part_002.tar': ['/base/1/1247'] };
    await restore({ parts: { ...plain, ...stale }, tarFileSets });
    expect(content('base/1/1247')).toHaveLength(20_000);
    expect(warnings.map(([message]) => message)).toEqual(['a part that the backup does not list is left out']);
  });

  it('makes pg_wal where the backup has none, since it was a link', async () => {
    const withoutWal = (plain['part_001.tar'] ?? []).filter(({ name }) => name !== '/pg_wal');
    await restore({ parts: { ...plain, 'part_001.tar': withoutWal } });
    expect(statSync(join(destination, 'pg_wal')).isDirectory()).toBe(true);
  });

  it('reads a remote backup: names without a slash, label and control file in a part', async () => {
    const { 'pg_control.tar': control = [] } = lastParts;
    mkdirSync(destination, { recursive: true, mode: 0o755 });
    await restore({
      parts: {
        'pg_control.tar': control.map((one) => ({ ...one, name: 'global/pg_control' })),
        'part_001.tar': [
          { name: 'backup_label', content: madeLabel },
          { name: 'tablespace_map', content: '' },
          { name: 'base/', type: 'directory' },
          { name: 'base/1247', content: 'abc' },
          { name: 'global/pg_control', content: 'not this one' },
        ],
      },
    });
    expect(content('base/1247')).toBe('abc');
    expect(modeOf('.')).toBe(0o700);
    expect(readFileSync(join(destination, 'global/pg_control')).equals(madeControl)).toBe(true);
  });

  it('appends what a recovery needs, and leaves out signals that contradict it', async () => {
    const extra = [
      { name: '/standby.signal', content: '' },
      { name: '/postgresql.auto.conf', content: 'a = 1\n' },
    ];
    const additions = new Map([
      ['recovery.signal', ''],
      ['postgresql.auto.conf', 'b = 2\n'],
    ]);
    await restore({ parts: { ...plain, 'part_003.tar': extra } }, { additions });
    expect(content('postgresql.auto.conf')).toBe('a = 1\nb = 2\n');
    expect(content('recovery.signal')).toBe('');
    expect(existsSync(join(destination, 'standby.signal'))).toBe(false);
  });

  it('restores only what a mask matches, which cannot be started', async () => {
    await restore({ parts: plain }, { mask: 'base/1/*' });
    expect(content('base/1/1247')).toHaveLength(20_000);
    for (const path of ['PG_VERSION', 'backup_label', 'global/pg_control']) {
      expect(existsSync(join(destination, path))).toBe(false);
    }
  });

  it('leaves out what the backup does not list, and says so', async () => {
    await restore({ parts: plain, files: ['/', '/base', '/base/1/1247', '/pg_wal'] });
    expect(existsSync(join(destination, 'PG_VERSION'))).toBe(false);
    expect(warnings).toEqual([['left out, the backup does not list it', { file: 'PG_VERSION' }]]);
  });

  it('makes symbolic links with their targets, but not those whose target WAL-G lost', async () => {
    const links = [
      { name: '/postgresql.conf', type: 'symlink', linkName: '/etc/postgresql.conf' },
      { name: '/lost', type: 'symlink', linkName: 'lost' },
      { name: '/base/2', type: 'symlink', linkName: '1' },
    ] as const;
    await restore({ parts: { ...plain, 'part_003.tar': links } });
    expect(readlinkSync(join(destination, 'postgresql.conf'))).toBe('/etc/postgresql.conf');
    expect(existsSync(join(destination, 'lost'))).toBe(false);
    expect(warnings.map(([message, fields]) => [message.replace(/:.*/, ''), fields?.['path']])).toEqual([
      ['a symbolic link leads out of the directory', 'postgresql.conf'],
      ['a symbolic link is left out, its target is not recorded', 'lost'],
    ]);
  });
});

describe('tablespaces', () => {
  const parts = {
    ...plain,
    'part_003.tar': [{ name: '/pg_tblspc/16384/PG_17/5/16390', content: 'rows' }],
  };
  const spaced = (location: string, basePrefix = '/pg/data'): MadeBackup => ({
    parts,
    tablespaces: { basePrefix, tablespaces: [{ name: '16384', location, link: 'pg_tblspc/16384' }] },
  });

  it('stay inside a new place; the original is not touched and its map is left out', async () => {
    const original = join(temporary.path, 'original');
    await restore(spaced(original));
    expect(existsSync(original)).toBe(false);
    expect(readlinkSync(join(destination, 'pg_tblspc/16384'))).toBe(join(destination, 'tablespaces/16384'));
    expect(content('pg_tblspc/16384/PG_17/5/16390')).toBe('rows');
    expect(existsSync(join(destination, 'tablespace_map'))).toBe(false);
  });

  it('go back to where they were when the data directory does, and only into empty places', async () => {
    const original = join(temporary.path, 'original');
    mkdirSync(original);
    writeFileSync(join(original, 'in-use'), '');
    await refuses(spaced(original, destination), /original" is not empty: in-use/);
    transport = plainTransport();
    await restore(spaced(join(temporary.path, 'again'), destination));
    expect(readFileSync(join(temporary.path, 'again/PG_17/5/16390'), 'utf8')).toBe('rows');
    expect(existsSync(join(destination, 'tablespace_map'))).toBe(true);
  });
});

describe('a destination', () => {
  it('that holds anything is refused, and the contents are named', async () => {
    mkdirSync(destination, { recursive: true });
    writeFileSync(join(destination, 'precious'), 'data');
    await refuses({ parts: plain }, /not empty: precious/);
    expect(content('precious')).toBe('data');
  });

  it('that is a file is refused', async () => {
    mkdirSync(join(temporary.path, 'new'));
    writeFileSync(destination, '');
    await expect(restore({ parts: plain })).rejects.toMatchObject({ kind: 'cannotWrite' });
  });

  it('may be a link to an empty directory', async () => {
    const real = join(temporary.path, 'real');
    mkdirSync(real);
    mkdirSync(join(temporary.path, 'new'));
    symlinkSync(real, destination);
    expect(await restore({ parts: plain })).toMatchObject({ destination: real });
  });
});

describe('a damaged or hostile backup', () => {
  const outside = (): string => join(temporary.path, 'new', 'outside');
  const withMember = (member: { name: string }, files?: readonly string[]): MadeBackup => ({
    parts: { ...plain, 'part_003.tar': [member] },
    files: files ?? null,
  });

  it.each(['/../outside', '../outside', '/base/../../outside', '//outside'])(
    'with a member %j is refused, and nothing is written outside',
    async (name) => {
      await refuses(withMember({ name }), corrupt);
      expect(existsSync(outside())).toBe(false);
    },
  );

  it('with an absolute member writes it below the destination, if at all', async () => {
    const path = join(temporary.path, 'absolute');
    await restore(withMember({ name: path }));
    expect(existsSync(path)).toBe(false);
    expect(existsSync(join(destination, path))).toBe(true);
  });

  it('with a member through a symbolic link is refused, and nothing is written behind it', async () => {
    const link = { name: '/link', type: 'symlink', linkName: temporary.path } as const;
    const through = { name: '/link/outside', content: 'x' };
    await refuses({ parts: { ...plain, 'part_003.tar': [link, through] } }, corrupt);
    await refuses({ parts: { ...plain, 'part_003.tar': [link], 'part_004.tar': [through] } }, /not empty/);
    expect(existsSync(join(temporary.path, 'outside'))).toBe(false);
  });

  it('with a file in the place of a directory is refused', async () => {
    const members = [{ name: '/PG_VERSION/x', content: 'x' }];
    await refuses({ parts: { ...plain, 'part_003.tar': members } }, corrupt);
  });

  it('with a link into a tablespace that it does not describe is refused', async () => {
    const link = { name: '/pg_tblspc/16384', type: 'symlink', linkName: temporary.path } as const;
    await refuses({ parts: { ...plain, 'part_003.tar': [link] } }, corrupt);
  });

  it.each(['hardlink', 'fifo', 'character device'] as const)('with a %s is refused', async (type) => {
    await refuses({ parts: { ...plain, 'part_003.tar': [{ name: '/odd', type, linkName: '/PG_VERSION' }] } }, corrupt);
  });

  it('that lacks a file is refused, with its name', async () => {
    await refuses(
      { parts: plain, files: ['/base/1/1247', '/base/1/1249'] },
      /lacks 1 of its files, such as "base\/1\/1249"/,
    );
  });

  it('without a list of files is refused when its parts are too small together', async () => {
    const sentinel = { dataDirectoryBytes: 1, uncompressedBytes: 40_000 };
    await refuses({ parts: plain, files: null, sentinel }, /parts are missing/);
  });

  it('whose files metadata is missing is refused before anything is written', async () => {
    const summary = { startTime: 1n, finishTime: 2n, hostname: '', dataDirectory: '', isPermanent: false };
    const sentinel = await makeBackup(transport.storage, { parts: plain, sentinel: { summary } });
    await transport.storage.delete([`basebackups_005/${madeName}/files_metadata.json`]);
    const services = { transport, logger: silentLogger, signal: new AbortController().signal };
    const request = {
      ...{ destination, backup: madeName, sentinel, restoreSpec: undefined, mask: undefined, restoreOnly: undefined },
      additions: new Map<string, string>(),
      ...{ durable: true, inPlace: false, newestFirst: true, skipRedundantParts: true },
    };
    await expect(prepareFetch(services, request)).rejects.toMatchObject({ kind: 'missing' });
    expect(existsSync(destination)).toBe(false);
  });

  it.each([
    ['whose control file is damaged', { 'pg_control.tar': [{ name: '/global/pg_control', content: 'nonsense' }] }],
    ['whose control tar holds something else', { 'pg_control.tar': [{ name: '/PG_VERSION', content: '17' }] }],
    [
      'whose label is of another backup',
      { 'backup_label.tar': [{ name: 'backup_label', content: madeLabel.replace('28', '29') }] },
    ],
    ['whose label is none', { 'backup_label.tar': [{ name: 'backup_label', content: '' }] }],
  ])('%s is refused before anything is written', async (_, parts) => {
    await refuses({ parts: { ...plain, ...parts } }, corrupt);
    expect(existsSync(destination)).toBe(false);
  });

  it('of another cluster than its control file is refused', async () => {
    await refuses({ parts: plain, sentinel: { systemIdentifier: 1n } }, /is of cluster/);
  });

  it('without any label is refused', async () => {
    const { 'backup_label.tar': label, ...rest } = plain;
    expect(label).toBeDefined();
    await refuses({ parts: rest }, /no backup label/);
    expect(warnings.map(([message]) => message)).toEqual([
      'the restore is incomplete: without pg_control the directory cannot be started',
    ]);
  });

  it('that builds on one that is not there is refused', async () => {
    const delta = { kind: 'delta', parent: 'base_P', parentLsn: 0n, root: 'base_P', steps: 1 } as never;
    await refuses({ parts: plain, sentinel: delta }, /builds on "base_P", which is not there/);
    expect(existsSync(destination)).toBe(false);
  });
});
