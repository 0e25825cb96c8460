import { describe, expect, it } from 'vitest';
import { readText } from '../../../../src/catalog/backup-store.ts';
import { sentinelKey } from '../../../../src/catalog/layout.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { backupMark } from '../../../../src/commands/backup-mark.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { openListedFixture, timedStorage, type TimedStorage } from '../../../../testtools/catalogue.ts';
import { runCommand } from '../../../../testtools/command-run.ts';

const [full, first, second] = ['stream_20261121T010000Z', 'stream_20261121T020000Z', 'stream_20261121T030000Z'];

async function mark(storage: Storage, ...words: readonly string[]): Promise<readonly string[]> {
  const { log } = await runCommand(backupMark, words, { transport: { storage, codec: noneCodec, crypter: undefined } });
  return log.map(({ message, fields }) => `${message}: ${String(fields['backup'])}`);
}

async function madeChain(): Promise<TimedStorage> {
  const storage = timedStorage();
  for (const [name, parent] of [[full], [first, full], [second, first]] as const) {
    const delta =
      parent === undefined ? {} : { IsIncremental: true, DeltaFrom: parent, DeltaFullName: full, DeltaCount: 1 };
    const text = JSON.stringify({ LSN: 9007199254740993, Unheard: [1], IsPermanent: false, ...delta });
    await storage.put(sentinelKey(name), text.replace('9007199254740992', '9007199254740993'), 1795231728n * 10n ** 9n);
  }
  return storage;
}

async function permanentOf(storage: Storage): Promise<readonly string[]> {
  const texts = await Promise.all(
    [full, first, second].map(async (name) => ({ name, text: await readText(storage, sentinelKey(name)) })),
  );
  return texts.filter(({ text }) => text.includes('"IsPermanent":true')).map(({ name }) => name);
}

describe('backup-mark of MySQL', () => {
  it('marks what the backup builds on, the oldest first', async () => {
    const storage = await madeChain();
    expect(await mark(storage, second)).toEqual(
      [full, first, second].map((name) => `backup is permanent now: ${name}`),
    );
    expect(await permanentOf(storage)).toEqual([full, first, second]);
    expect(await mark(storage, '-b', second)).toEqual([`the backup is permanent already: ${second}`]);
  });

  it('takes the mark from one that no permanent one is made of', async () => {
    const storage = await madeChain();
    await mark(storage, first);
    await expect(mark(storage, '-i', full)).rejects.toMatchObject({ kind: 'forbidden' });
    expect(await mark(storage, '-i', '-b', first)).toEqual([`backup is no longer permanent: ${first}`]);
    expect(await permanentOf(storage)).toEqual([full]);
  });

  it('changes nothing else in a sentinel, and leaves one of WAL-G as it was when the mark is taken away', async () => {
    const made = await madeChain();
    const text = await readText(made, sentinelKey(full));
    await mark(made, full);
    expect(await readText(made, sentinelKey(full))).toBe(text.replace('"IsPermanent":false', '"IsPermanent":true'));
    const storage = await openListedFixture('mariadb-streams');
    const key = sentinelKey('stream_20261121T032847Z');
    const before = await readText(storage, key);
    await mark(storage, 'stream_20261121T032847Z');
    expect(await readText(storage, key)).not.toBe(before);
    await mark(storage, '-i', 'stream_20261121T032847Z');
    expect(await readText(storage, key)).toBe(before);
  });

  it('says what is missing', async () => {
    const storage = await madeChain();
    await expect(mark(storage, 'stream_20200101T000000Z')).rejects.toMatchObject({ kind: 'missing' });
    await expect(mark(storage)).rejects.toMatchObject({ kind: 'usage' });
    await expect(mark(storage, full, '-b', first)).rejects.toMatchObject({ kind: 'usage' });
  });
});
