import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32c } from '../../../../src/bytes/crc32c.ts';
import type { Transport } from '../../../../src/pipeline/transport.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import type { FetchSummary } from '../../../../src/postgres/backup/fetch.ts';
import type { Sentinel } from '../../../../src/postgres/backup/sentinel.ts';
import { asCatchups } from '../../../../src/postgres/catchup/catchup-storage.ts';
import { fetchCatchup, prepareCatchup } from '../../../../src/postgres/catchup/fetch-catchup.ts';
import { parseControlFile } from '../../../../src/postgres/control-file.ts';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import { pageBytes } from '../../../../src/postgres/pages/page-scan.ts';
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
import { madeIncrement, plainPage } from '../../../../testtools/made-chain.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';

const { systemIdentifier } = parseControlFile(madeControl);

let temporary: TemporaryDirectory;
let standby: string;
let transport: Transport;

beforeEach(async () => {
  temporary = await temporaryDirectory();
  transport = plainTransport();
  standby = join(temporary.path, 'standby');
  put('PG_VERSION', '17\n');
  put('standby.signal', '');
  put('postgresql.conf', 'port = 1\n');
  put('base/5/1', Buffer.concat([plainPage(1), plainPage(2), plainPage(3)]));
  put('base/5/2', 'old');
  put('base/5/99', 'gone on the primary');
  put('global/pg_control', controlAt({ redo: '0/1000028' }));
});
afterEach(() => temporary[Symbol.asyncDispose]());

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(standby, path)), { recursive: true });
  writeFileSync(join(standby, path), content);
}

function read(path: string): Buffer {
  return readFileSync(join(standby, path));
}

/** The control file of a standby that was shut down. */
function controlAt({
  redo,
  end = redo,
  timeline = 1,
  checksums,
}: {
  readonly redo: string;
  readonly end?: string;
  readonly timeline?: number;
  readonly checksums?: number;
}): Uint8Array {
  const bytes = Buffer.from(madeControl);
  bytes.writeUInt32LE(2, 16);
  bytes.writeBigUInt64LE(parseLsn(redo), 32);
  bytes.writeBigUInt64LE(parseLsn(redo), 40);
  bytes.writeUInt32LE(timeline, 48);
  bytes.writeBigUInt64LE(parseLsn(end), 136);
  bytes.writeUInt32LE(timeline, 144);
  if (checksums !== undefined) bytes.writeUInt32LE(checksums, 252);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 288)), 288);
  return bytes;
}

const since: Partial<Sentinel> = {
  kind: 'delta',
  parent: '',
  root: '',
  steps: 1,
  parentLsn: parseLsn('0/1000028'),
  systemIdentifier,
};

const grown = madeIncrement(4, [
  [1, plainPage(20)],
  [3, plainPage(40)],
]);

const catchup: MadeBackup = {
  parts: {
    ...lastParts,
    'part_001.tar': [
      { name: '/', type: 'directory', mode: 0o700 },
      { name: '/PG_VERSION', content: '17\n' },
      { name: '/pg_wal', type: 'directory' },
      { name: '/base/5/1', content: grown },
      { name: '/base/5/2', content: 'new' },
      { name: '/base/6/3', content: 'created' },
    ],
  },
  increments: ['/base/5/1'],
  sentinel: since,
};

async function fetch(made: MadeBackup = catchup): Promise<FetchSummary> {
  const storage = asCatchups(transport.storage);
  const sentinel = await makeBackup(storage, made);
  const { signal } = new AbortController();
  const services = {
    ...{ transport, clock: fakeClock(), logger: silentLogger, signal, retries: 0 },
    openPool: () => localPool(transport, signal),
    openProgress: () => ({ update: () => undefined, finish: () => undefined }),
  };
  const request = { dataDirectory: standby, catchup: made.name ?? madeName, sentinel, durable: true };
  return fetchCatchup(services, await prepareCatchup(services, request));
}

async function requireRefusal(made: MadeBackup, message: string | RegExp, kind = 'cannotWrite'): Promise<void> {
  const before = readdirSync(standby, { recursive: true }).sort();
  await expect(fetch(made)).rejects.toMatchObject({ kind, message: expect.stringMatching(message) as unknown });
  expect(readdirSync(standby, { recursive: true }).sort()).toEqual(before);
  expect(read('base/5/2').toString()).toBe('old');
  await expect(fetch(made)).rejects.toThrow();
}

describe('unpacking a catchup over a standby', () => {
  it('replaces files, writes changed pages, creates what is new and leaves alone what the primary no longer has', async () => {
    await fetch();
    expect(read('base/5/1')).toEqual(Buffer.concat([plainPage(1), plainPage(20), plainPage(3), plainPage(40)]));
    expect(read('base/5/2').toString()).toBe('new');
    expect(read('base/6/3').toString()).toBe('created');
    expect(read('base/5/99').toString()).toBe('gone on the primary');
    expect(read('postgresql.conf').toString()).toBe('port = 1\n');
    expect(existsSync(join(standby, 'standby.signal'))).toBe(true);
    expect(read('backup_label').toString()).toBe(madeLabel);
    expect(existsSync(join(standby, 'tablespace_map'))).toBe(false);
    expect(read('global/pg_control').equals(madeControl)).toBe(true);
    expect(readdirSync(join(standby, 'global'))).toEqual(['pg_control']);
  });

  it('shortens files that the primary has cut', async () => {
    const parts = { ...catchup.parts, 'part_001.tar': [{ name: '/base/5/1', content: madeIncrement(1, []) }] };
    await fetch({ ...catchup, parts });
    expect(read('base/5/1')).toEqual(Buffer.from(plainPage(1)));
  });

  it('takes one of WAL-G, which has all files whole', async () => {
    const whole = Buffer.alloc(2 * pageBytes, 7);
    const parts = { ...catchup.parts, 'part_001.tar': [{ name: '/base/5/1', content: whole }] };
    await fetch({ ...catchup, parts, increments: [] });
    expect(read('base/5/1').equals(whole)).toBe(true);
  });

  it('leaves directories that are links where they are', async () => {
    mkdirSync(join(temporary.path, 'wal'));
    symlinkSync(join(temporary.path, 'wal'), join(standby, 'pg_wal'));
    await fetch();
    expect(readlinkSync(join(standby, 'pg_wal'))).toBe(join(temporary.path, 'wal'));
  });

  it('writes into tablespaces where the standby has them, and makes those that came since', async () => {
    const elsewhere = join(temporary.path, 'moved');
    mkdirSync(join(standby, 'pg_tblspc'));
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, join(standby, 'pg_tblspc', '16384'));
    const made = join(temporary.path, 'made');
    const spaces = [
      { name: '16384', location: join(temporary.path, 'not-here'), link: 'pg_tblspc/16384' },
      { name: '16385', location: made, link: 'pg_tblspc/16385' },
    ];
    const parts = {
      ...lastParts,
      'part_001.tar': spaces.map(({ name }) => ({ name: `/pg_tblspc/${name}/PG_17/5/1`, content: name })),
    };
    const tablespaces = { basePrefix: '/primary', tablespaces: spaces };
    await fetch({ ...catchup, parts, tablespaces, increments: [] });
    expect(readFileSync(join(elsewhere, 'PG_17/5/1'), 'utf8')).toBe('16384');
    expect(readFileSync(join(made, 'PG_17/5/1'), 'utf8')).toBe('16385');
    expect(readlinkSync(join(standby, 'pg_tblspc', '16385'))).toBe(made);
    expect(existsSync(join(temporary.path, 'not-here'))).toBe(false);
  });

  it('leaves a standby that cannot be started when it fails, and another run carries on', async () => {
    const cut = { ...catchup, name: 'base_000000010000000000000003' };
    // Page 3 is new, and nobody has it.
    const gap = madeIncrement(5, [[4, plainPage(9)]]);
    const parts = { ...catchup.parts, 'part_001.tar': [{ name: '/base/5/1', content: gap }] };
    await expect(fetch({ ...cut, parts })).rejects.toMatchObject({ kind: 'corrupt' });
    expect(existsSync(join(standby, 'global/pg_control'))).toBe(false);
    await fetch();
    expect(read('base/5/1').length).toBe(4 * pageBytes);
    expect(readdirSync(join(standby, 'global'))).toEqual(['pg_control']);
  });

  it('takes no older one after one that was interrupted, whose pages may be there', async () => {
    const sentinel = { ...since, finishLsn: parseLsn('0/4000000') };
    const newer = { ...catchup, name: 'base_000000010000000000000003', sentinel };
    const gap = madeIncrement(5, [[4, plainPage(9)]]);
    const parts = { ...catchup.parts, 'part_001.tar': [{ name: '/base/5/1', content: gap }] };
    await expect(fetch({ ...newer, parts })).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(fetch()).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('older than the catchup that was interrupted') as unknown,
    });
    expect(existsSync(join(standby, 'global/pg_control'))).toBe(false);
    await fetch(newer);
    expect(readdirSync(join(standby, 'global'))).toEqual(['pg_control']);
  });
});

describe('a catchup is refused, and nothing is touched,', () => {
  it('while a server may be running', async () => {
    put('postmaster.pid', `${process.pid}\n`);
    await requireRefusal(catchup, /running/, 'busy');
  });

  it('for what is no standby', async () => {
    put('standby.signal.off', '');
    const { renameSync } = await import('node:fs');
    renameSync(join(standby, 'standby.signal'), join(standby, 'standby.signal.off'));
    await requireRefusal(catchup, 'standby.signal');
  });

  it('for a standby that was restored and never started', async () => {
    put('backup_label', madeLabel);
    await requireRefusal(catchup, 'never started');
  });

  it('for one of another cluster', async () => {
    await requireRefusal({ ...catchup, sentinel: { ...since, systemIdentifier: 1n } }, 'of cluster 1,');
  });

  it('when only one of both has checksums of pages', async () => {
    put('global/pg_control', controlAt({ redo: '0/1000028', checksums: 0 }));
    await requireRefusal(catchup, /checksums of pages are on in/);
  });

  it('when it begins later than the standby has come, and says from where to push', async () => {
    put('global/pg_control', controlAt({ redo: '0/1000020', end: '0/1500000' }));
    await requireRefusal(catchup, /from 0\/1000028 on.* before 0\/1000020 only/, 'usage');
    await expect(fetch()).rejects.toMatchObject({ hint: expect.stringContaining('--from-lsn 16777248') as unknown });
  });

  it('when the standby is ahead of it', async () => {
    put('global/pg_control', controlAt({ redo: '0/1000028', end: '0/3000000' }));
    await requireRefusal(catchup, 'older than the standby', 'usage');
  });

  it('of another timeline, unless the history of that leads through where the standby is', async () => {
    const later = { ...catchup, name: 'base_000000020000000000000002' };
    await requireRefusal(later, '00000002.history');
    put('pg_wal/00000002.history', '1\t0/1000000\tno\n');
    await requireRefusal(later, /branched off before 0\/1000028/);
    put('global/pg_control', controlAt({ redo: '0/1000028', timeline: 3 }));
    await requireRefusal(later, 'timeline 3');
    put('global/pg_control', controlAt({ redo: '0/1000028' }));
    put('pg_wal/00000002.history', '1\t0/1800000\tno\n');
    await fetch(later);
  });

  it('when the standby lacks a file of which there are changed pages only', async () => {
    const parts = { ...catchup.parts, 'part_001.tar': [{ name: '/base/7/1', content: grown }] };
    await requireRefusal({ ...catchup, parts, increments: ['/base/7/1'] }, 'lacks "base/7/1"');
  });

  it('when it would write through a link, or into a directory that is not empty', async () => {
    const spaces = [{ name: '16385', location: standby, link: 'pg_tblspc/16385' }];
    const tablespaces = { basePrefix: '/primary', tablespaces: spaces };
    await requireRefusal({ ...catchup, tablespaces }, 'is not empty');
    mkdirSync(join(temporary.path, 'x'));
    symlinkSync(join(temporary.path, 'x'), join(standby, 'pg_xact'));
    const parts = { ...catchup.parts, 'part_001.tar': [{ name: '/pg_xact/0000', content: 'x' }] };
    await requireRefusal({ ...catchup, parts, increments: [] }, 'is a symbolic link');
  });
});
