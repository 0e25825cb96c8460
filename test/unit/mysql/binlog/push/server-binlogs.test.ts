import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findServerBinlogs } from '../../../../../src/mysql/binlog/push/server-binlogs.ts';
import { ServerQueryError } from '../../../../../src/mysql/server/errors.ts';
import type { MysqlServer } from '../../../../../src/mysql/server/server.ts';
import { silentLogger } from '../../../../../src/platform/logger.ts';
import { madeBinlog } from '../../../../../testtools/binlog-events.ts';
import { temporaryDirectory } from '../../../../../testtools/temp.ts';

/** A directory with an index file, whose last binary log is open or not. */
function fill(directory: string, base: string, { inUse, relay = false }: { inUse: boolean; relay?: boolean }): void {
  const last = madeBinlog({ events: [], inUse });
  if (relay) last.writeUInt16LE(0x0041, 21);
  writeFileSync(join(directory, `${base}.000002`), last);
  writeFileSync(join(directory, `${base}.index`), `./${base}.000001\n/elsewhere/${base}.000002\n`);
}

function serverOf(answers: Partial<MysqlServer>): MysqlServer {
  return { location: 'here', [Symbol.asyncDispose]: () => Promise.resolve(), ...answers } as MysqlServer;
}

const refused = serverOf({ binaryLogs: () => Promise.reject(new ServerQueryError('Access denied', 1227, '42000')) });

function find(source: string | undefined, server?: MysqlServer, flush = false): Promise<readonly string[]> {
  const connect = server && (() => Promise.resolve(server));
  return findServerBinlogs({ source, flush, connect, logger: silentLogger }).then(({ names }) =>
    names.map(({ name }) => name),
  );
}

it('believes an index file that a server is using, without asking it', async () => {
  await using directory = await temporaryDirectory();
  fill(directory.path, 'b', { inUse: true });
  fill(directory.path, 'old', { inUse: false });
  fill(directory.path, 'relay', { inUse: true, relay: true });
  const never = serverOf({ binaryLogs: () => Promise.reject(new Error('asked')) });
  expect(await find(directory.path, never)).toEqual(['b.000001', 'b.000002']);
});

it('asks the server about any other', async () => {
  await using directory = await temporaryDirectory();
  fill(directory.path, 'b', { inUse: false });
  const listed = ['b.000002', 'b.000003'].map((name) => ({ name, sizeBytes: 1, isEncrypted: false }));
  expect(await find(directory.path, serverOf({ binaryLogs: () => Promise.resolve(listed) }))).toEqual([
    'b.000002',
    'b.000003',
  ]);
  expect(await find(directory.path, refused)).toEqual(['b.000001', 'b.000002']);
  expect(await find(directory.path)).toEqual(['b.000001', 'b.000002']);
  fill(directory.path, 'c', { inUse: false });
  await expect(find(directory.path)).rejects.toThrow(/2 index files/);
  await expect(find(directory.path, serverOf({ binaryLogs: () => Promise.resolve([]) }))).rejects.toThrow(
    /no binary log/,
  );
});

it('reads the index that the server names, and asks it to flush', async () => {
  await using directory = await temporaryDirectory();
  fill(directory.path, 'b', { inUse: true });
  let flushed = 0;
  const server = serverOf({
    flushBinaryLogs: () => Promise.resolve(void (flushed += 1)),
    variables: () =>
      Promise.resolve(
        new Map([
          ['log_bin_basename', join(directory.path, 'b')],
          ['log_bin_index', 'b.index'],
          ['datadir', directory.path],
        ]),
      ),
  });
  expect(await find(undefined, server, true)).toEqual(['b.000001', 'b.000002']);
  expect(flushed).toBe(1);
  const off = serverOf({ variables: () => Promise.resolve(new Map()) });
  await expect(find(undefined, off)).rejects.toThrow(/writes no binary log/);
});

it('says what to set when nobody can be asked, and what is not there', async () => {
  await using directory = await temporaryDirectory();
  await expect(find(undefined)).rejects.toThrow(/WALG_MYSQL_DATASOURCE_NAME is not set/);
  await expect(find(directory.path)).rejects.toThrow(/no index file/);
  await expect(find(join(directory.path, 'none'))).rejects.toThrow(/cannot read .* there is none/);
  writeFileSync(join(directory.path, 'b.index'), './b.000001\n./not-numbered\n');
  await expect(find(directory.path)).rejects.toThrow(/names what is no binary log/);
});
