import { describe, expect, it } from 'vitest';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import { ServerLine } from '../../../../src/postgres/receive/server-line.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { madeStream } from '../../../../testtools/made-stream.ts';

function open() {
  const server = madeStream();
  const clock = fakeClock();
  const stopping = new AbortController();
  const { session } = server;
  const line = new ServerLine({
    ...{ session, conversation: session.converse({ text: '', failure: '' }), clock, stop: stopping.signal },
    durable: () => toLsn(7n),
    statusIntervalMs: 10_000,
  });
  return { server, clock, line, stop: () => stopping.abort() };
}

describe('the talk with a server', () => {
  it('tells it how far the archive is whenever that is due', () => {
    const { server, clock, line } = open();
    line.attend();
    expect(server.statuses).toEqual([]);
    clock.advance(10_000);
    line.attend();
    line.attend();
    expect(server.statuses).toEqual([{ flushed: 7n, wantsReply: false }]);
  });

  it('asks a silent server for a word, once, and gives it up when none comes', async () => {
    const { server, clock, line } = open();
    const waiting = line.next().catch((error: unknown) => error);
    clock.advance(30_000);
    line.attend();
    line.attend();
    expect(server.statuses).toEqual([{ flushed: 7n, wantsReply: true }]);
    clock.advance(29_000);
    line.attend();
    expect(server.destroyed).toBeUndefined();
    clock.advance(1_000);
    line.attend();
    expect(server.destroyed?.message).toBe('it said nothing for 60 s');
    expect(await waiting).toBe(server.destroyed);
  });

  it('does not take for silence that nobody listens', async () => {
    const { server, clock, line } = open();
    server.begin();
    await line.next();
    clock.advance(600_000);
    line.attend();
    expect(server.destroyed).toBeUndefined();
  });

  it('ends the wait when it is to stop, and says goodbye without losing what is on its way', async () => {
    const { server, line, stop } = open();
    const waiting = line.next();
    stop();
    expect(await waiting).toBe('stopped');
    expect(await line.next()).toBe('stopped');
    await line.sayGoodbye();
    expect(server.isFinished).toBe(true);
    expect(server.statuses).toHaveLength(1);
  });
});
