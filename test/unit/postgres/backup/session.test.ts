import { beforeEach, describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { openBackupSession, type SessionOptions } from '../../../../src/postgres/backup/session.ts';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import type { BackupStart, PostgresServer } from '../../../../src/postgres/server/server.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';

const mebibyte = 1024 * 1024;

/** Gives the starts out one after another, the last one again and again. */
class StubServer {
  readonly segmentBytes = 16 * mebibyte;
  readonly calls: string[] = [];
  readonly lostBy = new AbortController();
  readonly lost = this.lostBy.signal;
  lockedElsewhere = new Set<string>();
  pingFails = false;
  readonly #starts: BackupStart[];

  constructor(...starts: BackupStart[]) {
    this.#starts = starts;
  }

  startBackup(): Promise<BackupStart> {
    this.calls.push('start');
    const start = this.#starts.length > 1 ? this.#starts.shift() : this.#starts[0];
    return start === undefined ? Promise.reject(new Error('no')) : Promise.resolve(start);
  }

  stopBackup() {
    this.calls.push('stop');
    return Promise.resolve({ lsn: parseLsn('0/2000100'), label: 'label', tablespaceMap: '' });
  }

  cancelBackup(): Promise<void> {
    this.calls.push('cancel');
    return Promise.resolve();
  }

  tryLock(name: string): Promise<boolean> {
    return Promise.resolve(!this.lockedElsewhere.has(name));
  }

  ping(): Promise<void> {
    return this.pingFails ? Promise.reject(new Error('no answer')) : Promise.resolve();
  }
}

const primary: BackupStart = {
  lsn: parseLsn('0/2000028'),
  timeline: 1,
  walFileName: '000000010000000000000002',
  inRecovery: false,
};
const next: BackupStart = { ...primary, lsn: parseLsn('0/3000028'), walFileName: '000000010000000000000003' };
const standby: BackupStart = { lsn: parseLsn('0/3000000'), timeline: 2, walFileName: '', inRecovery: true };

describe('a backup on the server', () => {
  let options: SessionOptions;

  beforeEach(() => {
    options = {
      storage: createMemoryStorage(),
      signal: new AbortController().signal,
      clock: fakeClock(),
      logger: silentLogger,
      aliveCheckIntervalMs: 0,
      stopTimeoutMs: 0,
      chooseBase: () => Promise.resolve(undefined),
    };
  });

  function open(server: StubServer, changes: Partial<SessionOptions> = {}) {
    return openBackupSession(server as unknown as PostgresServer, { ...options, ...changes });
  }

  async function complete(backup: string): Promise<void> {
    await options.storage.write(`basebackups_005/${backup}_backup_stop_sentinel.json`, fromBytes(Buffer.from('{}')));
  }

  it('is named after the WAL file that the server tells', async () => {
    const session = await open(new StubServer(primary));
    expect(session).toMatchObject({ name: 'base_000000010000000000000002', timeline: 1, inRecovery: false });
  });

  it('of a standby is named after the segment of the byte before its start', async () => {
    const session = await open(new StubServer(standby));
    expect(session.name).toBe('base_000000020000000000000002');
  });

  it('starts again on a primary when the name is being used or taken', async () => {
    const server = new StubServer(primary, next);
    server.lockedElsewhere.add('base_000000010000000000000002');
    expect((await open(server)).name).toBe('base_000000010000000000000003');
    expect(server.calls).toEqual(['start', 'cancel', 'start']);

    await complete('base_000000010000000000000002');
    expect((await open(new StubServer(primary, next))).name).toBe('base_000000010000000000000003');
  });

  it('gives up after some starts, and ends the last one', async () => {
    const server = new StubServer(primary);
    server.lockedElsewhere.add('base_000000010000000000000002');
    await expect(open(server)).rejects.toMatchObject({ kind: 'busy' });
    expect(server.calls.filter((call) => call === 'start')).toHaveLength(5);
    expect(server.calls.at(-1)).toBe('cancel');
  });

  it('of a standby is refused at once when another run has the name or there is such a backup', async () => {
    const server = new StubServer(standby);
    server.lockedElsewhere.add('base_000000020000000000000002');
    await expect(open(server)).rejects.toMatchObject({ kind: 'busy' });
    expect(server.calls).toEqual(['start', 'cancel']);

    await complete('base_000000020000000000000002');
    await expect(open(new StubServer(standby))).rejects.toMatchObject({ kind: 'cannotWrite' });
  });

  it('is ended by disposal unless it was stopped', async () => {
    const server = new StubServer(primary);
    const session = await open(server);
    await session[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
    expect(server.calls).toEqual(['start', 'cancel']);

    const other = new StubServer(primary);
    const stopped = await open(other);
    expect(await stopped.stop()).toMatchObject({ label: 'label', lsn: parseLsn('0/2000100') });
    await stopped[Symbol.asyncDispose]();
    expect(other.calls).toEqual(['start', 'stop']);
  });

  it('aborts its signal with the reason when the server is lost', async () => {
    const server = new StubServer(primary);
    const session = await open(server);
    expect(session.signal.aborted).toBe(false);
    server.lostBy.abort(new Error('connection reset'));
    expect(session.signal.reason).toMatchObject({ message: 'connection reset' });
  });

  it('aborts its signal when the server stops answering', async () => {
    const server = new StubServer(primary);
    const session = await open(server, { aliveCheckIntervalMs: 1 });
    server.pingFails = true;
    await new Promise((resolve) => {
      session.signal.addEventListener('abort', resolve);
    });
    expect(session.signal.reason).toMatchObject({ kind: 'unavailable', cause: { message: 'no answer' } });
  });

  it('is not asked again and again because an interval is longer than a timer can be', async () => {
    const server = new StubServer(primary);
    const session = await open(server, { aliveCheckIntervalMs: 1_000 * 3_600_000 });
    server.pingFails = true;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(session.signal.aborted).toBe(false);
    await session[Symbol.asyncDispose]();
  });

  it('notices that the server stopped answering also while it is being stopped', async () => {
    const server = new StubServer(primary);
    const session = await open(server, { aliveCheckIntervalMs: 1 });
    const stop = Promise.withResolvers<never>();
    server.stopBackup = () => stop.promise;
    const stopped = expect(session.stop()).rejects.toThrow('cut off');
    server.pingFails = true;
    await new Promise((resolve) => {
      session.signal.addEventListener('abort', resolve);
    });
    stop.reject(new Error('cut off'));
    await stopped;
  });

  it('ends the start when the storage cannot be asked', async () => {
    const server = new StubServer(primary);
    const storage = { ...options.storage, stat: () => Promise.reject(new Error('storage away')) };
    await expect(open(server, { storage })).rejects.toThrow('storage away');
    expect(server.calls).toEqual(['start', 'cancel']);
  });
});
