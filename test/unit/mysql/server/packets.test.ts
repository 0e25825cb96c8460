import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseErrorPacket, PacketLine } from '../../../../src/mysql/server/packets.ts';

describe('packets', () => {
  it.each([0, 1, 100, 0xff_ff_fe, 0xff_ff_ff, 0x1_00_00_00, 2 * 0xff_ff_ff])(
    'of %d bytes come as they were sent',
    async (length) => {
      const wire = new PassThrough();
      const line = new PacketLine(wire);
      const payload = Buffer.alloc(length, 'abc');
      const written = line.write(payload, 254);
      const packet = await line.read();
      expect(packet?.payload.length).toBe(length);
      expect(Buffer.compare(packet?.payload ?? Buffer.alloc(0), payload)).toBe(0);
      expect(await written).toBe((255 + Math.floor(length / 0xff_ff_ff)) % 256);
      wire.end();
      expect(await line.read()).toBeUndefined();
    },
  );

  it('that are cut off, or too long, are refused', async () => {
    const wire = new PassThrough();
    wire.end(Buffer.from([5, 0, 0, 0, 1]));
    await expect(new PacketLine(wire).read()).rejects.toThrow('in the midst of a packet');
    const long = new PassThrough();
    long.end(Buffer.from([5, 0, 0, 0, 1, 2, 3, 4, 5]));
    await expect(new PacketLine(long, 4).read()).rejects.toThrow('a packet of 5 bytes');
  });

  it('of refusals are told from others', () => {
    const refusal = Buffer.concat([Buffer.from([0xff, 0xd4, 0x04]), Buffer.from('#HY000Could not find')]);
    expect(parseErrorPacket(refusal)).toEqual({ errno: 1236, sqlState: 'HY000', message: 'Could not find' });
    expect(parseErrorPacket(Buffer.from([0, 1, 2]))).toBeUndefined();
  });
});
