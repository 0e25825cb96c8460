import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { plainTransport } from '../../../../testtools/made-backup.ts';
import {
  linkName,
  madeIncrement,
  makeChain,
  plainPage,
  restoreChain,
  type MadeFile,
  type MadeLink,
} from '../../../../testtools/made-chain.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import type { FetchRequest } from '../../../../src/postgres/backup/fetch.ts';
import { parseRestoreOnly } from '../../../../src/postgres/restore/restore-only.ts';

let temporary: TemporaryDirectory;
let destination: string;
beforeEach(async () => {
  temporary = await temporaryDirectory();
  destination = join(temporary.path, 'data');
});
afterEach(() => temporary[Symbol.asyncDispose]());

const name = '/base/5/100';
const neighbour = '/base/5/200';
const full: MadeLink = {
  files: [
    { kind: 'whole', name, content: Buffer.concat([plainPage(1), plainPage(2), plainPage(3)]) },
    { kind: 'whole', name: neighbour, content: plainPage(9) },
  ],
};

function deltaWith(content: Uint8Array): MadeLink {
  return {
    files: [
      { kind: 'increment', name, content },
      { kind: 'skipped', name: neighbour },
    ],
  };
}

const good = madeIncrement(3, [
  [0, plainPage(11)],
  [2, plainPage(13)],
]);

function changed(at: number, ...values: readonly number[]): Buffer {
  const bytes = Buffer.from(good);
  bytes.set(values, at);
  return bytes;
}

async function restore(links: readonly MadeLink[], request: Partial<FetchRequest> = {}): Promise<void> {
  const transport = plainTransport();
  const newest = await makeChain(transport.storage, links);
  await restoreChain(transport, newest, { destination, ...request });
}

/** In this order; the result can't be started. */
async function refuses(links: readonly MadeLink[], newestFirst: boolean, message: RegExp | string): Promise<void> {
  const restoring = restore(links, { newestFirst });
  await expect(restoring).rejects.toThrow(message);
  await expect(restoring).rejects.toMatchObject({ kind: 'corrupt', hint: expect.any(String) as string });
  expect(existsSync(join(destination, 'global/pg_control'))).toBe(false);
}

const orders = [
  ['newest first', true],
  ['full backup first', false],
] as const;

describe.each(orders)('%s', (_, newestFirst) => {
  it('a good increment is taken', async () => {
    await restore([full, deltaWith(good)], { newestFirst });
    const expected = Buffer.concat([plainPage(11), plainPage(2), plainPage(13)]);
    expect(readFileSync(join(destination, name)).equals(expected)).toBe(true);
    expect(readFileSync(join(destination, neighbour)).equals(plainPage(9))).toBe(true);
  });

  it.each([
    ['with another magic', changed(0, 0), /part_001.tar": "base\/5\/100": an increment has another magic/],
    ['of another version', changed(2, 0x32), /unknown version/],
    ['of an odd size', changed(4, 1), /of a file of 24577 bytes/],
    ['of a size beyond all', changed(9, 0x10), /of a file of/],
    ['of a file as large as none of the cluster', changed(4, 0, 0, 0, 0, 0x80), /page|larger files|no space/],
    ['with a page too many', changed(12, 3), /16408 bytes with 3 pages/],
    ['with a page too few', changed(12, 1), /16408 bytes with 1 pages/],
    ['with a page twice', changed(20, 0), /block 0 after block 0/],
    ['with pages out of order', changed(16, 2, 0, 0, 0, 1), /block 1 after block 2/],
    ['with a page beyond the end', changed(20, 3), /block 3 of 3/],
    ['that is cut short', good.subarray(0, -1), /16407 bytes with 2 pages/],
    ['that is cut in its head', good.subarray(0, 10), /ends within its head/],
    ['that is empty', Buffer.alloc(0), /ends within its head/],
    ['that goes on', Buffer.concat([good, Buffer.alloc(1)]), /16409 bytes with 2 pages/],
  ])('an increment %s is refused', async (_name, content, message) => {
    await refuses([full, deltaWith(content)], newestFirst, message);
  });

  it('a malformed increment changes nothing of a file that is there', async () => {
    await refuses([full, deltaWith(changed(20, 3))], newestFirst, /block 3 of 3/);
    const restored = join(destination, name);
    if (newestFirst) expect(statSync(restored, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
    else expect(readFileSync(restored).equals(Buffer.concat([plainPage(1), plainPage(2), plainPage(3)]))).toBe(true);
  });

  it('a page that no backup has is told with its file, and is not zeros', async () => {
    const grown = deltaWith(madeIncrement(5, [[4, plainPage(15)]]));
    await refuses([full, grown], newestFirst, /page 3.*"base\/5\/100"|"base\/5\/100".*page 3/);
  });

  it('pages of before the file was cut off do not come back', async () => {
    const cut = deltaWith(madeIncrement(1, []));
    const grown = deltaWith(madeIncrement(3, [[2, plainPage(7)]]));
    await refuses([full, cut, grown], newestFirst, /page 1/);
  });

  it('an increment of a file that the backup below does not have is refused before anything is written', async () => {
    const [, second] = full.files;
    const below: MadeLink = { files: second === undefined ? [] : [second] };
    await refuses([below, deltaWith(good)], newestFirst, `"${linkName(0)}" lacks "base/5/100"`);
    expect(existsSync(destination)).toBe(false);
  });

  it('a file that is skipped all the way down, and nowhere whole, is refused', async () => {
    const skipping: MadeLink = { files: [{ kind: 'skipped', name }] };
    const broken: MadeLink = { files: [{ kind: 'skipped', name }], sentinel: {} };
    await refuses([{ files: [] }, skipping, broken], newestFirst, /lacks "base\/5\/100"/);
  });

  it('a member that is listed and not there is missed, in an older backup too', async () => {
    const promising: MadeLink = { files: [{ kind: 'whole', name, content: plainPage(1) }] };
    const transport = plainTransport();
    const newest = await makeChain(transport.storage, [promising, { files: [{ kind: 'skipped', name }] }]);
    const other = plainTransport();
    await makeChain(other.storage, [{ files: [] }]);
    const key = `basebackups_005/${linkName(0)}/tar_partitions/part_001.tar`;
    await transport.storage.delete([key]);
    await transport.storage.write(key, await other.storage.read(key));
    const restoring = restoreChain(transport, newest, { destination, newestFirst });
    await expect(restoring).rejects.toThrow(`"${linkName(0)}" lacks 1 of its files, such as "base/5/100"`);
    expect(existsSync(join(destination, 'global/pg_control'))).toBe(false);
  });

  it('a file that vanished between two backups and came back has nothing of its former life', async () => {
    const without: MadeLink = { files: [{ kind: 'skipped', name: neighbour }] };
    const again: MadeLink = {
      files: [
        { kind: 'whole', name, content: plainPage(50) },
        { kind: 'skipped', name: neighbour },
      ],
    };
    await restore([full, without, again, deltaWith(madeIncrement(1, []))], { newestFirst });
    expect(readFileSync(join(destination, name)).equals(plainPage(50))).toBe(true);
  });
});

describe('--restore-only with a chain', () => {
  const relation = (oid: number) => ({ oid, relfilenode: oid });
  const databases = new Map([
    [
      'shop',
      {
        oid: 16_400,
        tables: new Map([
          ['pg_catalog.pg_class', relation(1259)],
          ['public.a', relation(20_000)],
          ['public.b', relation(20_001)],
        ]),
      },
    ],
  ]);
  const whole = (path: string, value: number): MadeFile => ({ kind: 'whole', name: path, content: plainPage(value) });
  const increment = (path: string, value: number): MadeFile => ({
    kind: 'increment',
    name: path,
    content: madeIncrement(2, [[1, plainPage(value)]]),
  });
  const links: readonly MadeLink[] = [
    {
      files: [whole('/base/16400/1259', 1), whole('/base/16400/20000', 2), whole('/base/16400/20001', 3)],
      partOf: (index) => index + 1,
      recordsParts: true,
    },
    {
      files: [
        { kind: 'skipped', name: '/base/16400/1259' },
        increment('/base/16400/20000', 5),
        increment('/base/16400/20001', 6),
      ],
      databases,
    },
  ];

  it('restores what is asked for, and fetches no part that only others need', async () => {
    const transport = plainTransport();
    const newest = await makeChain(transport.storage, links);
    await transport.storage.delete([`basebackups_005/${linkName(0)}/tar_partitions/part_003.tar`]);
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) };
    await restoreChain(transport, newest, { destination, restoreOnly: parseRestoreOnly('shop/a'), logger });
    expect(
      readFileSync(join(destination, 'base/16400/20000')).equals(Buffer.concat([plainPage(2), plainPage(5)])),
    ).toBe(true);
    expect(existsSync(join(destination, 'base/16400/1259'))).toBe(true);
    expect(existsSync(join(destination, 'base/16400/20001'))).toBe(false);
    expect(existsSync(join(destination, 'global/pg_control'))).toBe(true);
    expect(warnings).toEqual([expect.stringMatching(/^only a part was restored/)]);
  });

  it('is refused before anything is written where the backup does not tell the tables', async () => {
    await expect(restore([full, deltaWith(good)], { restoreOnly: parseRestoreOnly('shop/a') })).rejects.toThrow(
      /does not tell/,
    );
    expect(existsSync(destination)).toBe(false);
  });
});
