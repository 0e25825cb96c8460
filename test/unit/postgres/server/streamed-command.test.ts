import { EventEmitter } from 'node:events';
import type { Connection } from 'pg';
import { describe, expect, it } from 'vitest';
import { StreamedCommand } from '../../../../src/postgres/server/streamed-command.ts';

/** What a command needs of the driver's connection. */
class StubConnection extends EventEmitter {
  readonly sent: string[] = [];
  reading = true;
  readonly stream = {
    pause: () => (this.reading = false),
    resume: () => (this.reading = true),
  };
  query(text: string): void {
    this.sent.push(text);
  }
}

function submitted(): {
  readonly command: StreamedCommand;
  readonly stub: StubConnection;
  readonly connection: Connection;
} {
  const command = new StreamedCommand('BASE_BACKUP');
  const stub = new StubConnection();
  const connection = stub as unknown as Connection;
  command.submit(connection);
  return { command, stub, connection };
}

describe('a command that streams', () => {
  it('gives results and streams in the order of the server, then its end', async () => {
    const { command, stub, connection } = submitted();
    expect(stub.sent).toEqual(['BASE_BACKUP']);
    command.handleRowDescription({ fields: [{ name: 'recptr' }, { name: 'tli' }] });
    command.handleDataRow({ fields: ['0/2000028', '1'] });
    command.handleCommandComplete();
    command.handleRowDescription({ fields: [{ name: 'spcoid' }] });
    command.handleDataRow({ fields: [null] });
    command.handleCommandComplete();
    stub.emit('copyOutResponse');
    command.handleCopyData({ chunk: Buffer.from('tar') }, connection);
    stub.emit('copyDone');
    command.handleCommandComplete();
    command.handleReadyForQuery();
    expect(await command.next()).toEqual({ kind: 'rows', rows: [{ recptr: '0/2000028', tli: '1' }] });
    expect(await command.next()).toEqual({ kind: 'rows', rows: [{ spcoid: null }] });
    expect(await command.next()).toEqual({ kind: 'copy' });
    expect(await command.next()).toEqual({ kind: 'data', bytes: Buffer.from('tar') });
    expect(await command.next()).toEqual({ kind: 'end of copy' });
    expect(await command.next()).toBeUndefined();
    expect(stub.listenerCount('copyDone')).toBe(0);
  });

  it('reads on only when somebody waits and nothing is at hand', async () => {
    const { command, stub, connection } = submitted();
    command.handleCopyData({ chunk: Buffer.from('1') }, connection);
    command.handleCopyData({ chunk: Buffer.from('2') }, connection);
    expect(stub.reading).toBe(false);
    await command.next();
    await command.next();
    expect(stub.reading).toBe(false);
    const waiting = command.next();
    expect(stub.reading).toBe(true);
    command.handleCopyData({ chunk: Buffer.from('3') }, connection);
    expect(await waiting).toMatchObject({ kind: 'data' });
    expect(stub.reading).toBe(false);
  });

  it('gives what came before an error, then the error', async () => {
    const { command, stub } = submitted();
    stub.emit('copyOutResponse');
    command.handleError(new Error('disk full'));
    expect(await command.next()).toEqual({ kind: 'copy' });
    await expect(command.next()).rejects.toThrow('disk full');
    await expect(command.next()).rejects.toThrow('disk full');
  });
});
