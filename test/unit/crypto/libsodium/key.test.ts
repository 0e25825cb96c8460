import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { libsodiumKey } from '../../../../src/crypto/libsodium/key.ts';
import { messageOf } from '../../../../src/errors.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

const hex = '7f3c0a51d94be26870a1f4c8e3529bd6061e8fb34d7ac25990ee13b7425dc8a4';
const bytes = Buffer.from(hex, 'hex');

function keyOf(text: string, transform?: string): Buffer {
  return Buffer.from(libsodiumKey(rawSettings({ WALG_LIBSODIUM_KEY: text, WALG_LIBSODIUM_KEY_TRANSFORM: transform })));
}

async function keyOfFile(content: string | Uint8Array, transform?: string): Promise<Buffer> {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'key');
  writeFileSync(path, content);
  const settings = { WALG_LIBSODIUM_KEY_PATH: path, WALG_LIBSODIUM_KEY_TRANSFORM: transform };
  return Buffer.from(libsodiumKey(rawSettings(settings)));
}

describe('a libsodium key without a transform', () => {
  it('is the first 32 bytes of the text', () => {
    const text = 'a key of 40 bytes, all of them in ASCII!!';
    expect(keyOf(text).toString()).toBe(text.slice(0, 32));
    expect(keyOf(text, 'none').toString()).toBe(text.slice(0, 32));
  });

  it('is padded with zeros from 25 bytes on, and refused below', () => {
    expect(keyOf('x'.repeat(25))).toEqual(Buffer.from('x'.repeat(25) + '\0'.repeat(7)));
    expect(keyOf('ü'.repeat(13)).subarray(0, 27)).toEqual(Buffer.from('ü'.repeat(13) + '\0'));
    expect(() => keyOf('x'.repeat(24))).toThrow('WALG_LIBSODIUM_KEY has 24 bytes, fewer than 25');
  });

  it('keeps white space that is given in the variable, and loses that around the text of a file', async () => {
    expect(keyOf(` ${'x'.repeat(24)}\n`)).toEqual(Buffer.from(` ${'x'.repeat(24)}\n${'\0'.repeat(6)}`));
    const trimmed = await keyOfFile(`\r\n\t ${'x'.repeat(30)}\u0085\u00a0 \n`);
    expect(trimmed).toEqual(Buffer.from(`${'x'.repeat(30)}\0\0`));
  });

  it('may be bytes that are no text', async () => {
    expect(await keyOfFile(bytes)).toEqual(bytes);
    const odd = Buffer.from(Array.from({ length: 32 }, (_, at) => 0xe0 + at));
    expect(await keyOfFile(odd)).toEqual(odd);
  });
});

describe('a libsodium key in hex or base64', () => {
  it('is decoded, from the variable and from a file', async () => {
    expect(keyOf(hex, 'hex')).toEqual(bytes);
    expect(keyOf(hex.toUpperCase(), 'hex')).toEqual(bytes);
    expect(keyOf(bytes.toString('base64'), 'base64')).toEqual(bytes);
    expect(await keyOfFile(`${hex}\n`, 'hex')).toEqual(bytes);
    expect(await keyOfFile(` ${bytes.toString('base64')}\r\n`, 'base64')).toEqual(bytes);
  });

  it.each([
    ['hex', hex.slice(2)],
    ['hex', `${hex}00`],
    ['hex', `g${hex.slice(1)}`],
    ['base64', bytes.subarray(1).toString('base64')],
    ['base64', bytes.toString('base64').replace('=', '')],
    ['base64', bytes.toString('base64url')],
    ['base64', `${bytes.toString('base64')}AAAA`],
  ])('is refused in %s when it is not 32 bytes of it, without a byte of it in the error', (transform, text) => {
    const error = errorOf(() => keyOf(text, transform));
    expect(error).toMatchObject({ kind: 'config' });
    expect(messageOf(error)).toContain(`not 32 bytes in ${transform}`);
    expect(JSON.stringify(error) + messageOf(error)).not.toContain(text.slice(4, 12));
  });

  it('is refused with another word for the transform', () => {
    expect(() => keyOf(hex, 'HEX')).toThrow('allowed: none, base64, hex');
  });
});

describe('the source of a libsodium key', () => {
  it('is the variable when the file is given, too', () => {
    const settings = { WALG_LIBSODIUM_KEY: 'x'.repeat(32), WALG_LIBSODIUM_KEY_PATH: '/nonexistent' };
    expect(Buffer.from(libsodiumKey(rawSettings(settings))).toString()).toBe('x'.repeat(32));
  });

  it('is told when it cannot be read', () => {
    const error = errorOf(() => libsodiumKey(rawSettings({ WALG_LIBSODIUM_KEY_PATH: '/nonexistent/key' })));
    expect(error).toMatchObject({ kind: 'config' });
    expect(messageOf(error)).toMatch(/cannot read the libsodium key file "\/nonexistent\/key": .*ENOENT/);
  });
});

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
