import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../../src/errors.ts';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import { formatStandbyStatus, parseWalMessage } from '../../../../src/postgres/receive/streaming-protocol.ts';
import { formatKeepalive, formatWal } from '../../../../testtools/made-stream.ts';

describe('the messages of a stream of WAL', () => {
  it('are WAL, with where it begins and how far the server is', () => {
    expect(parseWalMessage(formatWal(0x1_0000_0010n, 0x1_0000_0100n, Buffer.from('wal')))).toEqual({
      kind: 'wal',
      start: 0x1_0000_0010n,
      serverEnd: 0x1_0000_0100n,
      bytes: Buffer.from('wal'),
    });
  });

  it('are signs of life, some of which want an answer', () => {
    const keepalive = { kind: 'keepalive', serverEnd: 7n };
    expect(parseWalMessage(formatKeepalive(7n, false))).toEqual({ ...keepalive, wantsReply: false });
    expect(parseWalMessage(formatKeepalive(7n, true))).toEqual({ ...keepalive, wantsReply: true });
  });

  it('are refused when they are anything else', () => {
    expect(() => parseWalMessage(Buffer.from('k1234'))).toThrow(CorruptError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          parseWalMessage(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
        }
      }),
    );
  });

  it('are answered with how far the archive is, the same for written and flushed, nothing applied', () => {
    const message = formatStandbyStatus({
      durable: toLsn(0x1_0000_0010n),
      now: new Date('2000-01-01T00:00:01.5Z'),
      wantsReply: true,
    });
    expect(message.toString('hex')).toBe(
      ['72', '0000000100000010', '0000000100000010', '0000000000000000', '000000000016e360', '01'].join(''),
    );
  });
});
