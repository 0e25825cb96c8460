import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CorruptError, InterruptedError } from '../../../../src/errors.ts';
import { WalNotArchivedError } from '../../../../src/postgres/wal/fetch.ts';
import {
  mustStopServer,
  recoveryStateOf,
  UndecidedError,
  undecidedStatus,
} from '../../../../src/postgres/wal/recovery-state.ts';
import { StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';
import { makeDataDirectory } from '../../../../testtools/wal.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  makeDataDirectory(directory.path);
});
afterEach(() => directory[Symbol.asyncDispose]());

describe('who asks for WAL', () => {
  const signal = (name: string): void => writeFileSync(join(directory.path, name), '');
  const state = (destination = 'pg_wal/RECOVERYXLOG', cwd = directory.path): string =>
    recoveryStateOf(destination, cwd);

  it('is nobody, a server in archive recovery, or a standby, by the signal files', () => {
    expect(state()).toBe('none');
    signal('recovery.signal');
    expect(state()).toBe('archiveRecovery');
    signal('standby.signal');
    expect(state()).toBe('standby');
  });

  it('is known by an absolute destination, or by the current directory', () => {
    signal('recovery.signal');
    expect(state(join(directory.path, 'pg_wal/RECOVERYXLOG'), '/')).toBe('archiveRecovery');
    expect(state('/tmp/segment', directory.path)).toBe('archiveRecovery');
    expect(state('/tmp/segment', '/')).toBe('none');
  });
});

describe('what stops a server in archive recovery', () => {
  it('is everything but proof of absence and its own signal', () => {
    expect(mustStopServer(new StorageUnavailableError('x'), 'archiveRecovery')).toBe(true);
    expect(mustStopServer(new CorruptError('x'), 'archiveRecovery')).toBe(true);
    expect(mustStopServer(new TypeError('a bug'), 'archiveRecovery')).toBe(true);
    expect(mustStopServer(new WalNotArchivedError('x', 'y'), 'archiveRecovery')).toBe(false);
    expect(mustStopServer(new InterruptedError(), 'archiveRecovery')).toBe(false);
  });

  it('stops no standby and no shell', () => {
    for (const state of ['standby', 'none'] as const) expect(mustStopServer(new CorruptError('x'), state)).toBe(false);
  });

  it('has a status that PostgreSQL takes for fatal, and that is neither a shell’s nor a signal’s', () => {
    expect(undecidedStatus).toBeGreaterThan(128 + 64);
    expect(undecidedStatus).toBeLessThan(256);
  });

  it('tells how to repair it', () => {
    const error = new UndecidedError('x', new StorageUnavailableError('gone', { hint: 'Mount it.' }));
    expect(error.hint).toMatch(/^Mount it\. .*start it again/);
  });
});
