import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noneCodec } from '../../../src/codecs/none.ts';
import { commandEntries } from '../../../src/commands/index.ts';
import { ArchiverError } from '../../../src/errors.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { catalogueFixtures, openListedFixture } from '../../../testtools/catalogue.ts';
import { runCommand, type CommandOutcome } from '../../../testtools/command-run.ts';
import { fakeClock } from '../../../testtools/fake-clock.ts';
import { readExpected } from '../../../testtools/fixture.ts';
import { madeInventory } from '../../../testtools/made-inventory.ts';
import { storedArchive } from '../../../testtools/stored-archive.ts';

const none = { codec: noneCodec, crypter: undefined };

async function run(fixture: string, words: readonly string[], storage?: Storage): Promise<CommandOutcome> {
  const [verb = '', ...rest] = words;
  const command = await commandEntries.find(({ name }) => name === `delete ${verb}`)?.load();
  if (command === undefined) throw new TypeError(`no such command: ${verb}`);
  const settings = { WALG_PG_WAL_SIZE: String(readExpected(fixture).wal_segment_size_bytes / 2 ** 20) };
  const transport = { storage: storage ?? (await openListedFixture(fixture)), ...none };
  return runCommand(command, rest, { transport, settings });
}

async function keysOf(storage: Storage): Promise<string[]> {
  const keys: string[] = [];
  for await (const item of storage.list('', { recursive: true })) if (item.kind === 'object') keys.push(item.key);
  return keys.sort();
}

function marked({ log }: Pick<CommandOutcome, 'log'>): string[] {
  return log
    .flatMap(({ message }) => /^Object marked for deletion: (.*) storage=default$/.exec(message)?.[1] ?? [])
    .sort();
}

const fixtures = resolve(import.meta.dirname, '../../fixtures');

interface DryRun {
  readonly line: string;
  readonly status: number;
  readonly keys: readonly string[];
  readonly log: string;
}

function dryRuns(fixture: string): DryRun[] {
  const folder = join(fixtures, fixture, 'walg-output');
  return readdirSync(folder)
    .filter((file) => file.startsWith('delete-dryrun'))
    .map((file) => {
      const log = readFileSync(join(folder, file), 'utf8');
      const line = /^\$ wal-g delete (.*)$/m.exec(log)?.[1] ?? '';
      // WAL-G names what "target" marks without the folder.
      const prefix = line.startsWith('target') ? 'basebackups_005/' : '';
      const keys = [...log.matchAll(/Object marked for deletion: (\S+) storage=default/g)].map(
        ([, key = '']) => prefix + key,
      );
      return { line, status: Number(/^# exit: (\d+)$/m.exec(log)?.[1]), keys: keys.sort(), log };
    });
}

describe.each(catalogueFixtures)('delete in the archive that WAL-G made: %s', (fixture) => {
  it.each(dryRuns(fixture))('marks the objects that WAL-G marks: $line', async ({ line, status, keys, log }) => {
    const ran = run(fixture, line.split(' '));
    if (status !== 0) {
      await expect(ran).rejects.toThrow(/permanent|is a delta/);
      return;
    }
    expect(keys.length).toBeGreaterThan(0);
    const outcome = await ran;
    expect(marked(outcome)).toEqual(keys);
    expect(log).toContain(outcome.log.at(-1)?.message);
    expect(outcome.stdout).toContain(`${keys.length} object${keys.length === 1 ? '' : 's'}, `);
  });
});

const zstd = 'pg15-zstd';
const [first, delta, permanent, last] = [
  'base_00000001000000000000000A',
  'base_00000001000000000000000C_D_00000001000000000000000A',
  'base_00000001000000000000000F',
  'base_000000010000000000000012',
] as const;

describe('delete --confirm', () => {
  it.each(['retain 1', 'before FIND_FULL 2026-11-21T03:32:51Z', `target ${first}`, 'garbage', 'policy --keep-last 1'])(
    'removes what the dry run said, and nothing is left for another run: %s',
    async (line) => {
      const storage = await openListedFixture(zstd);
      const before = await keysOf(storage);
      const dry = await run(zstd, line.split(' '), storage);
      expect(await keysOf(storage)).toEqual(before);
      const wet = await run(zstd, [...line.split(' '), '--confirm'], storage);
      expect(marked(wet)).toEqual(marked(dry));
      const gone = new Set(marked(dry));
      expect(gone.size).toBeGreaterThan(1);
      expect(await keysOf(storage)).toEqual(before.filter((key) => !gone.has(key)));
      expect(wet.log.at(-1)?.message).toBe(`Objects deleted successfully: count=${gone.size}`);
      if (line.startsWith('target')) return;
      const again = await run(zstd, [...line.split(' '), '--confirm'], storage);
      expect(again.log.at(-1)?.message).toBe('No objects matched the deletion criteria.');
    },
  );

  it('begins no recovery window too late because of a wrong clock of this machine', async () => {
    const day = (n: number) => new Date(`2026-11-${String(n).padStart(2, '0')}T00:00:00Z`);
    const inventory = madeInventory({
      backups: [2, 10, 18].map((n) => ({ start: `0/${n}000028`, finish: `0/${n}000130`, finished: day(n) })),
      segments: { 1: [2, 16, 24] },
      storedAt: () => day(18),
    });
    const storage = await storedArchive(inventory, fakeClock(day(21)));
    const policy = await commandEntries.find(({ name }) => name === 'delete policy')?.load();
    if (policy === undefined) throw new TypeError('no such command');
    const scene = { transport: { storage, ...none }, clock: fakeClock(new Date('2027-11-21T00:00:00Z')) };
    const { log, stdout } = await runCommand(policy, ['--pitr-window', '14d', '--confirm'], scene);
    expect(stdout).toContain('recovery window 14d (since 2026-11-07T00:');
    expect(log.map(({ message }) => message)).toContainEqual(expect.stringContaining('clock of this machine is ahead'));
  });

  it('everything FORCE leaves nothing at all', async () => {
    const storage = await openListedFixture(zstd);
    await run(zstd, ['everything', 'FORCE', '--confirm'], storage);
    expect(await keysOf(storage)).toEqual([]);
  });
});

describe('the plan', () => {
  it('says why a backup goes or stays, which WAL goes, and what can be recovered before and after', async () => {
    const { stdout } = await run(zstd, ['retain', '1']);
    expect(stdout).toMatch(new RegExp(`^goes +${first} .* older than "${last}"$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^stays +${permanent} .* its own +permanent$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^stays +${last} .* all that follows +among the newest 1$`, 'm'));
    expect(stdout).toContain(
      'goes: WAL of timeline 1: 000000010000000000000008 to 00000001000000000000000E (7 segments',
    );
    expect(stdout).toContain('Recovery is possible now:\n  timeline 1 of system 7710462579697341292: from 0/A07BB8');
    expect(stdout).toContain('and afterwards:\n');
    expect(stdout).toContain('Nothing was: add --confirm to delete them.');
  });

  it('is JSON when asked for', async () => {
    const { stdout } = await run(zstd, ['retain', 'FULL', '1', '--json']);
    const plan: unknown = JSON.parse(stdout);
    expect(plan).toMatchObject({
      dry_run: true,
      objects: 28,
      nothing: null,
      policy: null,
      backups: [
        { backup_name: first, goes: true, wal_kept: null, storage_name: null },
        { backup_name: delta, goes: true },
        { backup_name: permanent, goes: false, wal_kept: 'consistent', reasons: ['permanent'], is_permanent: true },
        { backup_name: last, goes: false, wal_kept: 'following' },
      ],
      wal: [
        { timeline: 1, first: '000000010000000000000008', last: '00000001000000000000000E', segments: 7 },
        { timeline: 1, first: '000000010000000000000010', last: '000000010000000000000011', segments: 2 },
      ],
      warnings: [],
    });
  });

  it('of a policy explains each of its lines', async () => {
    const { stdout } = await run(zstd, ['policy', '--keep-last', '1']);
    expect(stdout).toContain(`keep last 1: ${last}\n`);
    expect(JSON.parse((await run(zstd, ['policy', '--keep-last', '1', '--json'])).stdout)).toMatchObject({
      policy: [{ rule: 'keep last 1', keeps: [last] }, {}, {}],
    });
  });
});

describe('delete refuses', () => {
  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['retain 0', 'usage', /less than one/],
    ['retain FULL', 'usage', /how many/],
    ['retain some', 'usage', /not a number/],
    ['retain FULL 5 6', 'usage', /too many arguments: 6/],
    ['retain all 5', 'usage', /unknown word "all"/],
    ['retain 3', 'forbidden', /is a delta: what it builds on cannot be deleted: "base_00000001000000000000000A"/],
    ['retain 1 --after 2019-12-12T12:12:12', 'usage', /not a time with a zone/],
    ['retain 1 --after nothing', 'missing', /"nothing"/],
    ['before 2999-01-01T00:00:00Z', 'usage', /in the future/],
    ['before FULL base_0', 'usage', /"FULL" means nothing/],
    ['before base_0000', 'usage', /several backups begin with "base_0000"/],
    ['before base_1', 'missing', /"base_1"/],
    [`before ${delta}`, 'forbidden', /is a delta/],
    ['before 2026-11-21', 'usage', /not a time with a zone/],
    ['target', 'usage', /either the name/],
    ['target base_1', 'missing', /"base_1"/],
    ['target --target-user-data nonsense', 'usage', /not JSON/],
    ['target --target-user-data "nobody"', 'missing', /user data/],
    [`target ${permanent}`, 'forbidden', /found permanent backups: "base_00000001000000000000000F"/],
    ['everything', 'forbidden', /found permanent backups/],
    ['everything NOW', 'usage', /unknown word "NOW"/],
    ['garbage WAL', 'usage', /unknown word "WAL"/],
    ['policy', 'usage', /policy is empty/],
    ['policy --keep-last 0', 'usage', /--keep-last/],
  ];
  it.each(refused)('%s', async (line, kind, message) => {
    const error: unknown = await run(zstd, line.split(' ')).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ArchiverError);
    expect(error).toMatchObject({ kind });
    expect((error as ArchiverError).message).toMatch(message);
  });
});

it('delete finds the size of segments when the settings are wrong', async () => {
  const storage = await openListedFixture(zstd);
  const { log } = await run('pg15-lz4-delta', ['garbage'], storage);
  expect(log[0]).toMatchObject({ level: 'warn', fields: { bytes: 2 ** 20 } });
  expect(marked({ log })).toEqual(marked(await run(zstd, ['garbage'])));
});

it.each(['retain 1', 'before FIND_FULL 2026-11-21T03:32:51Z', `target ${first}`, 'garbage', 'everything FORCE'])(
  'delete %s understands --use-sentinel-time',
  async (line) => {
    const plain = await run(zstd, line.split(' '));
    expect(marked(await run(zstd, [...line.split(' '), '--use-sentinel-time']))).toEqual(marked(plain));
  },
);

describe('delete without anything to do', () => {
  it.each([
    ['retain 9', 'No backup found for deletion'],
    ['retain FULL 4', 'No backup found for deletion'],
    ['before 2026-11-21T04:00:00Z', 'No backup found for deletion'],
    ['before 2026-11-21T03:32:46Z', 'No objects matched the deletion criteria.'],
  ])('%s ends well', async (line, message) => {
    const storage = await openListedFixture(zstd);
    if (line.includes('03:32:46')) await run(zstd, ['garbage', '--confirm'], storage);
    const { status, log } = await run(zstd, line.split(' '), storage);
    expect(status).toBe(0);
    expect(log.at(-1)?.message).toBe(message);
  });
});
