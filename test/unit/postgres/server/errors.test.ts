import { describe, expect, it } from 'vitest';
import { ConnectError, isRefusal, isServerMessage, ServerQueryError } from '../../../../src/postgres/server/errors.ts';

function serverMessage(code: string, text = 'no'): Error {
  return Object.assign(new Error(text), { name: 'error', code });
}

function systemError(code: string): Error {
  return Object.assign(new Error(`connect ${code} somewhere`), { code });
}

describe('errors of the server', () => {
  it.each([
    ['28P01', 'forbidden', 'PGPASSWORD'],
    ['28000', 'forbidden', 'pg_hba.conf'],
    ['42501', 'forbidden', 'superuser'],
    ['3D000', 'config', 'PGDATABASE'],
    ['55000', 'config', 'log of the server'],
    ['53300', 'unavailable', 'log of the server'],
    ['57P03', 'unavailable', 'log of the server'],
    ['XX000', 'unexpected', 'log of the server'],
  ])('of the state %s are of the kind %s, with advice on %s', (state, kind, advice) => {
    const error = new ServerQueryError('cannot ask', serverMessage(state));
    expect(error).toMatchObject({ kind, sqlState: state, message: 'cannot ask: no' });
    expect(error.hint).toContain(advice);
    expect(new ConnectError([{ place: 'p', error: serverMessage(state) }]).kind).toBe(kind);
  });

  it('tell messages of the server from failures of the network', () => {
    expect(isServerMessage(serverMessage('53300'))).toBe(true);
    expect(isServerMessage(systemError('EPIPE'))).toBe(false);
    expect(isRefusal(serverMessage('28P01'))).toBe(true);
    expect(isRefusal(serverMessage('57P03'))).toBe(false);
    expect(isRefusal(systemError('ECONNREFUSED'))).toBe(false);
  });

  it('name every place that was tried, with the reasons of all its addresses', () => {
    const both = new AggregateError([systemError('ECONNREFUSED'), systemError('EACCES')]);
    const error = new ConnectError([
      { place: 'a:1', error: both },
      { place: '/s', error: systemError('ENOENT') },
    ]);
    expect(error.message).toBe(
      'cannot connect to the PostgreSQL server: "a:1": connection refused, permission denied; "/s": there is no such socket',
    );
    expect(error).toMatchObject({ kind: 'unavailable', hint: expect.stringContaining('PGHOST') as string });
  });
});
